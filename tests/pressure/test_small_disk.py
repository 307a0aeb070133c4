"""The disk of the state folder is full, turns read-only, or is slow: a real disk, in each case, and a real process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.scene import MIDNIGHT_MS
from tests.crash.street import DAY_MS, HOUR_MS, Message, public_readings
from tests.crash.town import SCOPE, Town, town
from tests.pressure.cabinet import (
    MINUTE_MS,
    MOST_MIB,
    Card,
    check_replay,
    ended,
    gaps,
    line_of,
    memory_card,
    peak_mib,
    publish_all,
)

READINGS = 1_200
SAID_FULL = "disk full, withholding until there is room"
SAID_OF_THE_LOG = "disk full, publishing nothing until there is room"
SLOW_WRITES_PER_S = 20
"""An old memory card that is asked to sync; a good one does a thousand."""


@contextmanager
def town_on_a_card(folder: Path) -> Iterator[tuple[Town, Card]]:
    """Set up a town whose gateway has its state, log and openings on a card of their own; what it prints lies elsewhere."""
    with memory_card(folder / "gateway" / "state") as card, town(folder) as play:
        yield play, card


def sent_by_the_street(play: Town, part: int) -> list[Message]:
    """Have the city's own devices publish one of the parts of their day; return what they sent."""
    start_ms = MIDNIGHT_MS + part * HOUR_MS
    stream = play.street.messages(MIDNIGHT_MS, 3 * READINGS, MIDNIGHT_MS + 3 * HOUR_MS)
    mine = [message for message in stream if start_ms <= message.t_ms < start_ms + HOUR_MS]
    publish_all(play, mine)
    return mine


def received(play: Town) -> int:
    """Return how many frames the gateway has taken."""
    count: int = play.live.status()["ledger"].get("frames.received", 0)
    return count


@pytest.mark.slow
def test_disk_full_withholds_says_so_commits_a_withdrawal_and_goes_on_alone(tmp_path: Path) -> None:
    """The kernel refuses every byte; hours pass, a household withdraws, and with room again all that waited counts once."""
    with town_on_a_card(tmp_path) as (play, card):
        live, fickle = play.live, play.homes[0]
        play.publish(MIDNIGHT_MS + 10 * MINUTE_MS)
        sent = sent_by_the_street(play, 0)
        live.wait_drained(len(sent) + len(play.homes))
        card.disk.fill()
        sent += sent_by_the_street(play, 1)
        play.publish(MIDNIGHT_MS + 80 * MINUTE_MS, until_taken=False)
        shown = live.wait_until(lambda shown: shown["disk"]["withholds"])
        assert line_of(shown, "disk").split(None, 1)[1].startswith("FULL: withholding")
        live.call("consent.withdraw", {"subject": fickle.subject, "scope": SCOPE})
        fickle.forget(MIDNIGHT_MS + HOUR_MS)  # its first reading has left, and stands in no figure yet
        fickle.wh.clear()
        sent += sent_by_the_street(play, 2)
        shown = live.wait_until(lambda shown: shown["intake"]["waits"])
        assert "no room" in line_of(shown, "intake")
        assert received(play) < len(sent), "readings were taken without room for them"
        card.disk.empty()
        live.wait_until(lambda shown: not shown["disk"]["withholds"])
        assert peak_mib(live) < MOST_MIB
        play.clock_to(MIDNIGHT_MS + DAY_MS + 16 * MINUTE_MS)
        ledger = play.check(public_readings(sent), [SAID_FULL], [SAID_OF_THE_LOG])
        assert ledger.get("pairs.late", 0) == 0
        check_replay(live)


@pytest.mark.slow
def test_disk_read_only_ends_the_process_and_a_start_once_it_is_mended_goes_on(tmp_path: Path) -> None:
    """Nobody knows what a failed write has kept, so the process ends; whoever starts it again and again needs to do no more."""
    with town_on_a_card(tmp_path) as (play, card):
        live = play.live
        sent = sent_by_the_street(play, 0)
        live.wait_drained(len(sent))
        card.fail()
        sent += sent_by_the_street(play, 1)
        play.publish(MIDNIGHT_MS + 80 * MINUTE_MS, until_taken=False)
        assert ended(live) == 2
        live.start(wait=False)
        assert ended(live) == 2
        said = [line for line in live.log().splitlines() if line.startswith("sluice: ")]
        assert len(said) == 2
        assert all("read-only file system" in line for line in said)
        card.mend()
        live.start()
        play.clock_to(MIDNIGHT_MS + DAY_MS + 16 * MINUTE_MS)
        ledger = play.check(public_readings(sent))
        assert ledger.get("pairs.late", 0) == 0
        assert gaps(live) == ["unclean-end"]
        check_replay(live)


@pytest.mark.slow
def test_slow_disk_holds_readings_back_and_a_withdrawal_is_answered(tmp_path: Path) -> None:
    """At ten writes a second nothing is acknowledged early or lost; the sensors' broker keeps what is not committed yet."""
    with town_on_a_card(tmp_path) as (play, card):
        live, fickle = play.live, play.homes[0]
        play.lose_upstream()
        with card.slowed(SLOW_WRITES_PER_S):
            sent = sent_by_the_street(play, 0)
            play.publish(MIDNIGHT_MS + 20 * MINUTE_MS)
            live.call("consent.withdraw", {"subject": fickle.subject, "scope": SCOPE})
            live.wait_until(lambda shown: shown["ledger"]["frames.received"] == len(sent) + len(play.homes))
            assert peak_mib(live) < MOST_MIB
            assert not live.status()["disk"]["withholds"], "slow is not full"
        play.upstream.start()
        fickle.forget(0)
        play.clock_to(MIDNIGHT_MS + DAY_MS + 16 * MINUTE_MS)
        play.check(public_readings(sent))
        check_replay(live)
