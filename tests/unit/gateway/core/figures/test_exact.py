"""Exact figures: to the digit, of enough homes, none of which is most of them; else nothing of the whole day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import DAY_MS
from gateway.core.figures.draws import Closed, Draw, NoDraw
from gateway.core.figures.exact import close_exact, least_homes
from gateway.core.windows.cells import CellTable
from gateway.core.windows.targets import Terms
from tests.support.cells import WEEK_BEGAN_MS, Rows, cell_table, cohort_of, conditions, terms, who, whole
from tests.support.city import city

HOUR_MS = DAY_MS // 24
_ASK: dict[str, Any] = {"purpose": "planning", "recipient": "office", "identity": "aggregate", "space": "district"}
_ASK |= {"retention": 9, "time": "1h"}
POLICIES = (
    city()
    .limits(exact_group=3)
    .district("north")
    .zone("mill", "north")
    .measures("consumption", 0, 5)
    .measures("LAeq", 30, 90)
    .purpose("planning")
    .recipient("office")
    .quantity("electricity", "consumption", cell="1h")
    .flow("hourly", "consumption", statistic="sum", group=2, **_ASK)
    .flow("many", "consumption", statistic="sum", group=5, **_ASK)
    .flow("levels", "LAeq", statistic="mean", group=2, **_ASK)
    .flow("readings", "consumption", statistic="count", group=2, **_ASK)
    .policies()
)


def table(rows: Rows, counts: Rows | None = None, flow: str = "hourly", time: str = "") -> CellTable:
    """Return a table of a flow."""
    (name,) = POLICIES.flows[flow].properties
    return cell_table(POLICIES, cohort_of(POLICIES, flow, name, time=time), rows, counts)


def close(
    of: CellTable,
    excluded: Collection[bytes] | None = frozenset(),
    missed: Sequence[tuple[int, int]] = (),
    held: dict[bytes, Terms] | None = None,
) -> Closed:
    """Close a table."""
    mechanism = POLICIES.mechanisms[of.cohort.flow, of.cohort.observed_property]
    return close_exact(whole(of), mechanism, conditions(POLICIES, held), missed, excluded)


def values(closed: Closed) -> list[float]:
    """Return the figures."""
    assert isinstance(closed, Draw)
    return [figure.value for figure in closed.figures]


def suppressed(closed: Closed) -> dict[str, int]:
    """Return why nothing was told."""
    assert isinstance(closed, NoDraw)
    return dict(closed.suppressed)


_DAY = st.lists(st.integers(0, 5_000), min_size=24, max_size=24)


@given(st.lists(_DAY, min_size=4, max_size=7))
def test_sums_are_exact_to_the_digit(rows: list[list[int]]) -> None:
    """Unless one home is most of them, an hour's figure is the sum of what the homes told, and its error is nothing."""
    closed = close(table(rows))
    if isinstance(closed, Draw):
        assert values(closed) == [sum(column) / 1000 for column in zip(*rows, strict=True)]
        assert {figure.standard_error for figure in closed.figures} == {0.0}
    else:
        assert closed.suppressed == {"p": 24 * len(rows)}


@given(
    st.lists(st.lists(st.tuples(st.integers(200, 1_000), st.integers(1, 4)), min_size=24, max_size=24), min_size=5, max_size=6)
)
def test_means_are_those_of_the_homes_own_means(rows: list[list[tuple[int, int]]]) -> None:
    """Each home counts once, however often it reports; each is clamped by itself; the mean is floored once."""
    closed = close(table([[n * total for total, n in row] for row in rows], [[n for _, n in row] for row in rows], "levels"))
    own = [[Fraction(min(max(total, 300), 900)) for total, _ in row] for row in rows]
    expected = [floor(sum(column) / len(rows)) / 10 for column in zip(*own, strict=True)]
    assert values(closed) == pytest.approx(expected)


def test_a_mean_is_of_those_who_told_something_in_that_hour() -> None:
    """Of nothing no level is made up; and a home's mean over four hours is that of the hours that it has told."""
    rows = [[500] * 24, [600] * 24, [600] * 24, [700] * 24, [0] * 23 + [800]]
    counts = [[1] * 24] * 4 + [[0] * 23 + [1]]
    assert values(close(table(rows, counts, "levels"))) == [60.0] * 23 + [64.0]
    by_4h = close(table([*rows[:4], [0] * 20 + [500, 0, 0, 800]], [*counts[:4], [0] * 20 + [1, 0, 0, 1]], "levels", "4h"))
    assert values(by_4h) == [60.0] * 5 + [61.0]


def test_readings_are_counted() -> None:
    """And one home that reports more often than all others but one is most of the count."""
    counts = [[3] * 24, [1] * 24, [5] * 24, [3] * 24]
    assert suppressed(close(table([[900] * 24] * 4, counts, "readings"))) == {"p": 288}
    assert values(close(table([[900] * 24] * 5, [*counts, [4] * 24], "readings"))) == [16] * 24


def test_coarser_figures_are_sums_of_clamped_cells() -> None:
    """A clamp bounds each hour; not four of them together, as it would a figure of its own."""
    assert values(close(table([[9_000] * 24] * 4, time="4h"))) == [80.0] * 6
    assert values(close(table([[9_000] * 24] * 4, time="day"))) == [480.0]


def test_the_number_told_is_rounded_down_to_fives() -> None:
    told = []
    for homes in (4, 5, 11):
        closed = close(table([[9] * 24] * homes))
        assert isinstance(closed, Draw)
        told.append(closed.told)
    assert told == [0, 5, 10]


