"""Windows: what each statistic makes of readings, which window a reading belongs to, and how contributions leave again."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from consent.core.periods import WEEK_MS, Period
from gateway.core.ingest.minimise import energy
from gateway.core.windows.accumulators import (
    BASELINE,
    CONTRIBUTED,
    EXPIRED,
    LATE,
    PARTIAL,
    RECORDED,
    RESET,
    Amount,
    Delta,
    new_contribution,
)
from gateway.core.windows.cells import CellShape
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.guards import GuardKey
from gateway.core.windows.targets import CellTarget, Terms, WindowTarget, new_record_target, new_target
from gateway.core.windows.windows import Kept, Window, Windows, window_from_state, window_state
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, MINUTE_MS

STEP = Decimal("0.1")
STEPS = {"LAeq": STEP}
STATISTICS = ["sum", "count", "mean", "energy-mean", "min", "max", "delta"]
ANN, BEN = b"a" * 16, b"b" * 16
METER, OTHER_METER = b"m" * 16, b"o" * 16
T = MIDNIGHT_MS
DAY = CellShape(HOUR_MS, Period.DAY, DAY_MS)
BY_WINDOW = CellShape(HOUR_MS, Period.DAY, HOUR_MS)


def cohort(statistic: str = "sum", flow: str = "nights", time: str = "1h") -> Cohort:
    """Return a cohort of the tests' one property."""
    return Cohort(flow, "LAeq", statistic, "aggregate", time, "district", "0.1", "north", public=False)


def target(
    windows: Windows,
    statistic: str = "sum",
    who: bytes = ANN,
    meter: bytes = METER,
    since_ms: int = 0,
    expires_ms: int = NEVER_MS,
) -> WindowTarget:
    """Return what takes one device's readings into hourly windows."""
    terms = Terms(TOP, since_ms, expires_ms, 0, ())
    target = new_target(windows, cohort(statistic), (who, meter), terms, None, None)
    assert isinstance(target, WindowTarget)
    return target


def value(windows: Windows, start_ms: int, statistic: str = "sum", who: bytes = ANN) -> Amount | None:
    """Return what a contributor's value in a window is."""
    return windows.open[cohort(statistic), start_ms].members[who].value()


_EXPECTED: dict[str, Any] = {
    "sum": lambda ns: Fraction(sum(ns)),
    "count": lambda ns: Fraction(len(ns)),
    "mean": lambda ns: Fraction(sum(ns), len(ns)),
    "energy-mean": lambda ns: Fraction(sum(energy(n, STEP) for n in ns), len(ns)),
    "min": lambda ns: Fraction(min(ns)),
    "max": lambda ns: Fraction(max(ns)),
}


@pytest.mark.parametrize("statistic", sorted(_EXPECTED))
@given(ns=st.lists(st.integers(-500, 2_000), min_size=1, max_size=30), shuffled=st.randoms())
def test_contribution_any_order_one_exact_value(statistic: str, ns: list[int], shuffled: Any) -> None:
    """A contributor's value is what the statistic says, exactly, whatever the order of its readings."""
    found = set()
    for _ in range(2):
        contribution = new_contribution(statistic, STEP)
        assert {contribution.add(METER, t, n) for t, n in enumerate(ns)} == {CONTRIBUTED}
        assert contribution.pairs == len(ns)
        found.add(contribution.value())
        shuffled.shuffle(ns)
    assert found == {_EXPECTED[statistic](ns)}


@pytest.mark.parametrize("statistic", STATISTICS)
@given(first=st.lists(st.integers(0, 2_000), max_size=9), rest=st.lists(st.integers(0, 2_000), max_size=9))
def test_contribution_stored_and_restored_goes_on_the_same(statistic: str, first: list[int], rest: list[int]) -> None:
    """A state that has been through the journal's encoding goes on as if nothing had been."""
    straight, stored = new_contribution(statistic, STEP), new_contribution(statistic, STEP)
    for t, n in enumerate(first):
        assert straight.add(METER, t, n) == stored.add(METER, t, n)
    restored = new_contribution(statistic, STEP)
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(stored.state())))
    for t, n in enumerate(rest, len(first)):
        assert straight.add(METER, t, n) == restored.add(METER, t, n)
    assert (restored.pairs, restored.state()) == (straight.pairs, straight.state())
    if straight.pairs:
        assert restored.value() == straight.value()


