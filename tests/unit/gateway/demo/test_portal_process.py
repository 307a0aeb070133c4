"""The demo's portal as a process: where it answers, why it does not, and that it ends with the demo."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from gateway.demo.portal_process import HOST, PortalProcess, portal_address
from tests.support.live import LiveGateway
from tests.support.waiting import HANG_S


def portal(folder: Path, port: int = 0) -> PortalProcess:
    """Return a portal over a gateway that does not run."""
    extra = f'\n[portal]\naddress = "{portal_address(port)}"\n'
    return PortalProcess(folder, LiveGateway(folder / "g", port=1, extra=extra).place)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something."""
    async with asyncio.timeout(HANG_S):
        while not condition():  # noqa: ASYNC110  what is waited for is another process's
            await asyncio.sleep(0.02)


async def test_portal_answers_where_it_says_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """Also without a gateway, at a free port."""
    made = portal(tmp_path)
    running = asyncio.create_task(made.run())
    await until(lambda: made.address or made.trouble)
    assert made.trouble == ""
    host, port = made.address.removeprefix("http://").rstrip("/").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert (made.address, made.was_at) == ("", f"http://{host}:{port}/")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


async def test_portal_that_cannot_listen_says_why(tmp_path: Path) -> None:
    """It is no fault of the demo's: the task ends by itself, and keeps the reason in one line."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        made = portal(tmp_path, taken.getsockname()[1])
        await made.run()
    assert made.trouble.startswith("it ended with status 2: sluice: cannot listen at `127.0.0.1`, port ")
    assert "in use" in made.trouble
    assert (made.address, made.was_at) == ("", "")


async def test_portal_whose_files_cannot_be_written_says_why(tmp_path: Path) -> None:
    """A folder that has gone is told as the system tells it."""
    made = portal(tmp_path)
    os.rename(tmp_path / "g", tmp_path / "h")
    made._folder = tmp_path / "g"
    await made.run()
    assert made.trouble == "no such file or directory"
