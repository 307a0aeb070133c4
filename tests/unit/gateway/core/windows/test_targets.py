"""Targets: those of registers take totals, and leave out windows; those of figures about subjects take readings into cells."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from consent.core.periods import WEEK_MS, Period
from gateway.core.ingest.counters import PARTS, CounterRule, Register
from gateway.core.windows.accumulators import BASELINE, CONTRIBUTED, EXPIRED, LATE, PARTIAL, RESET, UNDATED
from gateway.core.windows.cells import CellShape
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import CellTarget, CounterTarget, JudgedDifferenceTarget, Terms, WindowTarget, new_target
from gateway.core.windows.windows import Windows
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, MINUTE_MS

ANN, METER = b"a" * 16, b"m" * 16
COHORT = Cohort("grid", "total", "delta", "aggregate", "1h", "district", "1", "north", public=False)
T = MIDNIGHT_MS


def target(since_ms: int = 0, expires_ms: int = NEVER_MS) -> tuple[Windows, Register, CounterTarget]:
    """Return windows, a register of any counts, and what takes it into them."""
    windows = Windows({"total": Decimal(1)})
    register = Register(windows.counters, (ANN, METER, "total"), CounterRule(-1, -1, ""))
    target = new_target(windows, COHORT, (ANN, METER), Terms(TOP, since_ms, expires_ms, 0, ()), None, register)
    assert isinstance(target, CounterTarget)
    return windows, register, target


def test_total_is_taken_in_place_of_what_the_register_shows() -> None:
    """And the register is told that it was taken."""
    windows, register, one = target()
    for hour, total in ((0, 100), (1, 130)):
        register.total, register.kept = total, False
        assert one.take(T + hour * HOUR_MS, 5) == CONTRIBUTED
        assert register.kept
    windows.advance(NEVER_MS)
    assert [window.members[ANN].value() for window in windows] == [None, 30]


def test_total_that_is_not_taken_is_not_remembered() -> None:
    """It is late, or no longer permitted."""
    windows, register, one = target(expires_ms=T + 3 * HOUR_MS)
    windows.advance(T)
    assert one.take(T, 5) == LATE
    assert one.take(T + 3 * HOUR_MS, 5) == EXPIRED
    assert not register.kept


@pytest.mark.parametrize(("at_ms", "concerned"), [(T, False), (T + 1, True), (T + HOUR_MS, True), (T + 3 * HOUR_MS, False)])
def test_doubt_concerns_a_window_that_is_open_and_permitted(at_ms: int, concerned: bool) -> None:
    """A window includes its end."""
    windows, _, one = target(expires_ms=T + 3 * HOUR_MS)
    windows.advance(T)
    assert one.doubt(at_ms) == concerned
    assert bool(windows.open) == concerned


def test_doubt_before_the_first_whole_window_takes_the_baseline() -> None:
    """Unless it is of an earlier moment."""
    windows, register, one = target(since_ms=T + 1)
    register.total = 100
    assert one.take(T + 10, 5) == BASELINE
    assert one.doubt(T + 5)
    assert list(windows.baselines(ANN)) == [(COHORT, METER, T + 10, 100)]
    assert one.doubt(T + 11)
    assert list(windows.baselines(ANN)) == []


# cells

DAY = CellShape(HOUR_MS, Period.DAY, DAY_MS)
BY_WINDOW = CellShape(HOUR_MS, Period.DAY, HOUR_MS)
WEEK = CellShape(HOUR_MS, Period.WEEK, WEEK_MS)
SUMS = COHORT._replace(statistic="sum")


def cells(
    shape: CellShape = DAY, cohort: Cohort = SUMS, since_ms: int = 0, expires_ms: int = NEVER_MS, rule: CounterRule | None = None
) -> tuple[Windows, WindowTarget | CellTarget]:
    """Return windows, and what takes readings into their tables."""
    windows = Windows({"total": Decimal(1)})
    register = None if rule is None else Register(windows.counters, (ANN, METER, "total"), rule)
    return windows, new_target(windows, cohort, (ANN, METER), Terms(TOP, since_ms, expires_ms, 0, ()), shape, register)


def held(windows: Windows) -> dict[tuple[int, int], tuple[int, int]]:
    """Return what stands in Ann's cells: (beginning of the period, cell) → sum and count."""
    found = {}
    for (_, start_ms), table in windows.tables.items():
        for cell, (total, count) in enumerate(zip(*table.cells_of(ANN), strict=True)):
            if count:
                found[start_ms, cell] = total, count
    return found


def test_reading_falls_into_the_hour_in_which_it_was_taken() -> None:
    """The first millisecond of an hour is the hour's own, that of the next is not."""
    windows, one = cells()
    for t_ms, n in ((T, 1), (T + HOUR_MS - 1, 2), (T + HOUR_MS, 4), (T + DAY_MS, 8)):
        assert one.take(t_ms, n) == CONTRIBUTED
    assert held(windows) == {(T, 0): (3, 2), (T, 1): (4, 1), (T + DAY_MS, 0): (8, 1)}


