"""Clipping: no home reaches further than its bound, in whole numbers, whatever it reports."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.figures.clip import clip, squared_reach

cells = st.lists(st.integers(-(2**62), 2**62) | st.integers(-20_000, 20_000), min_size=1, max_size=24)
bounds = st.fractions(0, 100_000, max_denominator=1000)


@given(cells, bounds, st.integers(1, 5_000), st.integers(1, 4))
def test_clipped_cells_and_presence_never_reach_beyond_the_bound(
    given_cells: list[int], bound: Fraction, presence: int, cohorts: int
) -> None:
    """Compared in whole numbers: the squares of all, in all cohorts of one home, are at most the bound's, to the last digit."""
    reach = squared_reach(bound, presence, cohorts)
    if reach >= 0:
        norm = sum(cell * cell for cell in clip(given_cells, reach))
        assert cohorts * (norm + presence * presence) <= bound * bound


@given(cells, st.integers(0, 10**12))
def test_clipped_cells_keep_their_direction(given_cells: list[int], reach: int) -> None:
    """None grows or changes its sign, and each keeps its part of the whole, to a step."""
    clipped = clip(given_cells, reach)
    norm = sqrt(sum(cell * cell for cell in given_cells))
    part = min(1.0, sqrt(reach) / norm) if norm else 1.0
    for before, after in zip(given_cells, clipped, strict=True):
        assert abs(after) <= abs(before)
        assert after * before >= 0
        assert abs(before * part) - abs(after) <= 1 + abs(before) * 1e-9


@given(cells)
def test_cells_within_the_bound_stay_as_they_are(given_cells: list[int]) -> None:
    assert clip(given_cells, sum(cell * cell for cell in given_cells)) is given_cells


def test_a_home_below_zero_is_clipped_as_one_above() -> None:
    """Toward 0 on both sides: else homes that feed in would reach further than those that draw."""
    assert clip([-300, 400], 250 * 250) == [-150, 200]
    assert clip([-1, 1], 1) == [0, 0]


def test_reach_is_below_zero_where_presence_leaves_nothing() -> None:
    assert squared_reach(Fraction(10), 6) == 64
    assert squared_reach(Fraction(10), 10) == 0
    assert squared_reach(Fraction(10), 11) < 0
    assert squared_reach(Fraction(10), 6, cohorts=3) < 0
    assert squared_reach(Fraction(21, 2), 6) == 74  # of 74.25


@given(st.data(), cells, st.integers(0, 10**12))
def test_limit_two_days_of_a_home_lie_further_apart_than_one_and_none(data: st.DataObject, one: list[int], reach: int) -> None:
    """The odds are those of a day or none; between two days it is √2 of the bound for amounts, and 2 for levels, at most."""
    other = data.draw(st.lists(st.integers(-(2**62), 2**62), min_size=len(one), max_size=len(one)))
    apart = sum((a - b) ** 2 for a, b in zip(clip(one, reach), clip(other, reach), strict=True))
    assert apart <= 4 * reach
    amounts = [list(map(abs, day)) for day in (one, other)]
    assert sum((a - b) ** 2 for a, b in zip(*(clip(day, reach) for day in amounts), strict=True)) <= 2 * reach
    assert sum((a - b) ** 2 for a, b in zip(clip([9, 0], 81), clip([0, 9], 81), strict=True)) == 2 * 81
    assert sum((a - b) ** 2 for a, b in zip(clip([9], 81), clip([-9], 81), strict=True)) == 4 * 81
