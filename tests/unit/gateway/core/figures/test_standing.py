"""Standing: who stands in a slice, and which cells count for nobody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import DAY_MS
from gateway.core.figures.draws import Slice
from gateway.core.figures.standing import cells_a_window, stand_in, struck_cells
from tests.support.cells import WEEK_BEGAN_MS, cell_table, cohort_of, conditions, terms, who, whole
from tests.support.city import city

HOUR_MS = DAY_MS // 24
_ASK: dict[str, Any] = {
    "purpose": "planning",
    "recipient": "office",
    "identity": "aggregate",
    "space": "district",
    "retention": 9,
}
POLICIES = (
    city()
    .district("north")
    .zone("mill", "north")
    .measures("consumption", 0, 5)
    .purpose("planning")
    .recipient("office")
    .recipient("public")
    .quantity("electricity", "consumption", cell="1h")
    .flow("hourly", "consumption", statistic="sum", time="1h", budget=1, **_ASK)
    .flow("week", "consumption", statistic="typical-day", time="1h", period="week", budget=1, **_ASK)
    .policies()
)
DAY = cell_table(POLICIES, cohort_of(POLICIES, "hourly", "consumption"), [[1] * 24, [2] * 24, [3] * 24])
BY_4H = cell_table(POLICIES, cohort_of(POLICIES, "hourly", "consumption", time="4h"), [[1] * 24])
WEEK = cell_table(POLICIES, cohort_of(POLICIES, "week", "consumption"), [[1] * 168])


def at(hour: float) -> int:
    """Return an instant, some hours into the table."""
    return WEEK_BEGAN_MS + int(hour * HOUR_MS)


def test_who_has_terms_stands_and_who_has_none_is_withdrawn() -> None:
    standing = stand_in(whole(DAY), conditions(POLICIES, {who(0): terms(), who(2): terms(since_ms=WEEK_BEGAN_MS)}), ())
    assert (list(standing.members), standing.withdrawn) == ([who(0), who(2)], 24)
    assert standing.pairs == [24, 24]


def test_terms_that_began_within_the_day_cover_nothing_in_it() -> None:
    """Else a home that joined at noon would be the difference between morning and afternoon."""
    standing = stand_in(whole(DAY), conditions(POLICIES, {who(0): terms(since_ms=WEEK_BEGAN_MS + 1), who(1): terms()}), ())
    assert (list(standing.members), standing.withdrawn) == ([who(1)], 48)


def test_who_told_nothing_does_not_stand() -> None:
    table = cell_table(POLICIES, DAY.cohort, [[0] * 24, [5] * 24], [[0] * 24, [0] * 23 + [1]])
    standing = stand_in(whole(table), conditions(POLICIES), ())
    assert (list(standing.members), standing.pairs, standing.withdrawn, standing.partial) == ([who(1)], [1], 0, 0)
    assert not stand_in(Slice(table, 0, 23), conditions(POLICIES), ()).members


def test_members_stand_in_an_order_that_tells_nothing() -> None:
    table = cell_table(POLICIES, DAY.cohort, {who(number): [1] * 24 for number in (7, 2, 9, 1)})
    assert list(stand_in(whole(table), conditions(POLICIES), ()).members) == [who(number) for number in (1, 2, 7, 9)]


def test_missed_hours_are_struck_for_all_and_counted() -> None:
    standing = stand_in(whole(DAY), conditions(POLICIES, {who(0): terms(), who(1): terms()}), [(at(3.5), at(5))])
    assert standing.struck == {3, 4}
    assert (standing.partial, standing.withdrawn, list(standing.members)) == (4, 24, [who(0), who(1)])
    assert standing.pairs == [22, 22]


def test_who_told_something_in_missed_hours_alone_does_not_stand() -> None:
    table = cell_table(POLICIES, DAY.cohort, [[0] * 24], [[0] * 3 + [2] + [0] * 20])
    standing = stand_in(whole(table), conditions(POLICIES), [(at(3), at(4))])
    assert (dict(standing.members), standing.partial) == ({}, 2)


@pytest.mark.parametrize(
    ("missed", "struck"),
    [
        ([], set()),
        ([(at(-5), at(0))], set()),
        ([(at(24), at(30))], set()),
        ([(at(-5), at(0) + 1)], {0}),
        ([(at(1), at(2))], {1}),
        ([(at(2) - 1, at(2) + 1)], {1, 2}),
        ([(at(1), at(2)), (at(22), at(99))], {1, 22, 23}),
        ([(at(-99), at(99))], set(range(24))),
    ],
    ids=str,
)
def test_struck_are_the_cells_that_a_missed_span_touches(missed: list[tuple[int, int]], struck: set[int]) -> None:
    """To the millisecond; a span that only borders on a cell leaves it."""
    assert struck_cells(whole(DAY), missed) == struck


@given(st.lists(st.tuples(st.integers(-30, 200), st.integers(1, 99)), max_size=4), st.integers(0, 23), st.integers(1, 24))
def test_struck_cells_are_those_found_one_by_one(spans: list[tuple[int, int]], first: int, length: int) -> None:
    part = Slice(DAY, first, min(24, first + length))
    missed = [(at(begin / 4), at((begin + long) / 4)) for begin, long in spans]
    expected = {cell for cell in range(part.first, part.last) if any(a < at(cell + 1) and at(cell) < b for a, b in missed)}
    assert struck_cells(part, missed) == expected


def test_a_window_of_which_an_hour_is_missed_is_struck_whole() -> None:
    """A figure of four hours, one of them lacking, would be another figure than it says."""
    assert cells_a_window(whole(BY_4H)) == 4
    assert struck_cells(whole(BY_4H), [(at(5), at(6))]) == {4, 5, 6, 7}
    assert struck_cells(Slice(BY_4H, 4, 8), [(at(5), at(6))]) == {4, 5, 6, 7}
    assert struck_cells(Slice(BY_4H, 8, 12), [(at(5), at(6))]) == set()


def test_an_hour_of_a_week_is_struck_on_its_day_alone() -> None:
    assert struck_cells(whole(WEEK), [(at(24 + 3), at(24 + 4))]) == {27}
    every = [(at(24 * day + 3), at(24 * day + 4)) for day in range(7)]
    assert struck_cells(whole(WEEK), every) == {24 * day + 3 for day in range(7)}


def test_a_window_of_the_typical_day_of_which_an_hour_is_missed_all_week_is_struck_on_all_days() -> None:
    table = cell_table(POLICIES, cohort_of(POLICIES, "week", "consumption", time="4h"), [[1] * 168])
    every = [(at(24 * day + 3), at(24 * day + 4)) for day in range(7)]
    assert struck_cells(whole(table), every) == {24 * day + hour for day in range(7) for hour in range(4)}


def test_a_slice_is_struck_whole_only_when_no_cell_is_left() -> None:
    assert stand_in(whole(DAY), conditions(POLICIES), [(at(0), at(24))]).is_struck_whole
    assert not stand_in(whole(DAY), conditions(POLICIES), [(at(0), at(23))]).is_struck_whole
    assert stand_in(Slice(DAY, 2, 4), conditions(POLICIES), [(at(2), at(4))]).is_struck_whole


def test_without_some_members_their_pairs_are_told() -> None:
    table = cell_table(POLICIES, DAY.cohort, [[1] * 24] * 3, [[1] * 24, [2] * 24, [3] * 24])
    standing = stand_in(whole(table), conditions(POLICIES), ())
    left, pairs = standing.without({who(1), who(77)})
    assert (list(left.members), left.pairs, pairs) == ([who(0), who(2)], [24, 72], 48)
    assert standing.without(()) == (standing, 0)
