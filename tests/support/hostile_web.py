"""A web server that answers as a script says, on a real socket: for what no well-behaved server would send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat

_HANDSHAKE = b"\x16"
Script = Callable[[socket.socket], None]
"""Answers one request over a connection; an ``OSError`` ends it, since its client may go away."""


@contextmanager
def answering(*scripts: Script) -> Iterator[str]:
    """Answer the requests with these scripts in turn, the last one again and again, and yield the server's address."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for script in chain(scripts, repeat(scripts[-1])):
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    if ended.is_set():
                        return
                    connection.settimeout(20)
                    if _asked(connection):
                        script(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            socket.create_connection(server.getsockname()).close()
            thread.join()


def _asked(connection: socket.socket) -> bool:
    """Read a request to its empty line, or the beginning of a TLS handshake; return whether it came."""
    request = b""
    while b"\r\n\r\n" not in request and request[:1] != _HANDSHAKE:
        received = connection.recv(1 << 16)
        if not received:
            return False
        request += received
    return True


def saying(*pieces: bytes, endless: bytes = b"") -> Script:
    """Return a script that sends each piece alone, and then one piece for as long as anybody listens."""

    def script(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        while endless:
            connection.sendall(endless)

    return script
