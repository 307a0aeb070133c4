"""A portal that listens: `sluice portal` in a process of its own, as an operator starts it, and raw bytes to and from it."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60.0
"""After this a test fails; none waits for it when all is well."""


@dataclass
class ServedPortal:
    """A running portal.

    Attributes:
        address: As it has printed it.
        said: The line that it printed.
    """

    process: subprocess.Popen[str]
    said: str
    address: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rstrip("/").rpartition(":")[2])

    def connect(self) -> socket.socket:
        """Return a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def say(self, request: bytes, *, and_end: bool = True) -> bytes:
        """Send bytes, and return all that comes back until it closes; what it closes earlier ends there.

        Args:
            and_end: Say that nothing follows: whoever does is not waiting for an answer.
        """
        with self.connect() as connection:
            with suppress(OSError):
                connection.sendall(request)
                if and_end:
                    connection.shutdown(socket.SHUT_WR)
            return received(connection)

    def ask(self, path: str = "/", *headers: str) -> bytes:
        """Return the whole answer to a well-formed request."""
        lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
        return self.say("\r\n".join([*lines, "", ""]).encode(), and_end=False)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it, and return its exit status and what it said on standard error."""
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, error


def received(connection: socket.socket | ssl.SSLSocket) -> bytes:
    """Return all that comes until the other side closes, however it does."""
    data = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            data += part
    return data


def write_portal_config(folder: Path, **settings: object) -> Path:
    """Write a configuration: log and door in the folder, any free port."""
    usual = {"log_folder": "log", "door": "portal.sock", "port": 0, "requests_per_minute": 0}
    lines = [f"{key} = {_toml(value)}" for key, value in {**usual, **settings}.items()]
    file = folder / "portal.toml"
    file.write_text("\n".join([*lines, ""]))
    return file


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


@contextmanager
def served_portal(file: Path) -> Iterator[ServedPortal]:
    """Run a portal until the test has ended it, or ends."""
    command = [sys.executable, "-m", "gateway.cli", "portal", "--config", str(file)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        yield ServedPortal(process, said, said.rpartition(" ")[2])
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