def test_sum_beyond_64_bits_is_exact_and_stored() -> None:
    """Energies outgrow what most stores hold as a number; the total is kept whole."""
    contribution = new_contribution("energy-mean", STEP)
    for t in range(100):
        contribution.add(METER, t, 3_000)
    assert contribution.value() == energy(3_000, STEP) > 2**100
    restored = new_contribution("energy-mean", STEP)
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(contribution.state())))
    assert restored.value() == contribution.value()


# which window


def test_reading_on_the_boundary_belongs_to_the_beginning_window() -> None:
    """A window holds its start, and not its end."""
    windows = Windows(STEPS)
    into = target(windows)
    assert [into.take(t_ms, 1) for t_ms in (T, T + HOUR_MS - 1, T + HOUR_MS)] == [CONTRIBUTED] * 3
    assert {start_ms: value(windows, start_ms) for _, start_ms in windows.open} == {T: 2, T + HOUR_MS: 1}


def test_counter_reading_on_the_boundary_belongs_to_the_ending_window() -> None:
    """What a register shows at the hour's end is what the hour came to."""
    windows = Windows(STEPS)
    into = target(windows, "delta")
    into.take(T, 100)
    into.take(T + HOUR_MS, 130)
    windows.advance(T + HOUR_MS)
    assert [(start_ms, w.pairs()) for (_, start_ms), w in windows.open.items()] == [(T - HOUR_MS, 1), (T, 1)]
    assert value(windows, T, "delta") == 30


