"""The broker upstream is away for a while, under load: nothing lost, nothing twice, and a withdrawal holds for what waits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.crash.scene import MIDNIGHT_MS, Publishing
from tests.crash.street import DAY_MS, HOUR_MS, public_readings
from tests.crash.town import SCOPE, town

MINUTE_MS = 60_000
MOST_S = 300
"""So long sensors could publish; they stop when the outage is over."""


def play_outage(folder: Path, seconds: float, rate: int, kills: int) -> None:
    """Play an outage of so many seconds, with kills and a change of heart in it, under a load of so many messages a second.

    The first household withdraws while its readings of two hours wait and stand in a day's figures to be, and consents again
    before the outage ends: of what it sent before, only what had left before the outage may ever be seen. In figures it stands
    again from the next day.
    """
    with town(folder) as play:
        fickle = play.homes[0]
        first, second, third = (MIDNIGHT_MS + day * DAY_MS for day in range(3))
        play.publish(first + 10 * MINUTE_MS, first + 40 * MINUTE_MS)
        play.clock_to(second + 16 * MINUTE_MS)
        play.wait_for_figures()
        messages = play.street.stream(second, rate * MOST_S, second + 12 * HOUR_MS)
        with Publishing(play.broker.port, messages, 12 * HOUR_MS / 1000 / MOST_S, second) as sensors:
            play.lose_upstream()
            away_s = time.monotonic()
            play.publish(second + 80 * MINUTE_MS, second + 110 * MINUTE_MS, second + 125 * MINUTE_MS)
            play.clock_to(second + 90 * MINUTE_MS)
            play.live.call("consent.withdraw", {"subject": fickle.subject, "scope": SCOPE})
            fickle.forget(second)
            play.publish(second + 130 * MINUTE_MS, silent=[fickle])
            for _ in range(kills):
                play.live.kill()
                play.live.start()
                play.live.wait_until(lambda shown: shown["broker"]["dry"])
            play.clock_to(second + 100 * MINUTE_MS)
            play.live.call("consent.grant", {"subject": fickle.subject, "scope": SCOPE})
            play.publish(second + 140 * MINUTE_MS, second + 150 * MINUTE_MS, joining=[fickle])
            play.clock_to(third + 16 * MINUTE_MS)
            assert play.live.status()["outbox_rows"] > 0
            time.sleep(max(0.0, away_s + seconds - time.monotonic()))
            assert sensors.running, "the outage was not under load"
            play.upstream.start()
            sensors.stop()
        play.publish(third + 20 * MINUTE_MS)
        play.clock_to(third + DAY_MS + 16 * MINUTE_MS)
        ledger = play.check(public_readings(sensors.published))
        assert ledger["pairs.withheld_at_release.withdrawn"] == 3, "readings that waited when their household withdrew"
        assert ledger["pairs.withdrawn"] == 3, "what stood in the day's figures to be then"
        assert ledger["pairs.withheld.withdrawn"] == 2, "of the reading in between, by both flows"
        assert ledger["pairs.withheld.partial"] == 2, "of the rest of that day, by the flow of figures"
        assert ledger["pairs.open"] == 0


def test_upstream_away_under_load_nothing_lost_and_withdrawal_holds(tmp_path: Path) -> None:
    """Four seconds without the city's broker, a kill among them."""
    play_outage(tmp_path, 4.0, 1500, 1)


@pytest.mark.slow
def test_upstream_away_for_long_under_load_nothing_lost_and_withdrawal_holds(tmp_path: Path) -> None:
    """Half a minute without the city's broker, and three kills."""
    play_outage(tmp_path, 30.0, 1500, 3)
