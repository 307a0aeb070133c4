"""The city's broker is away for days: records fill the outbox up to its bound, then readings wait at the sensors' broker."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.crash.scene import MIDNIGHT_MS, Publishing
from tests.crash.street import DAY_MS, HOUR_MS, Message, public_readings
from tests.crash.town import SCOPE, Town, town
from tests.pressure.cabinet import MOST_MIB, check_replay, line_of, peak_mib

MINUTE_MS = 60_000
DAYS = 5
A_DAY = 2_400
"""So many readings the city's own devices send a day."""
BOUND = "outbox_rows = 20\n"


def publish_all(play: Town, messages: list[Message]) -> list[Message]:
    """Have the city's own devices publish, as fast as the broker takes it; return what it took."""
    with Publishing(play.broker.port, messages, float("inf")) as sensors:
        pass
    return sensors.published


@pytest.mark.slow
def test_upstream_away_for_days_readings_wait_at_the_broker_and_all_arrive(tmp_path: Path) -> None:
    """Memory stays bounded, no figure lacks what waited, a withdrawal holds for all of it, and nobody has to help."""
    with town(tmp_path, BOUND) as play:
        live, fickle, sent = play.live, play.homes[0], list[Message]()
        play.lose_upstream()
        to_come = play.street.stream(MIDNIGHT_MS, DAYS * A_DAY, MIDNIGHT_MS + DAYS * DAY_MS)
        for day in range(DAYS):
            morning_ms = MIDNIGHT_MS + day * DAY_MS
            sent += publish_all(play, list(islice(to_come, A_DAY)))
            play.publish(morning_ms + 20 * HOUR_MS, until_taken=False)
            there = len(sent) + (day + 1) * len(play.homes)
            live.wait_until(lambda s, n=there: s["intake"]["waits"] or s["ledger"].get("frames.received", 0) == n)
            play.clock_to(morning_ms + DAY_MS + 16 * MINUTE_MS)
        shown = live.wait_until(lambda shown: shown["intake"]["waits"])
        assert "`release.outbox_rows`" in line_of(shown, "intake")
        assert "away (" in line_of(shown, "upstream")
        assert shown["ledger"]["frames.received"] < len(sent), "the broker holds nothing"
        live.call("consent.withdraw", {"subject": fickle.subject, "scope": SCOPE})
        fickle.forget(0)
        assert peak_mib(live) < MOST_MIB
        play.upstream.start()
        ledger = play.check(public_readings(sent))
        assert ledger.get("pairs.late", 0) == 0, "a window ended before what waited for it was in"
        assert ledger["frames.received"] == len(sent) + DAYS * len(play.homes)
        check_replay(live)
