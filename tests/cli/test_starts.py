"""The number of starts counts starts of the gateway, and none of the commands that do its work while none runs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.live import LiveGateway
from tests.support.shell import Shell


def test_commands_typed_while_no_gateway_runs_are_no_starts(tmp_path: Path) -> None:
    """They open the database as a start does, and are told apart on the screen and in the log line."""
    live = LiveGateway(tmp_path / "g", port=1)
    shell = Shell(live)
    for _ in range(3):
        shell.run("device", "list")
    for starts in (1, 2):
        live.start()
        try:
            assert live.status()["starts"] == starts
            line = shell.run("status").splitlines()[0]
        finally:
            live.stop()
        shell.run("device", "list")
    assert line == "gateway    gw-test, started 2 times"
    lines = [json.loads(line) for line in live.log().splitlines()]
    assert [line["starts"] for line in lines if line["event"] == "started"] == [1, 2]
