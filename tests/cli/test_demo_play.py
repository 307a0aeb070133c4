"""The demo off its usual course: a lost answer, a small terminal, no end in sight, Ctrl-C at a bad moment."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from consent.control import RefusedError
from firmware_sim.messages import Reading
from firmware_sim.run import Counters
from gateway.demo import stage
from gateway.demo.city import SCOPE
from gateway.demo.listener import Listened
from gateway.demo.measured import OpenedFigure
from gateway.demo.screen import Screen
from gateway.demo.stage import DemoScene
from gateway.durable.configured import start
from gateway.durable.state import Durable
from gateway.errors import SluiceError
from gateway.recipient.records import Record
from tests.support.asking import begin, call
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.truths import truth
from tests.support.waiting import HANG_S

HOMES = frozenset({"m/1", "m/2"})
"""The meters of those who permit figures."""


class Played:
    """Stands in for the gateway's process: the methods are real, the answers may get lost.

    Attributes:
        asked: The methods asked for so far.
        lose: Before it answers this method, the gateway is killed, and the question is put to the next one.
    """

    def __init__(self, durable: Durable | None, lose: str = "") -> None:
        self.durable = durable
        self.asked: list[str] = []
        self.lose = lose
        self.restarts = 0

    async def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer as the running gateway does."""
        self.asked.append(method)
        if self.durable is None:
            return {"log_index": 5}
        if method == self.lose:
            self.lose = ""
            await self.call(method, params)
        try:
            answer = await begin(self.durable, method, params)
        except SluiceError as error:
            raise RefusedError(str(error), error.exit_status) from error
        except ValueError as error:
            raise RefusedError(str(error), 2) from error
        await self.durable.commit()
        return answer


def scene(process: Played, subject: str = "", *, ends_at_s: float = float("inf")) -> DemoScene:
    """Return a scene that has just begun."""
    city = SimpleNamespace(
        claim_code="K7QM-4T2X-9RHD",
        withdrawing=subject,
        withdrawing_meter="m/1",
        permitting={"riverside": HOMES},
        fleet=None,
        folder=Path("city"),
    )
    clock = SimpleNamespace(starts_ms=0, rate=10_800.0, now_ms=lambda: 0)
    return DemoScene(cast("Any", city), cast("Any", clock), Counters(), Listened(), cast("Any", process), ends_at_s, time.time())


@pytest.mark.parametrize("lose", ["", "consent.withdraw"], ids=["heard", "lost"])
async def test_demo_withdrawal_whose_answer_is_lost_counts_once(lose: str, tmp_path: Path) -> None:
    """Asked again, the next gateway says that it is withdrawn already; the demo finds its entry and goes on."""
    live = LiveGateway(tmp_path / "g", port=1)
    durable = await start(live.place, live.keys)
    try:
        rows = [{"profile": "meter", "zone": "north-quay", "topic": "t/1", "owner": "resident", "subject": "new"}]
        subject = call(durable, "device.add", {"devices": rows})["devices"][0]["subject"]
        call(durable, "consent.grant", {"subject": subject, "scope": SCOPE})
        await durable.commit()
        played = scene(Played(durable, lose), subject)
        size = durable.state.log.size
        await stage._withdraw(played)
        (entry,) = durable.state.registry.book.for_subject(bytes.fromhex(subject))
        assert played.withdrawn_at_index == entry.index == size
        assert played.withdrawal_ms > 0
    finally:
        await durable.close()


async def test_demo_withdrawal_that_is_refused_for_another_reason_ends_it() -> None:
    """Nothing is taken for a withdrawal that is none, and the refusal is what is said."""

    async def refuse(method: str, params: Any = None) -> dict[str, Any]:
        if method == "consent.show":
            return {"consents": [{"scope": SCOPE, "status": "Given", "log_index": 3}]}
        raise RefusedError("no", 2)

    played = scene(cast("Any", SimpleNamespace(call=refuse)))
    with pytest.raises(RefusedError, match="no"):
        await stage._withdraw(played)
    assert played.withdrawn_at_index < 0


async def test_demo_without_an_end_has_a_household_withdraw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of for ever is never: it withdraws after a while, and the sensors go on."""
    process, stop = Played(None), asyncio.Event()

    async def fleet(*args: Any, **_: Any) -> None:
        await args[4].wait()

    def show(_: DemoScene) -> None:
        if "consent.withdraw" in process.asked:
            stop.set()

    monkeypatch.setattr(stage, "run_fleet", fleet)
    monkeypatch.setattr(stage, "WITHDRAWAL_S", 0.05)
    monkeypatch.setattr(stage, "STATUS_EVERY_S", 0.02)
    played = scene(process)
    async with asyncio.timeout(HANG_S):
        await stage._publish(played, "", 0, stop, show, [])
    assert process.asked[0] == "status"
    assert process.asked.count("consent.withdraw") == 1
    assert played.withdrawn_at_index == 5


class Terminal(io.StringIO):
    """A terminal as far as a screen can tell."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 46)])
