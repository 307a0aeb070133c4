"""Tables of cells: exact sums in rows that can be emptied for good, copied, cut into slices and stored."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from consent.core.periods import Period
from gateway.core.windows.accumulators import CONTRIBUTED
from gateway.core.windows.cells import MOST_STEPS, CellShape, CellTable, table_from_state
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import Terms, new_target
from gateway.core.windows.windows import Windows
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS, MINUTE_MS

ANN, BEN, CLEO = b"a" * 16, b"b" * 16, b"c" * 16
COHORT = Cohort("hourly", "kwh", "sum", "aggregate", "1h", "district", "1", "north", public=False)
DAY = CellShape(HOUR_MS, Period.DAY, DAY_MS)

Readings = list[tuple[bytes, int, int]]
"""(contributor, cell, first steps)"""

READINGS: st.SearchStrategy[Readings] = st.lists(
    st.tuples(st.sampled_from([ANN, BEN, CLEO]), st.integers(0, 23), st.integers(-(2**53), 2**53)), max_size=40
)


def table(readings: Iterable[tuple[bytes, int, int]] = ()) -> CellTable:
    """Return a day's table of some readings."""
    made = CellTable(COHORT, DAY, MIDNIGHT_MS)
    for contributor, cell, n in readings:
        at = made.row(contributor) + cell
        made.add_sum(at, n)
        made.add_count(at, 1)
    return made


def rows_of(of: CellTable) -> dict[bytes, tuple[list[int], list[int]]]:
    """Return all rows that hold anything."""
    cells = {contributor: of.cells_of(contributor) for contributor in of}
    return {contributor: (list(sums), list(counts)) for contributor, (sums, counts) in cells.items() if any(counts)}


def test_row_of_another_is_not_touched() -> None:
    """Nor is the rest of a row."""
    one = table([(ANN, 0, 5), (BEN, 23, 7), (ANN, 0, 1)])
    sums, counts = one.cells_of(ANN)
    assert (list(sums), list(counts)) == ([6] + [0] * 23, [2] + [0] * 23)
    assert one.pairs() == 3
    assert one.pairs(1) == one.pairs(23, 24) == 1


def test_cells_of_a_counter_begin_behind_the_hour() -> None:
    """A reading on the hour tells what was counted before it; of any other property it is the next hour's first."""
    of_readings, of_counters = table(), CellTable(COHORT._replace(statistic="delta"), DAY, MIDNIGHT_MS)
    assert of_readings.edges_ms == [MIDNIGHT_MS + hour * HOUR_MS for hour in range(25)]
    assert of_counters.edges_ms == [edge_ms + 1 for edge_ms in of_readings.edges_ms]


def test_row_of_who_has_left_is_empty_and_used_again() -> None:
    """Whoever comes next finds nothing in it, and no row is lost."""
    one = table([(ANN, 3, 5), (BEN, 4, 7)])
    assert one.remove(ANN) == 1
    assert 5 not in one.sums
    one.row(CLEO)
    assert not any(map(any, one.cells_of(CLEO)))
    assert len(one.sums) == len(one.counts) == 2 * DAY.cells


@given(READINGS)
def test_stored_table_is_the_same_again(readings: Readings) -> None:
    """Rows that hold nothing are left out."""
    one = table(readings)
    one.row(b"z" * 16)
    again = table_from_state(one.state())
    assert rows_of(again) == rows_of(one)
    assert (again.cohort, again.shape, again.start_ms) == (one.cohort, one.shape, one.start_ms)
    assert b"z" * 16 not in again.rows


@given(READINGS)
def test_erased_contributor_leaves_no_trace_in_what_is_stored(readings: Readings) -> None:
    """What is stored is as if it had never been there; only the others' order may differ."""
    one, without = table(readings), table(reading for reading in readings if reading[0] != ANN)
    if ANN in one.rows:
        one.remove(ANN)
    stored, other = one.state(), without.state()
    assert stored == other


@given(READINGS, st.integers(0, 23), st.integers(1, 24), st.sets(st.sampled_from([ANN, BEN, CLEO])))
def test_slice_that_is_put_back_leaves_all_as_it_was(readings: Readings, first: int, last: int, drawn: set[bytes]) -> None:
    """But for what those not drawn had in it, which is given up."""
    last = max(first + 1, last)
    one, names = table(readings), {contributor for contributor, _, _ in readings}
    inside = [reading for reading in readings if first <= reading[1] < last]
    outside = [reading for reading in readings if not first <= reading[1] < last]
    part = one.take(first, last, drawn & names)
    assert rows_of(part) == rows_of(table(reading for reading in inside if reading[0] in drawn))
    assert rows_of(one) == rows_of(table(outside))
    one.add(part)
    assert rows_of(one) == rows_of(table([*outside, *(reading for reading in inside if reading[0] in drawn)]))