def test_week_begins_on_monday() -> None:
    """Sunday's last hour is the 168th cell of the week before."""
    windows, one = cells(WEEK)
    assert one.take(T, 1) == one.take(T - 1, 2) == CONTRIBUTED
    assert held(windows) == {(T, 0): (1, 1), (T - WEEK_MS, 167): (2, 1)}


@pytest.mark.parametrize(("shape", "late"), [(DAY, [False, False]), (BY_WINDOW, [True, False]), (WEEK, [False, False])])
def test_late_only_once_it_would_be_published(shape: CellShape, late: list[bool]) -> None:
    """A day's figures take readings until the day has ended, those by the window until the window has."""
    windows, one = cells(shape)
    one.take(T + HOUR_MS - 1, 1)
    windows.advance(T + HOUR_MS)
    outcomes = [one.take(T + HOUR_MS - 1, 1), one.take(T + HOUR_MS, 1)]
    assert outcomes == [LATE if was_late else CONTRIBUTED for was_late in late]


def test_day_takes_late_readings_until_it_has_ended() -> None:
    """By the watermark, which the lateness is behind the clock; then it takes none, remembered cell or not."""
    windows, one = cells()
    assert one.take(T + 1, 1) == CONTRIBUTED
    windows.advance(T + DAY_MS - MINUTE_MS)
    assert one.take(T + 2, 1) == CONTRIBUTED
    windows.advance(T + DAY_MS)
    assert one.take(T + 3, 1) == LATE
    assert one.take(T + DAY_MS, 1) == CONTRIBUTED


def test_clock_that_leaps_over_midnight_ends_the_day_it_left() -> None:
    """And those that it leapt over; what comes for them is late, and the day that it reached has begun."""
    windows, one = cells()
    one.take(T + 1, 1)
    windows.advance(T + 2 * DAY_MS + HOUR_MS)
    assert [one.take(T + day * DAY_MS + 2 * HOUR_MS, 1) for day in range(3)] == [LATE, LATE, CONTRIBUTED]
    windows.advance(T)  # and back
    assert one.take(T + 2, 1) == LATE


def test_neither_before_the_terms_nor_after_them() -> None:
    """A day that began before the terms takes nothing; the end of the terms counts to the millisecond."""
    windows, one = cells(since_ms=T + DAY_MS, expires_ms=T + DAY_MS + 90 * MINUTE_MS)
    assert one.take(T + DAY_MS - 1, 1) == PARTIAL
    assert one.take(T + DAY_MS + 90 * MINUTE_MS - 1, 1) == CONTRIBUTED
    assert one.take(T + DAY_MS + 90 * MINUTE_MS, 1) == EXPIRED
    assert held(windows) == {(T + DAY_MS, 1): (1, 1)}


@pytest.mark.parametrize("n", [2**53, -(2**53)])
def test_readings_beyond_all_bounds_outgrow_no_cell(n: int) -> None:
    """It holds what 64 bits do, so that no stream of them ends the gateway; and a register that leaps so far neither."""
    windows, one = cells()
    for _ in range(1025):
        assert one.take(T, n) == CONTRIBUTED
    assert held(windows) == {(T, 0): ((2**63 - 1) * (1 if n > 0 else -1), 1025)}
    windows, one = cells(cohort=COHORT)
    for shown in (0, 2**62, 2**62 + 2**62, 2**64):
        one.take(T + 1, shown)
    assert held(windows) == {(T, 0): (2**63 - 1, 3)}


def test_reading_that_waited_counts_where_one_cell_is_certain() -> None:
    """Although all of the day is published at once: a figure tells the hour."""
    windows, one = cells()
    assert one.take_between(T, T + HOUR_MS - 1, 1) == CONTRIBUTED
    assert one.take_between(T, T + HOUR_MS, 1) == UNDATED
    assert held(windows) == {(T, 0): (1, 1)}


def test_difference_falls_into_the_cell_of_the_later_reading() -> None:
    """An hour includes its end: what a meter shows at one o'clock was used before. The first reading is a baseline."""
    windows, one = cells(cohort=COHORT)
    outcomes = [one.take(t_ms, n) for t_ms, n in ((T, 100), (T + HOUR_MS, 103), (T + HOUR_MS + 1, 103), (T + DAY_MS, 150))]
    assert outcomes == [BASELINE, CONTRIBUTED, CONTRIBUTED, CONTRIBUTED]
    assert held(windows) == {(T, 0): (3, 1), (T, 1): (0, 1), (T, 23): (47, 1)}