def test_limit_who_knows_all_the_others_knows_the_last() -> None:
    rows = [[100 + home + hour for hour in range(24)] for home in range(6)]
    others = [sum(column) / 1000 for column in zip(*rows[:-1], strict=True)]
    told = values(close(table(rows)))
    assert [round(1000 * (a - b)) for a, b in zip(told, others, strict=True)] == rows[-1]


# how many


def test_the_group_is_the_citys_or_the_flows_whichever_is_larger() -> None:
    assert [least_homes(conditions(POLICIES), flow) for flow in ("hourly", "many")] == [3, 5]


def test_too_few_homes_and_nothing_of_the_day_is_told() -> None:
    assert suppressed(close(table([[9] * 24] * 2))) == {"k": 48}
    assert suppressed(close(table([[9] * 24] * 4, flow="many"))) == {"k": 96}
    assert isinstance(close(table([[9] * 24] * 5, flow="many")), Draw)
    assert suppressed(close(table([]))) == {}


def test_homes_without_terms_do_not_count() -> None:
    closed = close(table([[9] * 24] * 4), held={who(0): terms(), who(1): terms()})
    assert (suppressed(closed), closed.withdrawn) == ({"k": 48}, 48)


def test_an_hour_in_which_fewer_told_something_is_not_told() -> None:
    """Else at night the one home that reports would be the figure."""
    rows, counts = [[9] * 24 for _ in range(4)], [[1] * 24 for _ in range(4)]
    for home in (0, 1):
        counts[home][3] = rows[home][3] = 0
    closed = close(table(rows, counts))
    assert isinstance(closed, Draw)
    assert values(closed) == [0.036] * 23
    assert (closed.struck, closed.suppressed, closed.pairs) == ((3,), {"k": 2}, [23] * 4)


def test_an_hour_of_too_few_is_in_no_coarser_figure_either() -> None:
    """By the day less the hours that are told, it would be told nevertheless, and be the one home's that has reported in it."""
    rows, counts = [[9] * 24 for _ in range(4)], [[1] * 24 for _ in range(4)]
    for home in (0, 1, 2):
        counts[home][3] = rows[home][3] = 0
    assert suppressed(close(table(rows, counts, time="day"))) == {"k": 93}
    assert values(close(table(rows, counts, time="4h"))) == [0.144] * 5
    rows[3][3] = counts[3][3] = 0  # of an hour in which nobody has told something there is nothing to hide
    assert values(close(table(rows, counts, time="day"))) == [0.828]


def test_who_told_something_in_such_hours_alone_is_no_member() -> None:
    rows, counts = [[9] * 24 for _ in range(4)], [[1] * 24 for _ in range(3)] + [[0] * 24]
    counts[3][3], counts[0][3], counts[1][3] = 1, 0, 0
    closed = close(table(rows, counts))
    assert isinstance(closed, Draw)
    assert (list(closed.members), closed.suppressed) == ([who(0), who(1), who(2)], {"k": 2})


def test_a_day_on_which_no_hour_has_enough_gives_nothing() -> None:
    counts = [[int(hour % 4 == home) for hour in range(24)] for home in range(4)]
    assert suppressed(close(table([[9] * 24] * 4, counts))) == {"k": 24}


# p = 100 %


@pytest.mark.parametrize(
    ("homes", "is_told"), [([8, 5, 5, 3], True), ([9, 5, 5, 3], False), ([8, 8, 8, 8], True), ([0] * 4, True)]
)
def test_a_home_that_is_more_than_all_but_the_second_silences_the_day(homes: list[int], *, is_told: bool) -> None:
    """The second could otherwise tell the first's consumption to within a factor of two, by taking away its own."""
    assert isinstance(close(table([[100 * home] * 24 for home in homes])), Draw) is is_told


def test_dominance_is_decided_for_the_day_and_not_by_the_hour() -> None:
    """An oven at noon silences no hour, and whose hour it was is not told by one that is silent."""
    rows = [[100] * 24 for _ in range(5)]
    rows[0][12] = 1_000
    assert values(close(table(rows)))[12] == 1.4
    rows[0] = [1_000] * 24
    assert suppressed(close(table(rows))) == {"p": 120}


def test_dominance_looks_at_clamped_cells_that_are_told() -> None:
    rows = [[2_000] * 24 for _ in range(5)]
    rows[0] = [100_000] * 24
    assert isinstance(close(table(rows)), Draw)
    rows = [[100] * 24 for _ in range(5)]
    rows[0][:12] = [5_000] * 12
    assert suppressed(close(table(rows)))["p"] == 120
    assert isinstance(close(table(rows), missed=[(0, WEEK_BEGAN_MS + 12 * HOUR_MS)]), Draw)


# the guard, and what was told


def test_excluded_homes_stand_in_nothing_and_are_counted() -> None:
    closed = close(table([[100] * 24, [200] * 24, [300] * 24, [250] * 24, [300] * 24]), frozenset({who(1), who(99)}))
    assert isinstance(closed, Draw)
    assert (values(closed), closed.suppressed) == ([0.95] * 24, {"guard": 24})
    assert who(1) not in closed.members
    assert suppressed(close(table([[9] * 24] * 3), frozenset({who(1)}))) == {"guard": 24, "k": 48}


def test_nothing_is_told_any_more_once_somebody_has_left_what_was_told() -> None:
    assert suppressed(close(table([[9] * 24] * 4), None)) == {"told": 96}


def test_missed_hours_are_struck_and_the_rest_is_told() -> None:
    closed = close(table([[9] * 24] * 4), missed=[(WEEK_BEGAN_MS, WEEK_BEGAN_MS + HOUR_MS)])
    assert isinstance(closed, Draw)
    assert (len(closed.figures), closed.struck, closed.suppressed) == (23, (0,), {"partial": 4})
    assert suppressed(close(table([[9] * 24] * 4), missed=[(0, 1 << 60)])) == {"partial": 96}
