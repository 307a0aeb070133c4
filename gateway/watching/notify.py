"""Messages to the service manager that started the gateway: ready, how it is, alive, ending.

Source: sd_notify(3), `Type=notify` of systemd.service(5). Where nobody listens, nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Final, Self

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
ALIVE: Final = "WATCHDOG=1"


class Notifier:
    """The socket of a service manager, or nobody's.

    Attributes:
        watchdog_s: Within which time it wants to hear ``ALIVE`` again, or it ends the process; None: it does not watch.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        """Name the socket: a path, an abstract name that begins with `@`, or nothing where nobody listens."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s if address else None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return that of the manager that started this process; the watchdog only where it is meant for this one."""
        microseconds = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(microseconds) / 1e6 if meant and microseconds.isdecimal() and int(microseconds) else None
        return cls(environment.get("NOTIFY_SOCKET", ""), watchdog_s)

    def tell(self, *lines: str) -> None:
        """Send what has changed; a manager that is away or does not read is no reason to stop or to wait."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), self._address)
