"""The turn of an hour: what is counted until when, whatever the gateway missed."""

from __future__ import annotations

from gateway.core.public.tally import HOUR_MS
from tests.support.gate import DAY_MS, MIDNIGHT_MS, MINUTE_MS, Gate, only

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
