"""The demo's gateway as a child process, with its process id in `gateway.pid`; it is restarted whenever it dies."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import IO, Any

from consent.control import AwayError, ControlClient
from gateway.errors import SluiceError

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
        """Run the gateway until ``stop``, restarting it when it is killed.

        Raises:
            SluiceError: when it ends by itself with an error.
        """
        with (self._folder / "gateway.log").open("ab") as log:
            while not self._stopping:
                status = await self._run_once(log)
                if status > 0 and not self._stopping:
                    raise SluiceError(f"the gateway ended with status {status}; see `{self._folder / 'gateway.log'}`")
                if not self._stopping:
                    self.restarts += 1
                    await asyncio.sleep(RESTART_S)

    async def _run_once(self, log: IO[bytes]) -> int:
        """Run one gateway process to its end and return its status; kill it if the demo ends first."""
        command = (sys.executable, "-m", "gateway.cli", "run", "--config", str(self._folder / "gateway.toml"))
        process = self._process = await asyncio.create_subprocess_exec(
            *command,
            stderr=log,
            stdout=log,
            start_new_session=True,  # Ctrl-C is for the demo, which lets the gateway drain first
        )
        (self._folder / "gateway.pid").write_text(f"{process.pid}\n")
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()

    async def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a control method, waiting while the gateway is being restarted.

        Raises:
            AwayError: when it does not come back.
        """
        deadline_s = asyncio.get_running_loop().time() + START_S
        while True:
            try:
                return await asyncio.to_thread(self._call, method, params)
            except AwayError:
                if asyncio.get_running_loop().time() > deadline_s:
                    raise
            await asyncio.sleep(0.05)

    def _call(self, method: str, params: dict[str, Any] | None) -> dict[str, Any]:
        with ControlClient(self._control_socket) as client:
            return client.call(method, params)

    async def stop(self) -> None:
        """Stop the gateway by SIGTERM, so that it commits and publishes first; kill it if it takes too long."""
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