def test_rows_of_what_has_ended_stay_as_they_are() -> None:
    """Whoever joins or leaves while a worker computes: it finds everybody whom it was to find, and nobody else."""
    one = table([(ANN, 3, 5), (BEN, 4, 7)])
    ended = one.ended()
    one.sums[one.row(CLEO)] += 9
    assert rows_of(ended) == rows_of(table([(ANN, 3, 5), (BEN, 4, 7)]))
    one.remove(ANN)
    assert list(ended) == [ANN, BEN]
    assert rows_of(ended) == rows_of(table([(BEN, 4, 7)]))


@given(READINGS, st.lists(st.integers(0, 70_000), min_size=24, max_size=24))
def test_numbers_are_exact_however_wide(readings: Readings, counts: list[int]) -> None:
    """Of a table that was taken apart and put together again, stored, or put in the place of a narrower one."""
    one, names = table(readings), {contributor for contributor, _, _ in readings} | {ANN}
    at = one.row(ANN)
    for cell, n in enumerate(counts):
        one.add_count(at + cell, n)
    sums = {name: [sum(n for who, where, n in readings if (who, where) == (name, cell)) for cell in range(24)] for name in names}
    assert {name: list(one.cells_of(name)[0]) for name in names} == sums
    before = rows_of(one)
    part = one.take(0, 12, names)
    one.add(part)
    assert rows_of(one) == before
    for other in (table(), table([(ANN, 5, 2**40), (BEN, 5, 1)])):
        other.replace(one)
        assert {name: rows_of(other).get(name) for name in before} == before
    assert rows_of(table_from_state(one.state())) == before


def test_sum_stays_at_the_most_that_a_cell_holds() -> None:
    """On either side, whatever its array was before."""
    for n, most in ((2**62, MOST_STEPS), (-(2**62), -MOST_STEPS)):
        one = table([(ANN, 0, n)] * 3)
        assert list(one.cells_of(ANN)[0])[:2] == [most, 0]


def test_table_takes_as_many_bytes_as_its_numbers_need() -> None:
    """Three a cell, until one number needs more: then for that of all cells."""
    one = table([(ANN, 0, 2**15 - 1), (BEN, 0, -(2**15))])
    assert (one.sums.itemsize, one.counts.itemsize) == (2, 1)
    one.add_sum(one.row(ANN), 1)
    one.add_count(one.row(ANN), 2**16)
    assert (one.sums.itemsize, one.counts.itemsize) == (4, 4)
    assert rows_of(one) == {ANN: ([2**15] + [0] * 23, [2**16 + 1] + [0] * 23), BEN: ([-(2**15)] + [0] * 23, [1] + [0] * 23)}


def test_all_that_remembers_a_table_sees_it_grow_wider() -> None:
    """Also where two profiles' targets feed it in turn, and where what was published is put back meanwhile."""
    windows, terms = Windows({"kwh": Decimal(1)}), Terms(TOP, 0, NEVER_MS, 0, ())
    one = new_target(windows, COHORT, (ANN, ANN), terms, DAY, None)
    other = new_target(windows, COHORT, (BEN, BEN), replace(terms, profile="other"), DAY, None)
    for n in (1, 2**20, 1, 2**40, 1):
        assert one.take(MIDNIGHT_MS, n) == other.take(MIDNIGHT_MS, n) == CONTRIBUTED
    for _ in range(300):
        assert one.take(MIDNIGHT_MS, 0) == other.take(MIDNIGHT_MS, 0) == CONTRIBUTED
    (held,) = windows.tables.values()
    windows.put_back_table(table([(ANN, 0, 2**50)] * 2))
    assert one.take(MIDNIGHT_MS, 1) == other.take(MIDNIGHT_MS, 1) == CONTRIBUTED
    total = 2**40 + 2**20 + 4
    assert {who: (sums[0], counts[0]) for who, (sums, counts) in rows_of(held).items()} == {
        ANN: (total + 2**51, 308),
        BEN: (total, 306),
    }


def test_spans_end_one_by_one() -> None:
    """Of a day that is published as a whole only its end counts."""
    by_window = CellTable(COHORT, CellShape(HOUR_MS, Period.DAY, 4 * HOUR_MS), MIDNIGHT_MS)
    for after_ms, ended in ((-1, 0), (4 * HOUR_MS - 1, 0), (4 * HOUR_MS, 1), (DAY_MS, 6), (3 * DAY_MS, 6)):
        assert by_window.spans_ended(MIDNIGHT_MS + after_ms) == ended
    assert table().spans_ended(MIDNIGHT_MS + DAY_MS - 1) == 0
    assert table().spans_ended(MIDNIGHT_MS + DAY_MS) == 1


def test_day_of_ten_thousand_homes_takes_under_3_mib() -> None:
    """With its 24 hours; as one accumulator for each home and hour it took 25."""
    windows, terms = Windows({"kwh": Decimal(1)}), Terms(TOP, 0, NEVER_MS, 0, ())
    names = [number.to_bytes(16, "big") for number in range(10_000)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for name in names:
            target = new_target(windows, COHORT, (name, name), terms, DAY, None)
            for hour in range(24):
                assert target.take(MIDNIGHT_MS + hour * HOUR_MS + MINUTE_MS, 1_000 + hour) == CONTRIBUTED
        windows.forget_cached()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 3 * 2**20, f"{taken / 2**20:.2f} MiB"