def test_fall_of_a_counter_is_a_baseline_of_its_own() -> None:
    """Within an hour and at its beginning; nothing is told of how far it fell."""
    windows, one = cells(cohort=COHORT)
    steps = ((1, 100), (2, 110), (3, 5), (4, 9), (61, 2), (62, 4))
    outcomes = [one.take(T + minute * MINUTE_MS, n) for minute, n in steps]
    assert outcomes == [BASELINE, CONTRIBUTED, RESET, CONTRIBUTED, RESET, CONTRIBUTED]
    assert held(windows) == {(T, 0): (14, 2), (T, 1): (2, 1)}


def test_reading_older_than_the_last_changes_nothing() -> None:
    """It counts as contributed, since what it tells is in the last one's cell already."""
    windows, one = cells(cohort=COHORT)
    for minute, n in ((1, 100), (70, 110), (30, 104), (80, 111)):
        one.take(T + minute * MINUTE_MS, n)
    assert held(windows) == {(T, 0): (0, 1), (T, 1): (11, 2)}


def test_difference_counts_from_the_first_reading_under_the_terms() -> None:
    """One from before is no baseline, and one at the very beginning is one and nothing else."""
    windows, one = cells(cohort=COHORT, since_ms=T)
    assert [one.take(T - 1, 90), one.take(T, 100), one.take(T + 1, 101)] == [PARTIAL, BASELINE, CONTRIBUTED]
    assert held(windows) == {(T, 0): (1, 1)}


def test_household_that_leaves_begins_with_a_baseline_when_it_is_back() -> None:
    """No difference reaches over the time in which nothing was permitted."""
    windows, one = cells(cohort=COHORT)
    one.take(T, 100)
    one.take(T + MINUTE_MS, 101)
    windows.purge(ANN, {})
    assert windows.is_empty()
    assert one.take(T + DAY_MS, 150) == BASELINE
    assert not windows.tables


def judged(windows: Windows, one: WindowTarget | CellTarget, t_ms: int, shown: int) -> int | None:
    """Let a register be judged and taken, as the pipeline does; return what became of the pair, None where it was refused."""
    assert isinstance(one, JudgedDifferenceTarget)
    register = one.register
    if register.judge(t_ms, t_ms, shown * PARTS) is None:
        register.doubt()
        return None
    outcome = one.take(t_ms, shown)
    register.keep()
    return outcome


def test_register_that_rolls_over_goes_on_counting() -> None:
    """Its total never falls, so no hour is lost."""
    windows, one = cells(cohort=COHORT, rule=CounterRule(10_000 * PARTS, 65_536 * PARTS, ""))
    shown = [65_500, 65_530, 24, 40]
    outcomes = [judged(windows, one, T + minute * MINUTE_MS, n) for minute, n in zip((0, 20, 40, 61), shown, strict=True)]
    assert outcomes == [BASELINE, CONTRIBUTED, CONTRIBUTED, CONTRIBUTED]
    assert held(windows) == {(T, 0): (60, 2), (T, 1): (16, 1)}


def test_wrong_telegram_costs_no_cell_anything() -> None:
    """It is refused, and the next reading tells what was used in the meantime."""
    windows, one = cells(cohort=COHORT, rule=CounterRule(100 * PARTS, -1, ""))
    outcomes = [judged(windows, one, T + minute * MINUTE_MS, n) for minute, n in ((0, 1000), (30, 9), (60, 1004))]
    assert outcomes == [BASELINE, None, CONTRIBUTED]
    assert held(windows) == {(T, 0): (4, 1)}


def test_exchanged_register_begins_anew() -> None:
    """The reading that confirms it is a baseline; the cell of what was wrong before gets nothing of the leap."""
    windows, one = cells(cohort=COHORT, rule=CounterRule(100 * PARTS, -1, ""))
    steps = ((0, 1000), (30, 1005), (60, 7), (90, 9), (120, 12))
    outcomes = [judged(windows, one, T + minute * MINUTE_MS, n) for minute, n in steps]
    assert outcomes == [BASELINE, CONTRIBUTED, None, RESET, CONTRIBUTED]
    assert held(windows) == {(T, 0): (5, 1), (T, 1): (3, 1)}


def test_reading_that_turns_out_wrong_is_taken_out_of_its_cell() -> None:
    """The last one that was taken, where the ones before and after agree with each other."""
    windows, one = cells(cohort=COHORT, rule=CounterRule(100 * PARTS, -1, ""))
    steps = ((0, 1000), (30, 1001), (61, 1090), (90, 1003), (121, 1004), (150, 1005))
    outcomes = [judged(windows, one, T + minute * MINUTE_MS, n) for minute, n in steps]
    assert outcomes == [BASELINE, CONTRIBUTED, CONTRIBUTED, None, RESET, CONTRIBUTED]
    assert held(windows) == {(T, 0): (1, 1), (T, 1): (0, 1), (T, 2): (1, 1)}
