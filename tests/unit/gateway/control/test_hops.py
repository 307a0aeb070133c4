"""How far it is from `sluice consent withdraw` to the first line about consent, counted in files.

A file counts where a call passes through it, in the command's process or in the gateway's. The two ends of the wire
(`consent/control.py`, `gateway/control/socket.py`) and the main function (`gateway/cli.py`, and `gateway/terminal.py`, by which
it ends), which every command shares, stand apart, as they did when it was seven: commands, service, app, durable, methods,
consent_methods, params.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from consent.control import ControlClient
from consent.core.lifecycle import steps
from gateway.app import Gateway
from gateway.cli import main
from gateway.control.doors import ControlDoor
from gateway.control.socket import ControlServer
from tests.support.asking import ask
from tests.support.checkout import ROOT
from tests.support.inside import assembled, running, started
from tests.support.live import LiveGateway

SCOPE = "purpose:energy-planning"
SHARED = {"gateway/cli.py", "gateway/terminal.py", "consent/control.py", "gateway/control/socket.py"}


def files_on_the_stack(below: int) -> list[str]:
    """Return the product's files that the present call has come through, outermost first."""
    found = []
    frame: FrameType | None = sys._getframe(below + 1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("gateway", "consent"):
            found.append(path.relative_to(ROOT).as_posix())
        frame = frame.f_back
    return list(dict.fromkeys(reversed(found)))


async def test_withdrawal_comes_through_four_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, the door, the loop, the method; what is about consent comes next."""
    seen: dict[str, list[str]] = {}

    def watch(owner: Any, name: str, where: str) -> None:
        original = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            seen[where] = files_on_the_stack(1)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    live = LiveGateway(tmp_path, 1)
    async with started(live) as durable:
        app = assembled(durable)
        server = ControlServer(live.place.control_socket, ControlDoor(app).connection)
        async with running(app):
            row = {"profile": "meter", "zone": "north-quay", "topic": "t/1", "owner": "resident", "subject": "new"}
            subject = (await ask(app, "device.add", {"devices": [row]}))["devices"][0]["subject"]
            await ask(app, "consent.grant", {"subject": subject, "scope": SCOPE})
            watch(ControlClient, "call", "command")
            watch(Gateway, "ask", "door")
            watch(steps, "withdraw", "method")
            await server.start()
            try:
                status = await asyncio.to_thread(main, ["consent", "withdraw", subject, SCOPE, "--config", str(live.config)])
            finally:
                await server.close()
    assert status == 0
    assert seen["method"][-1] == "gateway/control/consents.py"
    passed = [file for part in ("command", "door", "method") for file in seen[part] if file not in SHARED]
    assert list(dict.fromkeys(passed)) == [
        "gateway/commands/client.py",
        "gateway/control/doors.py",
        "gateway/app.py",
        "gateway/control/consents.py",
    ]
