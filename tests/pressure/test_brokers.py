"""The sensors' broker is killed and forgets what it had told sensors had arrived; and a burst of ten times the usual load."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.scene import MIDNIGHT_MS, Publishing
from tests.crash.street import DAY_MS, HOUR_MS, Told, differences, public_readings
from tests.crash.town import SCOPE, Town, town
from tests.pressure.cabinet import MINUTE_MS, MOST_MIB, check_replay, gaps, line_of, peak_mib, publish_all
from tests.support.live import opened
from tests.support.waiting import HANG_S

READINGS = 3_000
REPEATS = ("replayed", "duplicate", "redelivered")
"""Why a frame is refused of which an equal one has come before."""


def told(play: Town) -> Counter[Told]:
    """Return the readings that the city has got of its own devices so far."""
    records = [record for bundle in opened(play.live, play.listener) for record in bundle.records if record.id is not None]
    return Counter((r.observed_property, r.phenomenon_time[0], r.cell, float(r.result)) for r in records)


@pytest.mark.slow
def test_broker_killed_what_it_lost_is_told_apart_and_nothing_else_is_lost(tmp_path: Path) -> None:
    """Once under load, and once while the gateway is away: sensors were told that readings had arrived, and nobody has them.

    All that ever reached the gateway is in exactly one account, and none is there twice, though sensors send again what the dead
    broker had not acknowledged.
    """
    with town(tmp_path) as play:
        live, messages = play.live, play.street.messages(MIDNIGHT_MS, 3 * READINGS, MIDNIGHT_MS + 3 * HOUR_MS)
        parts = [messages[at : at + READINGS] for at in range(0, len(messages), READINGS)][:3]
        with Publishing(play.broker.port, parts[0], HOUR_MS / 1000 / 2.0, MIDNIGHT_MS) as sensors:
            live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) > READINGS / 4)
            play.broker.restart(signal.SIGKILL)
        live.wait_ready()
        in_log = live.wait_until(lambda shown: shown["broker"]["counters"]["sessions_lost"] == 1)
        assert "session lost once" in line_of(in_log, "broker")
        live.kill()
        publish_all(play, parts[1])
        play.broker.restart(signal.SIGKILL)
        live.start()
        live.wait_ready()
        publish_all(play, parts[2])
        play.clock_to(MIDNIGHT_MS + DAY_MS + 16 * MINUTE_MS)
        sent = public_readings([*sensors.published, *parts[1], *parts[2]])
        ledger = settled(play, public_readings(parts[2]))
        lost_by_broker, got = sent - told(play), told(play)
        assert differences(got, got & sent) == "", "counted twice, or made up"
        assert public_readings(parts[1]) <= lost_by_broker, "what the broker had only in its memory"
        repeats = sum(ledger.get(f"frames.rejected.{reason}", 0) for reason in REPEATS)
        assert ledger["frames.received"] - repeats - got.total() == 0, "lost by the gateway"
        assert live.stop() == 0
        report = live.verify()
        assert report.ok, report.to_text()
        assert gaps(live) == ["session-lost", "unclean-end", "session-lost"]
        check_replay(live)


def settled(play: Town, last: Counter[Told]) -> dict[str, int]:
    """Wait until all of the last readings have left, and nothing waits any more; return the ledger, which balances."""
    deadline_s = time.monotonic() + HANG_S
    while not last <= told(play):
        assert time.monotonic() < deadline_s, differences(last, told(play) & last)
        time.sleep(0.1)
    shown = play.live.wait_drained()
    assert shown["imbalances"] == []
    ledger: dict[str, int] = shown["ledger"]
    return ledger


@pytest.mark.slow
def test_burst_of_ten_times_the_load_is_taken_and_a_withdrawal_answered_in_it(tmp_path: Path) -> None:
    """A hundred readings a second, then all that would come in minutes at once: the broker keeps what is not taken yet."""
    with town(tmp_path) as play:
        live, fickle = play.live, play.homes[0]
        play.lose_upstream()
        messages = play.street.messages(MIDNIGHT_MS, 10_200, MIDNIGHT_MS + 12 * HOUR_MS)
        usual, burst = messages[:200], messages[200:]
        with Publishing(play.broker.port, usual, float(usual[-1].t_ms - MIDNIGHT_MS) / 2000, MIDNIGHT_MS):
            pass
        with Publishing(play.broker.port, burst, float("inf")) as sensors:
            play.publish(MIDNIGHT_MS + 10 * MINUTE_MS, until_taken=False)
            live.call("consent.withdraw", {"subject": fickle.subject, "scope": SCOPE})
            fickle.forget(0)
        assert len(sensors.published) == len(burst)
        play.upstream.start()
        live.wait_until(lambda shown: shown["ledger"]["frames.received"] == len(messages) + len(play.homes))
        assert peak_mib(live) < MOST_MIB
        play.clock_to(MIDNIGHT_MS + DAY_MS + 16 * MINUTE_MS)
        play.check(public_readings(messages))
        check_replay(live)
