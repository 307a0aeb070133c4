"""The gateway of the demo as a child process, with its id in `gateway.pid`; it is started again whenever it dies."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

from gateway.edge.control import ControlClient
from gateway.errors import SluiceError, UnavailableError

RESTART_S = 0.2
START_S = 15.0
STOP_S = 15.0


class GatewayProcess:
    """A supervised gateway."""

    def __init__(self, folder: Path, control_socket: Path) -> None:
        """Run on the configuration in ``folder``."""
        self._folder = folder
        self._control_socket = control_socket
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.restarts = 0

    async def run(self) -> None:
        """Start the gateway, and start it again when it dies, until ``stop``.

        Raises: SluiceError: it ends by itself with its own error.
        """
        log = (self._folder / "gateway.log").open("ab")
        with log:
            while not self._stopping:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "gateway.cli", "run", "--config", str(self._folder / "gateway.toml")),
                    stderr=log,
                    stdout=log,
                )
                (self._folder / "gateway.pid").write_text(f"{self._process.pid}\n")
                status = await self._process.wait()
                if status > 0 and not self._stopping:
                    raise SluiceError(f"the gateway ended with status {status}; see `{self._folder / 'gateway.log'}`")
                if not self._stopping:
                    self.restarts += 1
                    await asyncio.sleep(RESTART_S)

    async def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the gateway, waiting while it is being restarted.

        Raises: UnavailableError: it does not come back.
        """
        deadline_s = asyncio.get_running_loop().time() + START_S
        while True:
            try:
                return await asyncio.to_thread(self._call, method, params)
            except UnavailableError:
                if asyncio.get_running_loop().time() > deadline_s:
                    raise
            await asyncio.sleep(0.05)

    def _call(self, method: str, params: dict[str, Any] | None) -> dict[str, Any]:
        with ControlClient(self._control_socket) as client:
            return client.call(method, params)

    async def stop(self) -> None:
        """End the gateway in order: it commits, publishes and lets go."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