@given(st.lists(st.integers(0, 3 * HOUR_MS - 1), min_size=1, max_size=40))
def test_reading_each_in_the_window_of_its_own_time(offsets: list[int]) -> None:
    """The look-up that a target remembers never puts a reading into its neighbour's window."""
    windows = Windows(STEPS)
    into = target(windows)
    for offset in offsets:
        into.take(T + offset, 1)
    expected = {T + hour * HOUR_MS: sum(o // HOUR_MS == hour for o in offsets) for hour in range(3)}
    assert {start_ms: window.pairs() for (_, start_ms), window in windows.open.items()} == {
        start_ms: n for start_ms, n in expected.items() if n
    }


def test_reading_behind_the_watermark_late() -> None:
    """A window that has ended takes nothing more, not even through a target that has just fed it."""
    windows = Windows(STEPS)
    into = target(windows)
    assert into.take(T, 1) == CONTRIBUTED
    windows.advance(T + HOUR_MS)
    assert into.take(T + 1, 1) == LATE
    assert into.take(T + HOUR_MS, 1) == CONTRIBUTED
    assert value(windows, T) == 1


def test_watermark_never_goes_back() -> None:
    """A clock that was set back opens no window again."""
    windows = Windows(STEPS)
    windows.advance(T + HOUR_MS)
    windows.advance(T)
    assert windows.watermark_ms == T + HOUR_MS
    assert target(windows).take(T, 1) == LATE


def test_reading_of_a_window_that_began_before_the_terms_partial() -> None:
    """Only windows that lie wholly under the present terms are fed."""
    windows = Windows(STEPS)
    into = target(windows, since_ms=T + 1)
    assert into.take(T + 2, 1) == PARTIAL
    assert into.take(T + HOUR_MS, 1) == CONTRIBUTED
    assert target(windows, since_ms=T).take(T, 1) == CONTRIBUTED


def test_reading_from_the_end_of_the_terms_on_expired() -> None:
    """A consent that ends in the middle of a window covers what lies before, also for a target that knows the window."""
    windows = Windows(STEPS)
    into = target(windows, expires_ms=T + MINUTE_MS)
    assert [into.take(t_ms, 1) for t_ms in (T, T + MINUTE_MS, T + MINUTE_MS - 1, T + HOUR_MS)] == [
        CONTRIBUTED,
        EXPIRED,
        CONTRIBUTED,
        EXPIRED,
    ]


def test_record_fate_by_day_and_terms() -> None:
    """A flow without windows takes readings of the gateway's present and previous day, under the terms of their time."""
    windows = Windows(STEPS)
    windows.advance(T + 5 * HOUR_MS)
    terms = Terms(TOP, T - 10 * HOUR_MS, T + 10 * HOUR_MS, 0, ())
    into = new_record_target(windows, cohort("", "raw", "exact"), ANN, terms)
    fates = {offset: into.take(T + offset * HOUR_MS, 1) for offset in (-25, -24, -10, 9, 10)}
    assert fates == {-25: LATE, -24: PARTIAL, -10: RECORDED, 9: RECORDED, 10: EXPIRED}
    assert into.span_ms == 1
    assert new_record_target(windows, cohort("", "raw", "15min"), ANN, terms).span_ms == 15 * MINUTE_MS


# counters


def _deltas(readings: list[tuple[float, int]], hours: int = 3) -> dict[int, Amount | None]:
    """Feed a register's readings, by hour, to a target; return each hour's delta."""
    windows = Windows(STEPS)
    into = target(windows, "delta", since_ms=T)
    for hour, n in readings:
        into.take(T + round(hour * HOUR_MS), n)
    windows.advance(T + hours * HOUR_MS)
    return {(start_ms - T) // HOUR_MS: window.members[ANN].value() for (_, start_ms), window in windows.open.items()}


def test_delta_each_window_from_the_last_reading_before_it() -> None:
    """What was used in an hour without readings shows in the next one that has some."""
    assert _deltas([(0, 100), (0.5, 104), (0.9, 110), (2.5, 150)]) == {0: 10, 2: 40}


def test_delta_without_a_reading_before_the_window_has_no_value() -> None:
    """The first whole hour under the terms has no baseline, unless a reading stands at its very start."""
    assert _deltas([(0.5, 100), (1.5, 120), (2.5, 150)]) == {0: None, 1: 20, 2: 30}


def test_delta_reading_between_consent_and_first_window_is_a_baseline() -> None:
    """A reading after the consent and before the first whole hour counts nowhere, and is measured from."""
    windows = Windows(STEPS)
    into = target(windows, "delta", since_ms=T + 20 * MINUTE_MS)
    assert into.take(T + 10 * MINUTE_MS, 50) == PARTIAL
    assert into.take(T + 50 * MINUTE_MS, 100) == BASELINE
    assert into.take(T + 40 * MINUTE_MS, 90) == BASELINE  # arrives late: the later one still stands
    assert into.take(T + 90 * MINUTE_MS, 112) == CONTRIBUTED
    windows.advance(T + 2 * HOUR_MS)
    assert value(windows, T + HOUR_MS, "delta") == 12
    assert not windows.is_empty()


def test_delta_fall_in_the_window_is_a_reset_and_the_next_window_counts_from_the_new_register() -> None:
    """A meter that was swapped spoils its hour, and only that."""
    windows = Windows(STEPS)
    into = target(windows, "delta", since_ms=T)
    fates = [into.take(T + m * MINUTE_MS, n) for m, n in ((0, 900), (10, 950), (20, 3), (30, 5), (90, 12))]
    assert fates == [BASELINE, CONTRIBUTED, RESET, CONTRIBUTED, CONTRIBUTED]
    windows.advance(T + 2 * HOUR_MS)
    assert value(windows, T, "delta") is None
    assert value(windows, T + HOUR_MS, "delta") == 7
    assert [windows.open[cohort("delta"), T + hour * HOUR_MS].pairs() for hour in (0, 1)] == [2, 1]


def test_delta_fall_below_the_baseline_is_a_reset() -> None:
    """A meter swapped between two windows shows only against the reading before."""
    windows = Windows(STEPS)
    into = target(windows, "delta", since_ms=T)
    assert [into.take(T + m * MINUTE_MS, n) for m, n in ((0, 900), (10, 3), (20, 5))] == [BASELINE, CONTRIBUTED, CONTRIBUTED]
    windows.advance(T + HOUR_MS)
    member = windows.open[cohort("delta"), T].members[ANN]
    assert isinstance(member, Delta)
    assert member.broken
    assert member.value() is None


def test_delta_readings_out_of_order_same_value() -> None:
    """Readings of a rising register may come in any order."""
    assert _deltas([(0.9, 110), (0.5, 104), (0, 100), (2.5, 150)]) == _deltas([(0, 100), (0.5, 104), (0.9, 110), (2.5, 150)])


@given(st.permutations([(10, 5), (20, 9), (30, 2)]))
def test_delta_fall_to_the_last_reading_found_in_any_order(readings: list[tuple[int, int]]) -> None:
    """A register that ends below what it showed before was reset, however its readings arrive."""
    contribution = new_contribution("delta", STEP)
    fates = [contribution.add(METER, t, n) for t, n in readings]
    assert RESET in fates
    assert contribution.value() is None
    assert contribution.pairs == fates.count(CONTRIBUTED)


def test_delta_two_meters_of_a_household_add_up() -> None:
    """A household with two meters has used what both have counted; one without a baseline leaves the whole without value."""
    windows = Windows(STEPS)
    one, other = target(windows, "delta"), target(windows, "delta", meter=OTHER_METER)
    for m, n in ((0, 10), (30, 15), (90, 20)):
        one.take(T + m * MINUTE_MS, n)
    for m, n in ((30, 1_000), (90, 1_002)):
        other.take(T + m * MINUTE_MS, n)
    windows.advance(T + 2 * HOUR_MS)
    assert value(windows, T, "delta") is None
    assert value(windows, T + HOUR_MS, "delta") == 5 + 2


def test_delta_no_baseline_across_a_time_without_consent() -> None:
    """After a withdrawal and a new consent nothing is measured from a reading of before."""
    windows = Windows(STEPS)
    target(windows, "delta").take(T, 100)
    windows.advance(T)
    windows.purge(ANN, {})
    assert windows.is_empty()
    again = target(windows, "delta", since_ms=T + HOUR_MS)
    again.take(T + 90 * MINUTE_MS, 150)
    windows.advance(T + 2 * HOUR_MS)
    assert value(windows, T + HOUR_MS, "delta") is None


def test_delta_baseline_from_before_new_terms_is_dropped() -> None:
    """Terms that took force later than the last reading measure nothing from it, even if the cohort stays."""
    windows = Windows(STEPS)
    target(windows, "delta").take(T, 100)
    windows.advance(T)
    assert windows.purge(ANN, {cohort("delta"): Kept(T + 1)}) == (1, True)
    assert windows.is_empty()


def test_delta_baseline_from_the_very_beginning_of_the_terms_stays() -> None:
    """A reading at the instant of the consent is covered by it."""
    windows = Windows(STEPS)
    into = target(windows, "delta", since_ms=T)
    into.take(T, 100)
    assert windows.purge(ANN, {cohort("delta"): Kept(T)}) == (0, False)
    into.take(T + MINUTE_MS, 104)
    windows.advance(T + HOUR_MS)
    assert value(windows, T, "delta") == 4


@given(
    rises=st.lists(st.integers(0, 50), min_size=1, max_size=20),
    minutes=st.lists(st.integers(1, 179), min_size=20, max_size=20, unique=True),
    shuffled=st.randoms(),
)
def test_delta_of_consecutive_windows_adds_up_to_the_whole_rise(rises: list[int], minutes: list[int], shuffled: Any) -> None:
    """Nothing that a register counts is lost or doubled between windows."""
    readings, n = [(0, 1_000)], 1_000
    for minute, rise in zip(sorted(minutes), rises, strict=False):
        n += rise
        readings.append((minute, n))
    inner = readings[1:]
    shuffled.shuffle(inner)
    deltas = _deltas([(m / 60, n) for m, n in [readings[0], *inner]])
    assert sum(delta or 0 for delta in deltas.values()) == n - 1_000


# leaving, and coming back


def test_purge_takes_out_one_contributor_and_says_how_many_pairs() -> None:
    """The others' contributions stay; a window that nobody is left in is gone."""
    windows = Windows(STEPS)
    ann, ben = target(windows), target(windows, who=BEN)
    for into, t_ms in ((ann, T), (ann, T + 1), (ann, T + HOUR_MS), (ben, T)):
        into.take(t_ms, 1)
    assert windows.purge(ANN, {}) == (3, True)
    assert [(w.start_ms, set(w.members)) for w in windows] == [(T, {BEN})]
    assert windows.purge(ANN, {}) == (0, False)


def test_purge_keeps_windows_of_cohorts_and_times_that_still_hold() -> None:
    """Where a contributor still belongs since some moment, only windows that began earlier lose it."""
    windows = Windows(STEPS)
    into = target(windows)
    for hour in range(3):
        into.take(T + hour * HOUR_MS, 1)
    assert windows.purge(ANN, {cohort(): Kept(T + HOUR_MS), cohort("max"): Kept(0)}) == (1, True)
    assert sorted(start_ms for _, start_ms in windows.open) == [T + HOUR_MS, T + 2 * HOUR_MS]


def test_purge_target_that_knew_the_window_opens_a_new_one() -> None:
    """What comes in after a withdrawal cannot slip into the accumulator that was taken out."""
    windows = Windows(STEPS)
    into = target(windows)
    into.take(T, 5)
    windows.purge(ANN, {})
    into.take(T + 1, 7)
    assert value(windows, T) == 7


def test_ended_oldest_end_first_and_only_passed() -> None:
    """Windows are drawn in the order in which they ended."""
    windows = Windows(STEPS)
    into = target(windows)
    for hour in (2, 0, 1):
        into.take(T + hour * HOUR_MS, 1)
    assert windows.ended() == []
    windows.advance(T + 2 * HOUR_MS)
    assert [window.start_ms for window in windows.ended()] == [T, T + HOUR_MS]


@pytest.mark.parametrize("drawn", [(ANN,), (ANN, BEN)])
def test_window_put_back_is_as_it_was_before_it_was_taken_out(drawn: tuple[bytes, ...]) -> None:
    """Who is in a bundle leaves the open window, which goes with the last of them; a void puts them back."""
    windows = Windows(STEPS)
    for whose in (ANN, BEN):
        target(windows, who=whose).take(T, 5)
    windows.advance(T + HOUR_MS)
    (window,) = windows.ended()
    members = dict(window.members)
    taken = windows.take_out(window, drawn, drawn)
    assert taken.members == {whose: members[whose] for whose in drawn}
    assert [set(each.members) for each in windows] == ([{BEN}] if BEN not in drawn else [])
    windows.put_back(taken)
    assert [each.members for each in windows.ended()] == [members]


def test_contributions_counted_as_opened_and_anew() -> None:
    """The count that bounds memory never falls short, and is exact after each recount."""
    windows = Windows(STEPS)
    for who in (ANN, BEN):
        for t_ms in (T, T + 1, T + HOUR_MS):
            target(windows, who=who).take(t_ms, 1)
    assert windows.contributions == 4
    windows.purge(ANN, {})
    windows.recount()
    assert windows.contributions == 2


def test_window_state_round_trip() -> None:
    """A window's state names cohort, times and members; a property that is gone from the policies does no harm."""
    window = Window(cohort("max"), T, T + HOUR_MS)
    window.members[ANN] = new_contribution("max", STEP)
    window.members[ANN].add(METER, T, 7)
    for steps in (STEPS, {}):
        restored = window_from_state(msgspec.msgpack.decode(msgspec.msgpack.encode(window_state(window))), steps)
        assert (restored.key, restored.end_ms) == (window.key, T + HOUR_MS)
        assert restored.members[ANN].value() == 7
        assert type(restored.cohort) is Cohort


_WHO = st.sampled_from([ANN, BEN])
_STATISTICS = ("sum", "delta", "sum of cells", "delta of cells")
_READINGS = st.tuples(st.sampled_from(_STATISTICS), _WHO, st.integers(0, 4 * HOUR_MS), st.integers(0, 99))
_STEPS = st.one_of(_READINGS, st.integers(0, 4 * HOUR_MS), _WHO)


@given(st.lists(_STEPS, max_size=25), st.lists(_STEPS, max_size=25))
def test_windows_stored_and_restored_go_on_the_same(before: list[Any], after: list[Any]) -> None:
    """Whatever happened before and happens after, a restart in between changes nothing."""
    straight, stored = Windows(STEPS), Windows(STEPS)
    for windows in (straight, stored):
        windows.whole_since_ms = T
        _play(windows, before)
    restored = Windows(STEPS)
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(stored.state())))
    assert _play(straight, after) == _play(restored, after)
    assert restored.state() == straight.state()


def _play(windows: Windows, steps: list[Any]) -> list[Any]:
    """Take readings, advance and purge; return what came of each."""
    targets = {(name, who): _target(windows, name, who) for name in _STATISTICS for who in (ANN, BEN)}
    fates: list[Any] = []
    for step in steps:
        if isinstance(step, tuple):
            statistic, who, offset, n = step
            fates.append(targets[statistic, who].take(T + offset, n))
        elif isinstance(step, int):
            windows.advance(T + step)
        else:
            kept = {cohort("delta"): Kept(T + HOUR_MS), cohort("delta", "of cells"): Kept(T, BY_WINDOW)}
            fates.append(windows.purge(step, kept))
    return fates


def _target(windows: Windows, name: str, who: bytes) -> WindowTarget | CellTarget:
    statistic, _, flow = name.partition(" ")
    shape = BY_WINDOW if flow else None
    return new_target(windows, cohort(statistic, flow or "nights"), (who, METER), Terms(TOP, T, NEVER_MS, 0, ()), shape, None)


# tables


def in_cells(windows: Windows, shape: CellShape = DAY, who: bytes = ANN, statistic: str = "sum") -> WindowTarget | CellTarget:
    """Return what takes somebody's readings into tables."""
    return new_target(windows, cohort(statistic), (who, METER), Terms(TOP, 0, NEVER_MS, 0, ()), shape, None)


def rows(windows: Windows) -> dict[tuple[int, bytes], dict[int, tuple[int, int]]]:
    """Return what stands in the cells: (beginning of the period, contributor) → cell → sum and count."""
    return {
        (table.start_ms, who): {cell: each for cell, each in enumerate(zip(*table.cells_of(who), strict=True)) if any(each)}
        for table in windows.tables.values()
        for who in table
    }


@given(st.permutations([(who, 10 * MINUTE_MS * at, at) for at in range(12) for who in (ANN, BEN)]), st.integers(0, 24))
def test_tables_same_in_any_order_and_over_a_restart(readings: list[tuple[bytes, int, int]], restart: int) -> None:
    """Sums are exact, and a cell that is remembered is as good as one that is looked up."""
    straight, windows = Windows(STEPS), Windows(STEPS)
    for who, offset_ms, n in sorted(readings):
        in_cells(straight, who=who).take(T + offset_ms, n)
    for part in (readings[:restart], readings[restart:]):
        targets = {who: in_cells(windows, who=who) for who in (ANN, BEN)}
        for who, offset_ms, n in part:
            assert targets[who].take(T + offset_ms, n) == CONTRIBUTED
        stored = windows.state()
        windows = Windows(STEPS)
        windows.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(stored)))
    assert rows(windows) == rows(straight)


