"""The turn of an hour: what is counted until when, whatever the gateway missed."""

from __future__ import annotations

import pytest

from gateway.core import pipeline
from gateway.core.public import homes
from gateway.core.public.tally import HOUR_MS
from tests.support.gate import DAY_MS, MIDNIGHT_MS, MINUTE_MS, Gate, only, reading

DAY = MIDNIGHT_MS // DAY_MS


def test_hour_turns_once() -> None:
    """At the first step in it; a clock that goes back turns nothing."""
    gate = Gate(only("raw"))
    assert not gate.state.turn(MIDNIGHT_MS)
    assert not gate.state.turn(MIDNIGHT_MS + HOUR_MS - 1)
    assert gate.state.turn(MIDNIGHT_MS + HOUR_MS)
    assert not gate.state.turn(MIDNIGHT_MS + HOUR_MS)
    assert not gate.state.turn(MIDNIGHT_MS + MINUTE_MS)


def test_reading_counts_for_the_hour_in_which_it_was_taken_in() -> None:
    """The first of an hour is not among those up to its beginning."""
    gate = Gate(only("raw"))
    home = gate.home("raw")
    gate.send(home, kwh=1)
    gate.now_ms += HOUR_MS
    gate.send(home, kwh=1)
    (shown,) = gate.state.public.shown.days.values()
    assert shown.until == (MIDNIGHT_MS + HOUR_MS) // HOUR_MS
    assert shown.accounts()["pairs.considered"] == 1
    assert gate.state.ledger.totals["pairs.considered"] == 2


def test_days_add_up_to_the_ledger() -> None:
    """Of days on which the gateway ran, and with hours and a day on which it did not; each begins where the one before ended."""
    gate = Gate(only("raw"))
    home = gate.home("raw")
    for hours in (1, 5, 18, 30, 72, 1):
        gate.send(home, kwh=1)
        gate.to(gate.now_ms + hours * HOUR_MS)
        gate.commit()
    days = gate.state.public.shown.days
    assert [number - DAY for number in sorted(days)] == [0, 1, 2, 5]
    assert sum(day.accounts().get("pairs.considered", 0) for day in days.values()) == 6
    for former, following in ((0, 1), (1, 2), (2, 5)):
        assert days[DAY + former].at == days[DAY + following].begin
        assert days[DAY + former].until == (DAY + former + 1) * 24


def test_start_on_a_new_database_counts_no_homes() -> None:
    """There is no sensor yet, and a day whose homes were counted then would show none until it ends."""
    gate = Gate(only("raw"))
    assert not gate.state.public.days[DAY].is_surveyed
    gate.homes(5, "raw")
    gate.to(MIDNIGHT_MS + HOUR_MS)
    assert gate.state.public.days[DAY].homes["raw"].permitted == 5


def test_homes_are_counted_in_pieces_before_the_hour_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is shown changes with the last piece alone, and what is taken in before counts for the hour before."""
    monkeypatch.setattr(homes, "COUNTED_AT_ONCE", 2)
    gate = Gate(only("raw"))
    all_homes = gate.homes(5, "raw")
    gate.now_ms = MIDNIGHT_MS + DAY_MS
    pieces = gate.state.turning(gate.now_ms)
    next(pieces)
    pipeline.take_frames(gate.state, [reading(all_homes[0], gate.now_ms, kwh=1)], gate.now_ms)
    gate.commit()
    assert DAY + 1 not in gate.state.public.shown.days
    for _ in pieces:
        pass
    gate.commit()
    shown = gate.state.public.shown.days[DAY + 1]
    assert (shown.homes["raw"].asked, shown.homes["raw"].permitted) == (5, 5)
    assert (shown.begin or {})["pairs.considered"] == 1
    assert not gate.state.turn(gate.now_ms)


def test_hour_turns_by_the_policies_that_count_its_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they change meanwhile it does not turn, and does once everybody is settled."""
    monkeypatch.setattr(homes, "COUNTED_AT_ONCE", 2)
    gate = Gate(only("raw"))
    gate.homes(5, "raw")
    gate.now_ms = MIDNIGHT_MS + DAY_MS
    pieces = gate.state.turning(gate.now_ms)
    next(pieces)
    settling = gate.begin(only("raw", "hourly"))
    for _ in pieces:
        pass
    assert DAY + 1 not in gate.state.public.days
    for _ in settling:
        pass
    assert gate.state.turn(gate.now_ms)
    assert gate.state.public.days[DAY + 1].homes.keys() == {"raw", "hourly"}
