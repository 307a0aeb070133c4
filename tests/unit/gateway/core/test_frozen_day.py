"""The frozen day: who stands in figures about subjects is fixed at midnight; who leaves, leaves everything that is not published.

Joins and raises count from the next day. All of it also over a restart, whatever the clock does, and as a journal folds it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.disclosure import Time
from consent.errors import ConsentError
from gateway.core import pipeline, recovery
from gateway.core.changes import changes
from gateway.core.plans import Device
from tests.support.city import City, city
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, limited, reading
from tests.support.killed_gate import KilledGate
from tests.support.refolded import refolded, rows_of, standing

AXES: dict[str, Any] = {"identity": "aggregate", "space": "district", "retention": 30, "group": 2, "budget": 2}


def built(**hourly: Any) -> City:
    """Return a town with figures by the hour and of a meter's register, under noise."""
    return (
        city()
        .ceiling(space="block")
        .district("north")
        .zone("mill", "north")
        .measures("consumption", 0, 100)
        .measures("totalConsumption")
        .quantity("electricity", "consumption", "totalConsumption", clip=10, presence=2)
        .purpose("energy")
        .purpose("grid")
        .recipient("office")
        .flow("hourly", "consumption", statistic="sum", purpose="energy", recipient="office", **hourly, **AXES, time="1h")
        .flow("register", "totalConsumption", statistic="delta", purpose="grid", recipient="office", **AXES, time="1h")
        .device("meter", {"consumption": "kwh", "totalConsumption": "total"}, "unix-ms")
        .device("timeless", {"consumption": "kwh"}, "", title="Meter")
    )


SCOPES = ("purpose:energy", "purpose:grid")
BY_DAY, BY_WINDOW = built().policies(), built(publish="window").policies()


def town() -> tuple[Gate, list[Device]]:
    """Return a gateway with two homes that permit all from midnight on."""
    gate = Gate(BY_DAY)
    homes = gate.homes(2, *SCOPES, limits=limited(retention_days=3000))
    gate.commit()
    return gate, homes


