"""The demo's portal as a child process beside the gateway: it reads the public log and asks at the citizens' door, as in a city.

A demo whose portal does not start goes on without one, and says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.config import Installation

HOST: Final = "127.0.0.1"
STOP_S: Final = 10.0
_READY: Final = b"the portal is at "
"""How the line begins that it prints once it listens."""

_CONFIG: Final = """\
# The configuration of this demo's portal; `docs/configuration.md` explains every key.
log_folder = {log}
door = {door}
address = "{address}"
host = "{host}"
port = {port}
requests_per_minute = 0
"""


class PortalProcess:
    """A portal over a gateway's log and door.

    Args:
        folder: Where `portal.toml` and `portal.log` go.
        place: The gateway's, which says at what address people come in: one of this machine, `http://localhost:<port>`.

    Attributes:
        address: Where it answers; empty before it does, and after it has ended.
        was_at: Where it has answered; empty if nowhere.
        trouble: Why it does not run; empty while it does.
    """

    def __init__(self, folder: Path, place: Installation) -> None:
        self._folder = folder
        self._place = place
        self._at = place.config.portal.address or ""
        self.address = ""
        self.was_at = ""
        self.trouble = ""

    async def run(self) -> None:
        """Run until cancelled, or until it ends by itself, which is no fault of the demo's."""
        try:
            values = {"log": json.dumps(str(self._place.log)), "door": json.dumps(str(self._place.portal_socket))}
            config = self._folder / "portal.toml"
            values |= {"address": self._at, "host": HOST, "port": str(urlsplit(self._at).port)}
            config.write_text(_CONFIG.format(**values), encoding="utf-8")
            with (self._folder / "portal.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "gateway.cli", "portal", "--config", str(config)),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for the demo
                )
        except OSError as error:
            self.trouble = (error.strerror or str(error)).lower()
            return
        try:
            await self._watch(process)
        finally:
            self.address = ""
            await _ended(process)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Set where it answers, and how it ended."""
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(_READY):
                self.address = self.was_at = f"{self._at}/"
        status = await process.wait()
        said = self._last_line()
        self.trouble = f"it ended with status {status}{': ' if said else ''}{said}"

    def _last_line(self) -> str:
        """Return what it said last."""
        lines = (self._folder / "portal.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End it by SIGTERM; kill it if it takes too long."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except BaseException:
            process.kill()
            raise


def portal_address(port: int) -> str:
    """Return where a portal of this machine is found; a passkey is made for `localhost`, and for no number.

    Args:
        port: Where it listens; 0 takes a free one.
    """
    return f"http://localhost:{port or _free_port()}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
