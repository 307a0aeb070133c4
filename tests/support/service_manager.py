"""A service manager's end of `NOTIFY_SOCKET`, for tests: a real datagram socket, and what came over it."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.support.waiting import HANG_S


class ServiceManager:
    """Listens as systemd does.

    Attributes:
        environment: What it gives to the process that it starts.
        heard: All lines so far, in order.
    """

    def __init__(self, address: Path | str, watchdog_s: float | None = None) -> None:
        """Listen on a path, or on an abstract address that begins with `@`."""
        self.environment = {"NOTIFY_SOCKET": str(address)}
        if watchdog_s is not None:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + str(address)[1:] if str(address).startswith("@") else str(address))

    def wait_for(self, beginning: str) -> None:
        """Wait until a line that begins so has come, now or earlier."""
        self._socket.settimeout(HANG_S)
        while not any(line.startswith(beginning) for line in self.heard):
            self.heard += self._socket.recv(65536).decode().split("\n")

    def read_all(self) -> list[str]:
        """Return what has come and was not read before, without waiting."""
        self._socket.setblocking(False)
        found: list[str] = []
        try:
            while True:
                found += self._socket.recv(65536).decode().split("\n")
        except BlockingIOError:
            self.heard += found
            return found

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
