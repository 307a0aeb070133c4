"""The demo while an outsider kills its gateway: it starts the gateway again, and the outcome adds up as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.crash.scene import fresh_seed
from tests.crash.slow_link import slow_link
from tests.support.checkout import ROOT
from tests.support.mosquitto import running_mosquitto
from tests.support.waiting import HANG_S

LINK_S = 0.5
"""Longer than readings gather: at almost every moment something is committed of which the broker does not know."""


class Demo:
    """`sluice demo` as a process, and the one who kills its gateway."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self._folder = folder
        self._process = process
        self._killed = 0

    def wait_for_gateway(self) -> None:
        """Wait until a gateway that has not been killed yet has begun its work."""
        self._wait(lambda: self._started() > self._killed, "no gateway has started")

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline_s = time.monotonic() + HANG_S
        while not condition():
            assert self._process.poll() is None, "the demo ended"
            assert time.monotonic() < deadline_s, otherwise
            time.sleep(0.02)

    def _started(self) -> int:
        log = self._folder / "city" / "gateway.log"
        return log.read_text().count('"event": "broker connected"') if log.exists() else 0

    def kill_gateway(self) -> None:
        """Kill the process whose id the demo wrote down."""
        os.kill(int((self._folder / "city" / "gateway.pid").read_text()), signal.SIGKILL)
        self._killed = self._started()

    def outcome(self) -> dict[str, Any]:
        """Wait until something has come through the gateway that runs now, end the demo as a user does; return what it wrote."""
        self.wait_for_gateway()
        before = self._arrived()
        self._wait(lambda: self._arrived() > before, "nothing arrives any more")
        self._process.send_signal(signal.SIGINT)
        printed, _ = self._process.communicate(timeout=HANG_S)
        assert self._process.returncode == 0, printed
        result: dict[str, Any] = json.loads((self._folder / "out.json").read_text())
        return result

    def _arrived(self) -> int:
        return sum(1 for _ in (self._folder / "city" / "received").rglob("*.jsonl"))

    def complaints(self) -> list[str]:
        """Return what the gateways printed at level error."""
        lines = (self._folder / "city" / "gateway.log").read_text().splitlines()
        return [line for line in lines if '"level": "error"' in line or "Traceback" in line]


@contextmanager
def playing(folder: Path, *options: str) -> Iterator[Demo]:
    """Run the demo for the length of the context."""
    command = [sys.executable, "-m", "gateway.cli", "demo", *options]
    command += ["--json", str(folder / "out.json"), "--dir", str(folder / "city")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Demo(folder, process)
        finally:
            if process.poll() is None:
                process.terminate()  # it ends its gateway and its broker first
                try:
                    process.wait(HANG_S)
                except subprocess.TimeoutExpired:
                    process.kill()


def check(outcome: dict[str, Any], kills: int) -> None:
    """Fail unless all that was published arrived once, and the log and the books agree.

    What came too late, because no gateway ran for so long, is told as late: how long that takes is the machine's affair.
    """
    assert outcome["audit"] == "ok"
    assert outcome["ledger"] == "balanced"
    assert outcome["gateway_restarts"] == kills
    assert 0 < outcome["city_public"] == outcome["city_public_records"]
    assert 0 <= outcome["published_public"] - outcome["city_public"] <= outcome["late"]
    assert outcome["waiting"] == 0


def test_demo_gateway_killed_once_outcome_adds_up(tmp_path: Path) -> None:
    """With the embedded broker, which numbers what it sends again anew: sequence numbers and times tell a repeat."""
    with playing(tmp_path) as demo:
        demo.wait_for_gateway()
        time.sleep(random.Random(fresh_seed()).uniform(2.0, 5.0))
        demo.kill_gateway()
        check(demo.outcome(), 1)
        assert demo.complaints() == []


@pytest.mark.slow
def test_demo_gateway_killed_six_times_every_reading_arrives_once(tmp_path: Path) -> None:
    """With Mosquitto behind a slow link, so that frames are sent again of which the gateway has committed what they did."""
    (tmp_path / "broker").mkdir()
    moments = random.Random(fresh_seed())
    with (
        running_mosquitto(tmp_path / "broker") as broker,
        slow_link(broker.port, there_s=LINK_S) as link,
        playing(tmp_path, "--broker", f"127.0.0.1:{link.port}") as demo,
    ):
        for _ in range(6):
            demo.wait_for_gateway()
            time.sleep(moments.uniform(0.5, 6.0))
            demo.kill_gateway()
        outcome = demo.outcome()
        check(outcome, 6)
        assert outcome["redelivered"] > 0
        assert outcome["received"] - outcome["redelivered"] == outcome["published"]
        assert demo.complaints() == []
