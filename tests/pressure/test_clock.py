"""The machine's clock is not set at boot, or is set far ahead and back, or back and ahead: a real process under a clock of the
test's own (faketime), while the clock that nobody can set goes on.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim.load import Load
from tests.crash.town import POLICIES
from tests.pressure.cabinet import check_replay, gaps, line_of
from tests.support.asking import Answer
from tests.support.false_clock import FalseClock, can_be_set
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.recounted import entries_of
from tests.support.waiting import HANG_S

TOPIC = "t/gate"


class Cabinet:
    """A gateway whose machine's clock the test sets, with one device of the city's.

    Attributes:
        clock: The machine's.
        sent: How many readings the broker has taken.
    """

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.broker = broker
        self.live = LiveGateway(folder / "gateway", broker.port, policies=POLICIES)
        self.sent = 0
        self.clock = FalseClock(folder / "step")

    def start(self, step: str) -> None:
        """Start the gateway while its clock is off by a step."""
        self.clock.set(step)
        self.live.start(environment=self.clock.environment())

    def publish(self) -> None:
        """Have the device publish a reading of now, in whole seconds: rounded down, it could be of before anybody listened."""
        self.sent += 1
        payload = b'{"t":%d,"seq":%d,"boot":1,"count":%d}' % (math.ceil(time.time()), self.sent, self.sent)
        assert Load("127.0.0.1", self.broker.port, [(TOPIC, payload)]).run(HANG_S).acknowledged == 1


@pytest.fixture
def cabinet(tmp_path: Path) -> Iterator[Cabinet]:
    """Return a gateway that has never run, and the broker of its sensors and of the city."""
    if not can_be_set():
        pytest.skip("libfaketime is not installed")
    (tmp_path / "broker").mkdir()
    with running_mosquitto(tmp_path / "broker") as broker:
        made = Cabinet(tmp_path, broker)
        try:
            yield made
        finally:
            made.live.end()


def is_said(said: str, shown: Answer) -> bool:
    """Return whether the status says something of the clock."""
    return said in line_of(shown, "clock")


def register(cabinet: Cabinet) -> None:
    """Register the device."""
    row = {"profile": "footfall", "zone": "north-quay", "topic": TOPIC, "owner": "city", "subject": "none"}
    cabinet.live.call("device.add", {"devices": [row]})


@pytest.mark.slow
def test_clock_not_set_at_boot_takes_nothing_in_until_it_is_set(cabinet: Cabinet) -> None:
    """In 1970 at the very first start, and again after a power cut: it says so, subscribes to nothing, and goes on alone."""
    live = cabinet.live
    cabinet.start("@1970-01-01 00:00:09")
    shown = live.status()
    assert "WRONG: it has not been set" in line_of(shown, "clock")
    assert "WAITS: the clock is wrong" in line_of(shown, "intake")
    assert shown["broker"]["counters"].get("connections", 0) == 0
    register(cabinet)
    cabinet.clock.set("+0")
    live.wait_ready()
    cabinet.publish()
    live.wait_drained(1)
    live.kill()
    cabinet.publish()
    cabinet.start("@1970-01-01 00:00:09")
    assert "WRONG: it has not been set" in line_of(live.status(), "clock")
    assert live.status()["ledger"]["frames.received"] == 1
    cabinet.clock.set("+0")
    shown = live.wait_drained(2)
    assert (shown["clock"]["problem"], shown["intake"]["waits"]) == (None, None)
    finish(cabinet, ["clock-set", "unclean-end", "clock-set"])


@pytest.mark.slow
def test_clock_set_far_ahead_or_back_and_right_again_loses_nothing(cabinet: Cabinet) -> None:
    """A modem names the wrong day for a while: what comes then waits, nothing in the log is of that day, and all counts once."""
    live = cabinet.live
    cabinet.start("+0")
    register(cabinet)
    live.wait_ready()
    listener = Listener(cabinet.broker.port, live.gateway)
    try:
        for step, said in (("+400d", "far ahead"), ("-2d", "behind the log")):
            cabinet.publish()
            live.wait_drained(cabinet.sent)
            cabinet.clock.set(step)
            live.wait_until(functools.partial(is_said, said))
            cabinet.publish()
            live.wait_until(lambda shown: "clock" in line_of(shown, "intake"))
            assert live.status()["ledger"]["frames.received"] == cabinet.sent - 1
            cabinet.clock.set("+0")
            live.wait_drained(cabinet.sent)
        results = sorted(record.result for bundle in opened(live, listener) for record in bundle.records)
        assert results == list(range(1, cabinet.sent + 1)), live.status()["ledger"]
    finally:
        listener.close()
    finish(cabinet, ["clock-set", "clock-set"])
    assert max(entry.time_ms for entry in entries_of(live.place.database).values()) <= time.time() * 1000


def finish(cabinet: Cabinet, reasons: list[str]) -> None:
    """End the gateway; fail unless everything was taken in once, and log and ledger are right and tell of these gaps."""
    live = cabinet.live
    shown = live.status()
    assert shown["imbalances"] == []
    assert shown["ledger"]["frames.admitted"] == shown["ledger"]["pairs.released"] == cabinet.sent
    live.stop()
    report = live.verify()
    assert report.ok, report.to_text()
    assert gaps(live) == reasons
    check_replay(live)
