"""The broker upstream is away for a while, under load: nothing lost, nothing twice, and a withdrawal holds for what waits."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.crash.scene import MIDNIGHT_MS, Publishing
from tests.crash.street import HOUR_MS, public_readings
from tests.crash.town import SCOPE, town

MINUTE_MS = 60_000


def play_outage(folder: Path, seconds: float, rate: int, kills: int) -> None:
    """Play an outage of so many seconds, with kills and a change of heart in it, under a load of so many messages a second.

    The first household withdraws while its readings of two hours wait and its sums stand in open windows, and consents again
    before the outage ends: of what it sent before, only what had left before the outage may ever be seen.
    """
    with town(folder) as play:
        fickle = play.homes[0]
        at = MIDNIGHT_MS
        load_s = seconds + 3
        messages = play.street.messages(at, round(rate * load_s), at + 12 * HOUR_MS)
        with Publishing(play.broker.port, messages, load_s) as sensors:
            play.publish(at + 10 * MINUTE_MS, at + 40 * MINUTE_MS)
            play.clock_to(at + 76 * MINUTE_MS)
            play.live.wait_until(lambda shown: shown["windows"]["open"] == 0)

            play.lose_upstream()
            away_s = time.monotonic()
            play.publish(at + 80 * MINUTE_MS, at + 110 * MINUTE_MS, at + 125 * MINUTE_MS)
            play.clock_to(at + 90 * MINUTE_MS)
            play.live.call("consent.withdraw", {"subject": fickle.subject, "scope": SCOPE})
            fickle.forget(at + 60 * MINUTE_MS)
            play.publish(at + 130 * MINUTE_MS, silent=[fickle])
            for _ in range(kills):
                play.live.kill()
                play.live.start()
                play.live.wait_until(lambda shown: shown["broker"]["dry"])
            play.clock_to(at + 100 * MINUTE_MS)
            play.live.call("consent.grant", {"subject": fickle.subject, "scope": SCOPE})
            play.publish(at + 140 * MINUTE_MS, at + 150 * MINUTE_MS)
            play.clock_to(at + 196 * MINUTE_MS)
            assert play.live.status()["outbox_rows"] > 0
            time.sleep(max(0.0, away_s + seconds - time.monotonic()))
            assert sensors.running, "the outage was not under load"
            play.upstream.start()
        play.publish(at + 200 * MINUTE_MS)
        play.clock_to(at + 256 * MINUTE_MS)
        ledger = play.check(public_readings(messages))
        assert ledger["pairs.withheld_at_release.withdrawn"] == 3, "readings that waited when their household withdrew"
        assert ledger["pairs.withdrawn"] == 3, "contributions that stood in open windows then"
        assert ledger["pairs.withheld.withdrawn"] == 2, "of the reading in between, by both flows"
        assert ledger["pairs.open"] == 0


def test_upstream_away_under_load_nothing_lost_and_withdrawal_holds(tmp_path: Path) -> None:
    """Four seconds without the city's broker, a kill among them."""
    play_outage(tmp_path, 4.0, 1500, 1)


@pytest.mark.slow
def test_upstream_away_for_long_under_load_nothing_lost_and_withdrawal_holds(tmp_path: Path) -> None:
    """Half a minute without the city's broker, and three kills."""
    play_outage(tmp_path, 30.0, 1500, 3)
