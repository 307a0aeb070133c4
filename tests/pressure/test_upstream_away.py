"""The city's broker is away for days: records fill the outbox up to its bound, then readings wait at the sensors' broker."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from firmware_sim.load import Load
from tests.crash.scene import MIDNIGHT_MS
from tests.crash.street import DAY_MS, HOUR_MS, Message, public_readings
from tests.crash.town import SCOPE, Town, town
from tests.pressure.cabinet import MINUTE_MS, MOST_MIB, check_replay, line_of, peak_mib, publish_all
from tests.support.live import opened
from tests.support.waiting import HANG_S

DAYS = 5
A_DAY = 2_400
"""So many readings the city's own devices send a day."""
BACKLOG = 4_800
BOUND = "outbox_rows = 20\n"


def wait_for_intake(play: Town, there: int) -> None:
    """Wait until so many frames have been taken in, or intake waits itself."""
    play.live.wait_until(lambda shown: shown["intake"]["waits"] or shown["ledger"].get("frames.received", 0) == there)


@pytest.mark.slow
def test_upstream_away_for_days_readings_wait_at_the_broker_and_all_arrive(tmp_path: Path) -> None:
    """Memory stays bounded, no figure lacks what waited, a withdrawal holds for all of it, and nobody has to help."""
    with town(tmp_path, BOUND) as play:
        live, fickle, sent = play.live, play.homes[0], list[Message]()
        play.lose_upstream()
        to_come = play.street.stream(MIDNIGHT_MS, DAYS * A_DAY, MIDNIGHT_MS + DAYS * DAY_MS)
        for day in range(DAYS):
            morning_ms = MIDNIGHT_MS + day * DAY_MS
            today = list(islice(to_come, A_DAY))
            publish_all(play, today)
            sent += today
            play.publish(morning_ms + 20 * HOUR_MS, until_taken=False)
            wait_for_intake(play, len(sent) + (day + 1) * len(play.homes))
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


@pytest.mark.slow
def test_fresh_record_leaves_before_all_that_has_waited(tmp_path: Path) -> None:
    """Of a backlog of many bundles every other one is of what is newest: whoever looks at the city now need not wait for days."""
    with town(tmp_path) as play:
        play.lose_upstream()
        old = play.street.messages(MIDNIGHT_MS, BACKLOG, MIDNIGHT_MS + 12 * HOUR_MS)
        publish_all(play, old)
        play.live.wait_until(lambda shown: shown["ledger"].get("frames.received", 0) == len(old))
        play.publish(MIDNIGHT_MS + 13 * HOUR_MS)  # of the households, and so for another recipient
        late_ms = MIDNIGHT_MS + 14 * HOUR_MS
        fresh = b'{"t":%d,"seq":999999,"boot":1,"count":7}' % (late_ms // 1000)
        topic = next(topic for kind, topic, _ in play.street.public if kind == "footfall")
        assert Load("127.0.0.1", play.broker.port, [(topic, fresh)]).run(HANG_S).acknowledged == 1
        play.live.wait_until(lambda shown: shown["ledger"]["frames.received"] == len(old) + len(play.homes) + 1)
        play.upstream.start()
        play.live.wait_drained()
        bundles = [bundle for bundle in opened(play.live, play.listener) if bundle.address.recipient == "streets"]
        place = next(n for n, bundle in enumerate(bundles) if any(r.phenomenon_time[0] == late_ms for r in bundle.records))
        assert place <= 1 < len(bundles) // 2
        assert sum(len(bundle.records) for bundle in bundles) == len(old) + 1