def test_tables_purge_takes_the_whole_day_of_who_has_left() -> None:
    """And of no other; the day that began with the present terms stays."""
    windows = Windows(STEPS)
    for who in (ANN, BEN):
        for t_ms in (T, T + HOUR_MS, T + DAY_MS):
            in_cells(windows, who=who).take(t_ms, 7)
    assert windows.purge(ANN, {cohort(): Kept(T + DAY_MS, DAY)}) == (2, True)
    assert list(rows(windows)) == [(T, BEN), (T + DAY_MS, ANN), (T + DAY_MS, BEN)]
    assert windows.purge(ANN, {cohort(): Kept(T + DAY_MS, DAY)}) == (0, False)
    assert windows.purge(ANN, {}) == (1, True)
    assert windows.contributors() == {BEN}


def test_tables_purge_is_felt_by_a_target_that_remembers_its_row() -> None:
    """Else it would write into the row of whoever comes next."""
    windows = Windows(STEPS)
    ann, ben = in_cells(windows), in_cells(windows, who=BEN)
    ann.take(T, 7)
    windows.purge(ANN, {})
    ben.take(T, 1)
    ann.take(T + 1, 2)
    assert rows(windows) == {(T, BEN): {0: (1, 1)}, (T, ANN): {0: (2, 1)}}


