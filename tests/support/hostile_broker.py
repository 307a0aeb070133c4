"""A broker in hostile hands: it accepts every client, and does to some what a test wants done to them, a connection each.

Written by hand on plain sockets, since no client or broker library sends what MQTT does not allow.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import mqtt5

from tests.support.live import LiveGateway
from tests.support.memory import peak_kib

Do = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Act:
    """What is done on one connection.

    Attributes:
        do: What is sent.
        accepts: Whether the connection is accepted before.
    """

    do: Do
    accepts: bool = True


class HostileBroker:
    """Does one act after the other to each client that has some, a connection each; to others it listens.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, acts: Mapping[str, Sequence[Do | Act]]) -> None:
        """Begin, with the acts by client id."""
        self._acts: dict[str, Iterator[Act]] = {
            client: iter([act if isinstance(act, Act) else Act(act) for act in own]) for client, own in acts.items()
        }
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):  # it may be left in the middle of anything, which is well
            connect = _connect(client)
            act = next(self._acts.get(connect.client_id, iter(())), None)
            if act is None or act.accepts:
                client.sendall(mqtt5.ConnAckPacket(session_present=not connect.clean_start).write())
            if act is None:
                _read_on(client)
                return
            reader = threading.Thread(target=_read_on, args=(client,), daemon=True)
            reader.start()
            with contextlib.suppress(OSError):
                act.do(client)
                client.shutdown(socket.SHUT_WR)  # all of it arrives, and then the end
            reader.join()


def _connect(client: socket.socket) -> mqtt5.ConnectPacket:
    data = b""
    while True:
        came = client.recv(4096)
        if not came:
            raise ConnectionResetError
        data += came
        try:
            packet, _ = mqtt5.read(memoryview(data))
        except IndexError:
            continue
        assert isinstance(packet, mqtt5.ConnectPacket)
        return packet


def _read_on(client: socket.socket) -> None:
    """Read until the other side closes or disconnects; its answers are of no interest."""
    try:
        while (data := client.recv(65_536)) and not data.endswith(
            (b"\xe0\x00", b"\xe0\x02\x00\x00", b"\xe0\x07\x00\x05\x11\0\0\0\0")
        ):
            pass
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def peak_bytes(gateway: LiveGateway) -> int:
    """Return the most memory that a gateway has ever had."""
    assert gateway.process is not None
    return peak_kib(gateway.process.pid) * 1024
