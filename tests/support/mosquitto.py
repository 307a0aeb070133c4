"""A real Mosquitto for tests: the shipped ``deploy/mosquitto.conf`` on a free port, to be stopped, killed and restarted."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

SHIPPED = ROOT / "deploy" / "mosquitto.conf"
_START_TIMEOUT_S = HANG_S


def mosquitto_program(name: str = "mosquitto") -> str:
    """Return the path of one of Mosquitto's programs, or skip the test."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"`{name}` is not installed")
    return found


class Mosquitto:
    """One broker: its folder and port stay the same over restarts.

    Args:
        folder: Where configuration, persistence file and log go.
        settings: Replace lines of the shipped file by key, or take them out (None).
        extra: Lines to put at the end, for instance a further listener.
        port: The port of the main listener; a free one by default.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str | None] | None = None, extra: str = "", port: int | None = None
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.log_file = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration = folder / "mosquitto.conf"
        replaced: dict[str, str | None] = {
            "listener": f"{self.port} 127.0.0.1",
            "persistence_location": f"{folder}/",
            "allow_anonymous": "true",
            "password_file": None,
            "acl_file": None,
            **(settings or {}),
        }
        if os.geteuid() == 0:
            replaced["user"] = "root"
        self._configuration.write_text(shipped_configuration(replaced) + extra)

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Mosquitto:
        """Start and wait until it listens."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [mosquitto_program(), "-c", str(self._configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        self.stop(signal.SIGKILL)
        raise RuntimeError(f"mosquitto did not start: {self.log_file.read_text()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the broker: SIGTERM saves sessions and queues, SIGKILL does not. Does nothing when it is not running."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        self._process.wait(HANG_S)
        self._process = None

    def restart(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop and start again on the same port."""
        self.stop(how)
        self.start()


def shipped_configuration(replaced: Mapping[str, str | None]) -> str:
    """Return the shipped file with the given keys replaced, added, or (None) left out."""
    kept = [line for line in SHIPPED.read_text().splitlines() if line.partition(" ")[0] not in replaced]
    added = [f"{key} {value}" for key, value in replaced.items() if value is not None and key != "listener"]
    listener = [f"listener {replaced['listener']}"] if replaced.get("listener") else []
    return "\n".join(kept + added + listener) + "\n"


@contextmanager
def running_mosquitto(
    folder: Path, settings: Mapping[str, str | None] | None = None, extra: str = "", port: int | None = None
) -> Iterator[Mosquitto]:
    """Run a broker for the length of the context."""
    broker = Mosquitto(folder, settings, extra, port)
    try:
        yield broker.start()
    finally:
        broker.stop()