@pytest.mark.parametrize(("before", "after"), [(DAY, BY_WINDOW), (DAY, None), (None, DAY)])
def test_tables_of_another_shape_are_given_up(before: CellShape | None, after: CellShape | None) -> None:
    """Whatever the terms: what lies in other cells, or in a window, cannot be gone on with, and must not leave without noise."""
    windows, terms = Windows(STEPS), Terms(TOP, 0, NEVER_MS, 0, ())
    new_target(windows, cohort(), (ANN, METER), terms, before, None).take(T, 7)
    assert windows.purge(ANN, {cohort(): Kept(0, after)}) == (1, True)
    new_target(windows, cohort(), (ANN, METER), terms, after, None).take(T, 3)
    assert (bool(windows.tables), bool(windows.open)) == (after is not None, after is None)


def test_tables_slices_are_taken_one_after_another_and_the_table_with_the_last() -> None:
    """What those in no bundle had is given up; a slice that is put back has what the bundle held."""
    windows = Windows(STEPS)
    for who in (ANN, BEN):
        for t_ms in (T, T + 23 * HOUR_MS):
            in_cells(windows, BY_WINDOW, who).take(t_ms, 7)
    (table,) = windows.tables.values()
    part = windows.take_slice(table, 0, 23, [ANN])
    assert rows(windows) == {(T, ANN): {23: (7, 1)}, (T, BEN): {23: (7, 1)}}
    last = windows.take_slice(table, 23, 24, [])
    assert (last, windows.tables) == (None, {})
    assert part is not None
    windows.put_back_table(part)
    assert rows(windows) == {(T, ANN): {0: (7, 1)}}


