"""A relay between the gateway and a broker that keeps every byte the gateway sends, and can be away for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.support.waiting import HANG_S


class Tap:
    """Listens on a free port of the loopback interface and passes bytes on both ways.

    Attributes:
        port: Where the gateway has to connect.
        sent: All that it has sent, over all connections.
    """

    def __init__(self, broker_port: int) -> None:
        self.sent = bytearray()
        self._broker_port = broker_port
        self._away = False
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Cut every connection, and take none until the end of the context."""
        self._away = True
        self._cut()
        try:
            yield
        finally:
            self._away = False

    def close(self) -> None:
        """Cut every connection and stop listening."""
        self._away = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._cut()
        for thread in self._threads:
            thread.join(HANG_S)
        self._listener.close()
        for end in self._ends:
            end.close()

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _cut(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(client)
            if self._away:
                self._cut()
                continue
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker_port), 5)
            except OSError:
                self._cut()
                continue
            broker.settimeout(None)
            self._ends.append(broker)
            self._start(self._pass, client, broker, self.sent)
            self._start(self._pass, broker, client, None)

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, kept: bytearray | None) -> None:
        try:
            while data := source.recv(1 << 16):
                if kept is not None:
                    kept += data
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