def test_demo_screen_shows_what_the_city_got(columns: int, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading and what became of it stand on a terminal of the standard size too."""
    for name, value in {"COLUMNS": columns, "LINES": lines, "TERM": "xterm"}.items():
        monkeypatch.setenv(name, str(value))
    played = scene(Played(None))
    ledger = {"frames.received": 4000, "pairs.considered": 9000, "pairs.aggregated": 2500, "pairs.released": 1500}
    reasons = ("no-consent", "no-subject-consent", "partial", "withdrawn", "refused")
    ledger |= {f"pairs.withheld.{reason}": 700 for reason in reasons}
    ledger |= {f"pairs.suppressed.{reason}": 9 for reason in ("k", "guard", "partial")}
    played.status = {"clock": {"now": "2026-05-04T07:00:00Z"}, "ledger": ledger, "log": {"size": 321}}
    payload = b'{"t":1777874400,"boot":1,"seq":345,"kwh":0.734,"V":231.4}'
    played.sensors.samples["meter"] = Reading("m", payload, "meter", 1_777_874_400_000, 345, public=False, fields={})
    total = Record(
        flow="energy-daily-totals",
        purpose="energy-planning",
        observed_property="consumption",
        unit="kW.h",
        result=7,
        phenomenon_time=(1_777_766_400_000, 1_777_852_800_000),
        cell="riverside",
        identity="per-epoch",
        retention_days=90,
    )
    played.heard.latest["consumption per-epoch"] = total
    hour_ms = (1_777_870_800_000, 1_777_874_400_000)
    figure = {"flow": "energy-hourly", "result": 31.5, "phenomenon_time": hour_ms, "identity": "aggregate", "n": 40}
    played.heard.figures.append(OpenedFigure(msgspec.structs.replace(total, **figure, standard_error=5.0, mu=2.0), log_index=7))
    for topic, kwh in (("m/1", 12.0), ("m/2", 12.5), ("m/3", 99.0)):
        played.measured.take(truth(topic, hour_ms[0], kwh))
    played.portal = cast("Any", SimpleNamespace(address="http://localhost:44095/", trouble=""))
    drawn = Terminal()
    with Screen(drawn) as screen:
        screen.show(played)
        deadline_s = time.monotonic() + HANG_S
        while "frames received" not in drawn.getvalue() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        text = drawn.getvalue()  # before the end, when all of it is written whatever the room
    for expected in (
        '{"t":1777874400',
        "at the city",
        "consumption 7 kW.h",
        "riverside 31.5 ± 9.8 kWh",
        "24.5 kWh: 2 homes",
        "what the public sees: http://localhost:44095/",
        "2,500",
    ):
        assert expected in text, text
    assert text.count("\n") < lines


def _demo(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo in a session of its own, as a shell does with what it puts in the foreground."""
    folder.mkdir()
    command = [sys.executable, "-m", "gateway.cli", "demo", "--json", "out.json", "--dir", "city", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _ended(folder: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end, which must be a good one; return the outcome."""
    printed, _ = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, printed
    assert "Traceback" not in printed
    outcome: dict[str, Any] = json.loads((folder / "out.json").read_text())
    assert (outcome["audit"], outcome["ledger"], outcome["gateway_restarts"]) == ("ok", "balanced", 0)
    assert outcome["published"] == outcome["received"]
    assert 0 <= outcome["published_public"] - outcome["city_public"] <= outcome["late"]
    assert outcome["waiting"] == 0
    return outcome


def _wait(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + HANG_S
    while not condition():
        assert process.poll() is None, "the demo ended"
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def _end(process: subprocess.Popen[str]) -> None:
    """Make sure that it no longer runs; it ends its gateway and its broker first."""
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=HANG_S)


def test_demo_that_ends_before_its_first_frame_drains_and_audits(tmp_path: Path) -> None:
    """No time at all, and Ctrl-C while it starts, which a terminal sends to every process of the demo."""
    none, early = tmp_path / "none", tmp_path / "early"
    processes = _demo(none, "--for", "0s"), _demo(early)
    try:
        _wait(processes[1], (early / "city" / "gateway.pid").exists)
        os.killpg(processes[1].pid, signal.SIGINT)
        for folder, process in zip((none, early), processes, strict=True):
            assert _ended(folder, process)["log_size"] > 0
    finally:
        for process in processes:
            _end(process)


def test_demo_without_a_port_for_its_portal_goes_on(tmp_path: Path) -> None:
    """Another program has the port that was asked for: all but the public's pages is as ever."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = _demo(tmp_path / "taken", "--portal-port", str(taken.getsockname()[1]))
        try:
            said = (tmp_path / "taken" / "city" / "portal.log", tmp_path / "taken" / "city" / "gateway.pid")
            _wait(process, lambda: all(file.exists() and file.stat().st_size for file in said))
            process.send_signal(signal.SIGINT)
            assert _ended(tmp_path / "taken", process)["portal"] is None
        finally:
            _end(process)


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_demo_refuses_a_port_that_there_is_not(port: str, tmp_path: Path) -> None:
    """In one line, before anything is made."""
    process = _demo(tmp_path / "none", "--portal-port", port)
    printed, _ = process.communicate(timeout=HANG_S)
    assert process.returncode == 2
    assert printed == f"sluice: `--portal-port`: `{port}` is not from 0 to 65535\n"
    assert not (tmp_path / "none" / "city").exists()


@pytest.mark.slow
def test_demo_ended_by_ctrl_c_drains_and_audits(tmp_path: Path) -> None:
    """Among frames: what was published has all arrived when it ends."""
    process = _demo(tmp_path / "late")
    try:
        _wait(process, lambda: any((tmp_path / "late" / "city" / "received").rglob("*.jsonl")))
        os.killpg(process.pid, signal.SIGINT)
        assert _ended(tmp_path / "late", process)["published_public"] > 0
    finally:
        _end(process)