def test_tables_count_towards_the_bound_by_their_size() -> None:
    """A row of 24 cells takes about as much memory as three accumulators."""
    windows = Windows(STEPS)
    for hour in range(24):
        in_cells(windows).take(T + hour * HOUR_MS, 1)
    assert windows.contributions == 3
    windows.recount()
    assert windows.contributions == 3
    windows.purge(ANN, {})
    windows.recount()
    assert windows.contributions == 0


def test_missed_spans_are_whole_quarters_of_hours_joined_where_they_meet() -> None:
    """However often a session is lost, there are no more of them than quarters of hours."""
    windows = Windows(STEPS)
    for minute in range(0, 120, 7):
        windows.miss(T + minute * MINUTE_MS, T + minute * MINUTE_MS + 1)
    windows.miss(T + 10 * HOUR_MS + 1, T + 10 * HOUR_MS + 2)
    quarter_ms = 15 * MINUTE_MS
    assert windows.missed == [(T, T + 120 * MINUTE_MS), (T + 10 * HOUR_MS, T + 10 * HOUR_MS + quarter_ms)]


def test_missed_spans_stay_as_long_as_something_of_then_may_be_published() -> None:
    """A table that waits for its recipient keeps them, however long; and so does last week."""
    windows = Windows(STEPS)
    windows.miss(T - WEEK_MS, T - WEEK_MS + HOUR_MS)
    windows.miss(T, T + HOUR_MS)
    in_cells(windows).take(T + 2 * HOUR_MS, 1)
    windows.advance(T + 30 * DAY_MS)
    windows.forget_missed()
    assert windows.missed == [(T, T + HOUR_MS)]
    windows.purge(ANN, {})
    windows.forget_missed()
    assert windows.missed == []


