"""Vectors: what a home's readings come to, cell by cell, before anything bounds them together."""

from __future__ import annotations

from fractions import Fraction
from math import trunc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.figures.vectors import Measure, days_told, measure, row_of, typical_day
from tests.support.cells import cell_table, cohort_of, who
from tests.support.city import City, city

_ASK: dict[str, Any] = {
    "purpose": "planning",
    "recipient": "office",
    "identity": "aggregate",
    "time": "1h",
    "space": "district",
    "retention": 9,
}


def town(clamp: dict[str, list[float]] | list[float]) -> City:
    """Return a town with an hourly flow of amounts, and one of levels."""
    built = city().district("north").zone("mill", "north").measures("consumption").measures("LAeq").purpose("planning")
    built._tables["property"]["consumption"]["clamp"] = clamp
    built._tables["property"]["LAeq"]["clamp"] = [30, 90.3]
    built.recipient("office")
    built.flow("hourly", "consumption", statistic="sum", budget=2, **_ASK)
    return built.flow("levels", "LAeq", statistic="mean", budget=2, **_ASK)


POLICIES = town({"1h": [0, 5], "day": [0, 50]}).policies()
AMOUNTS = measure(POLICIES, "consumption", "sum", POLICIES.quantity_of["consumption"])
LEVELS = measure(POLICIES, "LAeq", "mean", POLICIES.quantity_of["LAeq"])


def test_an_hours_clamp_bounds_an_hour_of_a_day() -> None:
    """Not the day's: a meter at 200 kWh in an hour would be told whole."""
    assert Measure(0, 0, 5_000, is_mean=False) == AMOUNTS
    assert AMOUNTS.cells([200_000, -3, 4_999], [4, 4, 4]) == [5_000, 0, 4_999]


def test_a_property_without_a_clamp_is_not_bounded() -> None:
    assert Measure(0, None, None, is_mean=False).cells([10**15, -5], [1, 1]) == [10**15, -5]


def test_levels_are_told_from_the_middle_of_their_clamp() -> None:
    """Of 30 to 90.3 dB that is 60.1: whole steps, so that nothing is rounded twice."""
    assert Measure(601, -301, 302, is_mean=True) == LEVELS
    assert LEVELS.cells([3 * 601, 3 * 611, 2 * 200, 1_400], [3, 3, 2, 1]) == [0, 10, -301, 302]


def test_a_cell_without_a_reading_is_the_middle() -> None:
    """A home that is silent for an hour pulls the mean of levels nowhere, and adds nothing to a sum."""
    assert LEVELS.cells([0, 650], [0, 1]) == [0, 49]
    lifted = Measure(0, 1_000, 5_000, is_mean=False)
    assert lifted.cells([0, 500], [0, 2]) == [0, 1_000]


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 60)), min_size=1, max_size=24))
def test_means_are_rounded_toward_the_middle_and_once(readings: list[tuple[int, int]]) -> None:
    unbounded = Measure(601, None, None, is_mean=True)
    cells = unbounded.cells([total for total, _ in readings], [n for _, n in readings])
    assert cells == [trunc(Fraction(total, n) - 601) if n else 0 for total, n in readings]


@given(st.lists(st.integers(-(10**6), 10**6), min_size=8, max_size=8), st.sets(st.integers(0, 7)))
def test_a_typical_day_is_the_mean_of_those_days_that_count(cells: list[int], struck: set[int]) -> None:
    """Of four days of two cells; what is struck counts for nothing, and a cell that is struck on each is 0."""
    known = [0 if at in struck else cell for at, cell in enumerate(cells)]
    expected = []
    for of_day in (0, 1):
        days = [cells[at] for at in range(of_day, 8, 2) if at not in struck]
        expected.append(trunc(Fraction(sum(days), len(days))) if days else 0)
    assert typical_day(known, days_told(8, 2, struck)) == expected


def test_row_of_is_a_homes_own() -> None:
    table = cell_table(POLICIES, cohort_of(POLICIES, "hourly", "consumption"), [range(24), range(24, 48)])
    sums, counts = row_of(table, who(1), 3, 5)
    assert (list(sums), list(counts)) == ([27, 28], [1, 1])


@pytest.mark.parametrize("clamp", [[0, 5], {"1h": [0, 5]}])
def test_a_clamp_for_all_lengths_or_for_one(clamp: dict[str, list[float]] | list[float]) -> None:
    policies = town(clamp).policies()
    assert measure(policies, "consumption", "sum", policies.quantity_of["consumption"]).high == 5_000