def at(gate: Gate, hour: float, *homes: Device, day: int = 0, **fields: Any) -> None:
    """Let homes report at an hour of a day, which it is."""
    gate.to(MIDNIGHT_MS + day * DAY_MS + int(hour * HOUR_MS))
    gate.take(
        *(reading(home, gate.now_ms, **(fields or {"kwh": 1, "total": gate.now_ms % DAY_MS // MINUTE_MS})) for home in homes)
    )


def stands(gate: Gate, home: Device, flow: str = "hourly") -> dict[int, set[int]]:
    """Return the cells in which a home stands: day → hours."""
    found = {}
    for (cohort, start_ms), rows in rows_of(gate.state).items():
        if cohort.flow == flow and home.contributor in rows:
            found[(start_ms - MIDNIGHT_MS) // DAY_MS] = set(rows[home.contributor])
    return found


def test_home_that_joins_during_the_day_counts_from_midnight() -> None:
    """What it reports until then is withheld, and makes no baseline."""
    gate, homes = town()
    gate.to(MIDNIGHT_MS + 8 * HOUR_MS)
    late = gate.home(*SCOPES)
    for hour in (9, 23):
        at(gate, hour, *homes, late)
    at(gate, 1, *homes, late, day=1)
    at(gate, 2, *homes, late, day=1)
    assert stands(gate, homes[0]) == {0: {9, 23}, 1: {1, 2}}
    assert stands(gate, late) == {1: {1, 2}}
    assert stands(gate, late, "register") == {1: {1}}  # the hour up to two o'clock


LEAVING: dict[str, Callable[[Gate, Device], object]] = {
    "withdraws": lambda gate, home: gate.withdraw(home, "purpose:energy"),
    "pauses": lambda gate, home: gate.pause(home, "purpose:energy"),
    "lowers the time": lambda gate, home: gate.grant(home, "purpose:energy", limited(time=Time.HOUR_4)),
    "lowers the retention": lambda gate, home: gate.grant(home, "purpose:energy", limited(retention_days=30)),
    "raises": lambda gate, home: gate.grant(home, "purpose:energy"),
    "is erased": lambda gate, home: gate.erase(home),
    "loses its device": lambda gate, home: changes.revoke_device(gate.state, home.place, gate.now_ms),
}


@pytest.mark.parametrize("leaves", LEAVING)
def test_home_that_leaves_during_the_day_stands_in_nothing_of_it(leaves: str) -> None:
    """At once, and for the rest of the day; the other home stays, and the register's flow is not concerned."""
    gate, (one, other) = town()
    for hour in (0, 8):
        at(gate, hour, one, other)
    LEAVING[leaves](gate, one)
    assert stands(gate, one) == {}
    at(gate, 12, one, other)
    assert stands(gate, one) == {}
    assert stands(gate, other) == {0: {0, 8, 12}}
    assert gate.count("pairs.open") == sum(table.pairs() for table in gate.state.windows.tables.values())
    if leaves in ("withdraws", "pauses", "lowers the time"):
        assert stands(gate, one, "register") == stands(gate, other, "register") != {}


@pytest.mark.parametrize(("leaves", "next_day"), [("lowers the time", {1: {3}}), ("raises", {1: {3}}), ("withdraws", {})])
def test_home_stands_at_its_new_level_from_the_next_day(leaves: str, next_day: dict[int, set[int]]) -> None:
    """In a cohort of its own level, of which the cells are as long as all are."""
    gate, (one, other) = town()
    at(gate, 8, one, other)
    LEAVING[leaves](gate, one)
    at(gate, 9, one, other)
    at(gate, 3, one, other, day=1)
    assert stands(gate, one) == next_day
    times = {
        cohort.time for (cohort, _), rows in rows_of(gate.state).items() if cohort.flow == "hourly" and one.contributor in rows
    }
    assert times == ({"4h"} if leaves == "lowers the time" else {"1h"} if next_day else set())


def test_expiry_during_the_day_ends_the_home_in_all_of_it() -> None:
    """Not only from the moment on."""
    gate, (one, other) = town()
    gate.grant(one, "purpose:energy", expiry_ms=MIDNIGHT_MS + 12 * HOUR_MS)
    at(gate, 8, one, other)
    assert stands(gate, one) == {0: {8}}
    at(gate, 12, one, other)
    assert stands(gate, one) == {}


def test_policy_that_changes_a_flow_begins_its_figures_anew_at_midnight() -> None:
    """One that is published otherwise gives up the open day; an equal set changes nothing."""
    gate, (one, other) = town()
    at(gate, 8, one, other)
    gate.apply(BY_DAY)
    assert stands(gate, one) == {0: {8}}
    gate.apply(BY_WINDOW)
    assert stands(gate, one) == {}
    at(gate, 9, one, other)
    at(gate, 1, one, other, day=1)
    assert stands(gate, one) == {1: {1}}
    assert stands(gate, one, "register") != {}


def test_late_readings_are_taken_until_the_day_has_ended_and_no_longer() -> None:
    """Its end by the clock and the lateness; also where the hour's figure would have left long ago."""
    gate, (one, _) = town()
    at(gate, 20, one)
    gate.send(one, MIDNIGHT_MS + HOUR_MS, kwh=1)
    gate.to(MIDNIGHT_MS + DAY_MS + LATENESS_MS - MINUTE_MS)
    gate.send(one, MIDNIGHT_MS + 2 * HOUR_MS, kwh=1)
    gate.to(MIDNIGHT_MS + DAY_MS + LATENESS_MS)
    gate.send(one, MIDNIGHT_MS + 3 * HOUR_MS, kwh=1)
    assert stands(gate, one) == {0: {1, 2, 20}}
    assert gate.count("pairs.late") == 1


def test_repeat_of_a_late_reading_is_known_as_long_as_it_would_be_taken() -> None:
    """All day, since the day takes it; what is pruned could not be taken again."""
    gate, (one, _) = town()
    at(gate, 1, one)
    at(gate, 23, one)
    recovery.prune(gate.state)
    gate.send(one, MIDNIGHT_MS + HOUR_MS, kwh=1)
    assert gate.count("pairs.duplicate") == 1


def test_restart_at_a_minute_to_midnight_loses_no_cell_and_strikes_none() -> None:
    """Where the broker has kept the session."""
    gate = KilledGate(BY_DAY)
    homes = gate.homes(2, *SCOPES)
    gate.commit()
    for hour in (5, 23.9):
        at(gate, hour, *homes)
    before = rows_of(gate.state)
    gate.to(MIDNIGHT_MS + DAY_MS - MINUTE_MS)
    gate.commit()
    gate.crash()
    gate.reconnect(session_present=True)
    assert rows_of(gate.state) == before
    assert [until_ms for _, until_ms in gate.state.windows.missed] == [MIDNIGHT_MS]  # when it first subscribed
    at(gate, 0.5, *homes, day=1)
    assert stands(gate, homes[0]) == {0: {5, 23}, 1: {0}}


def test_session_lost_at_midnight_strikes_both_days_where_it_was_away() -> None:
    """From the last moment at which nothing waited, as far as is known, until the new session; over a restart too."""
    gate, (one, other) = town()
    at(gate, 22.5, one, other)
    pipeline.queue_drained(gate.state, gate.now_ms)
    gate.commit()
    gate.to(MIDNIGHT_MS + DAY_MS + 40 * MINUTE_MS)
    gate.reconnect(session_present=False)
    gate.commit()
    quarter_ms = 15 * MINUTE_MS
    assert gate.state.windows.missed[-1] == (MIDNIGHT_MS + 90 * quarter_ms, MIDNIGHT_MS + DAY_MS + 3 * quarter_ms)
    assert refolded(gate).windows.missed == gate.state.windows.missed


def test_session_lost_by_a_clock_that_was_set_back_strikes_what_it_repeats() -> None:
    """The last dry moment is then still to come; until then nobody can say what was heard."""
    gate, _ = town()
    gate.to(MIDNIGHT_MS + 4 * HOUR_MS)
    pipeline.queue_drained(gate.state, gate.now_ms)
    gate.now_ms = MIDNIGHT_MS + 2 * HOUR_MS
    gate.reconnect(session_present=False)
    gate.commit()
    assert gate.state.windows.missed[-1] == (MIDNIGHT_MS + 2 * HOUR_MS, MIDNIGHT_MS + 4 * HOUR_MS)
    assert refolded(gate).windows.missed == gate.state.windows.missed


def test_day_without_a_reading_leaves_no_table() -> None:
    """And what follows goes on."""
    gate, (one, other) = town()
    at(gate, 1, one, other, day=2)
    assert stands(gate, one) == {2: {1}}


def test_day_of_a_meter_without_a_clock_counts_in_the_hour_of_its_arrival() -> None:
    """One that waited in the broker counts only where its hour is certain."""
    gate = Gate(BY_DAY)
    home = gate.home(*SCOPES, profile="timeless")
    at(gate, 1.5, home, kwh=1)
    gate.to(MIDNIGHT_MS + 3 * HOUR_MS)
    pipeline.session_opened(gate.state, session_present=True, now_ms=gate.now_ms)
    gate.send(home, kwh=1)
    assert stands(gate, home) == {0: {1}}
    assert gate.count("pairs.withheld.undated") == 1


HOURS = st.integers(0, 60)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("report"), HOURS, st.integers(0, 2), st.integers(0, 50)),
        st.tuples(st.just("withdraw"), HOURS, st.integers(0, 2), st.sampled_from(SCOPES)),
        st.tuples(st.just("grant"), HOURS, st.integers(0, 2), st.sampled_from(SCOPES)),
        st.tuples(st.just("policies"), HOURS, st.just(0), st.sampled_from(["day", "window"])),
        st.tuples(st.just("lose"), HOURS, st.just(0), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_journal_folds_into_the_same_tables(steps: list[tuple[str, int, int, Any]]) -> None:
    """Whatever happens in whatever order, a restart makes the rows, last readings and missed spans that were there."""
    gate = Gate(BY_DAY)
    homes = gate.homes(3, *SCOPES)
    gate.commit()
    for name, hour, number, what in sorted(steps, key=lambda step: step[1] // 12):
        gate.to(max(gate.now_ms, MIDNIGHT_MS + hour // 12 * 12 * HOUR_MS))
        home = homes[number]
        with suppress(ConsentError):  # what is withdrawn already cannot be withdrawn
            match name:
                case "report":
                    gate.send(home, MIDNIGHT_MS + hour * HOUR_MS, kwh=what, total=what)
                case "withdraw":
                    gate.withdraw(home, what)
                case "grant":
                    gate.grant(home, what)
                case "policies":
                    gate.apply(BY_DAY if what == "day" else BY_WINDOW)
                case "lose":
                    gate.reconnect(session_present=False)
        gate.commit()
    assert standing(refolded(gate)) == standing(gate.state)


def test_journal_of_a_version_without_cells_folds_into_windows_and_leaves_nothing() -> None:
    """Its records state no shape: what it gathered without noise is folded as it was, and taken out at the start."""
    gate = KilledGate(BY_DAY)
    home = gate.home(*SCOPES)
    gate.commit()
    for hour in (1, 2):
        at(gate, hour, home)
    gate.batches = [(marks, _as_before(journal), parts) for marks, journal, parts in gate.batches]
    gate.to(MIDNIGHT_MS + 3 * HOUR_MS)
    folded = refolded(gate)
    assert (len(folded.windows.open), len(folded.windows.tables)) == (4, 0)
    gate.crash()
    assert not gate.state.windows.open
    assert not gate.state.windows.tables


def _as_before(journal: bytes) -> bytes:
    """Return a batch of the journal as it was written before readings lay in cells."""
    records = msgspec.msgpack.decode(journal) if journal else []
    for record in records:
        if record[0] == 0:
            record[5] = [target[:4] for target in record[5]]
    return msgspec.msgpack.encode([record for record in records if record[0] < 11]) if records else b""