def test_missed_spans_of_a_state_from_before_are_all_until_the_subscription() -> None:
    """What it stored was only since when nothing was missed."""
    windows = Windows(STEPS)
    windows.restore([T, T + HOUR_MS, [], []])
    assert windows.missed == [(0, T + HOUR_MS)]


def test_windows_days_are_utc_days() -> None:
    """A daily window begins at midnight UTC."""
    windows = Windows(STEPS)
    daily = new_target(windows, cohort(time="day"), (ANN, METER), Terms(TOP, 0, NEVER_MS, 0, ()), None, None)
    daily.take(T + 23 * HOUR_MS, 1)
    assert [(w.start_ms, w.end_ms) for w in windows] == [(T, T + DAY_MS)]


def test_tables_guard_forgets_who_stands_in_nothing_any_more() -> None:
    """An erasure leaves no name behind; who only leaves one cohort stays excluded from the others."""
    windows = Windows(STEPS)
    key = GuardKey("noise", T)
    windows.guards.rest_on(key, [ANN, BEN], 1)
    for kept, excluded in (({cohort(): Kept(0, DAY)}, {ANN, BEN}), ({}, {BEN})):
        windows.purge(ANN, kept)
        guard = windows.guards.get(key)
        assert guard is not None
        assert guard.excluded == excluded
