"""The laws of the disclosure lattice, each for all points."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import BOTTOM, TOP, WINDOW_MS, Disclosure, Identity, Space, Time, meet, meet_axes, normalise
from tests.support.consent_samples import points, raw_points


@given(points(), points())
def test_meet_of_two_in_either_order_is_the_same(a: Disclosure, b: Disclosure) -> None:
    """The meet is commutative."""
    assert meet(a, b) == meet(b, a)


@given(points(), points(), points())
def test_meet_of_three_in_any_grouping_is_the_same(a: Disclosure, b: Disclosure, c: Disclosure) -> None:
    """The meet is associative, and of many at once the same as step by step."""
    assert meet(meet(a, b), c) == meet(a, meet(b, c)) == meet(a, b, c)


@given(st.lists(points(), max_size=4))
def test_meet_of_points_in_any_order_is_the_same(those: list[Disclosure]) -> None:
    """The order in which policies are listed changes nothing."""
    assert len({meet(*order) for order in permutations(those)}) == 1


@given(points())
def test_meet_with_itself_top_and_bottom_is_neutral_and_absorbing(a: Disclosure) -> None:
    """The meet is idempotent, ``TOP`` changes nothing, and a denial absorbs."""
    assert meet(a, a) == meet(a) == meet(a, TOP) == a
    assert meet(a, BOTTOM) == BOTTOM


@given(points(), points())
def test_meet_never_reveals_more_than_either(a: Disclosure, b: Disclosure) -> None:
    """No escalation: the meet lies below all that were met."""
    assert meet(a, b).reveals_no_more_than(a)
    assert meet(a, b).reveals_no_more_than(b)


@given(points(), points(), points())
def test_meet_is_the_greatest_of_all_below_both(a: Disclosure, b: Disclosure, c: Disclosure) -> None:
    """The meet never blocks more than it must: whatever lies below both lies below it."""
    below = meet(a, b, c)
    assert below.reveals_no_more_than(meet(a, b))
    if c.reveals_no_more_than(a) and c.reveals_no_more_than(b):
        assert c.reveals_no_more_than(meet(a, b))


@given(points(), points(), points())
def test_meet_after_a_withdrawal_never_reveals_more(a: Disclosure, b: Disclosure, lower: Disclosure) -> None:
    """Monotone: where one who speaks permits less, or nothing, the whole reveals no more."""
    lowered = meet(b, lower)
    assert meet(a, lowered).reveals_no_more_than(meet(a, b))
    assert meet(a, BOTTOM).reveals_no_more_than(meet(a, b))


@given(raw_points(), raw_points())
def test_normalising_before_or_after_the_meet_is_the_same(a: Disclosure, b: Disclosure) -> None:
    """Collapsing a point that reveals nothing commutes with the meet."""
    assert meet(normalise(a), normalise(b)) == normalise(meet_axes(a, b)) == meet(a, b)
    assert normalise(normalise(a)) == normalise(a)


@given(points(), points(), points())
def test_order_is_reflexive_antisymmetric_and_transitive(a: Disclosure, b: Disclosure, c: Disclosure) -> None:
    """Revealing no more than another is a partial order."""
    assert a.reveals_no_more_than(a)
    if a.reveals_no_more_than(b) and b.reveals_no_more_than(a):
        assert a == b
    if a.reveals_no_more_than(b) and b.reveals_no_more_than(c):
        assert a.reveals_no_more_than(c)


@given(points(), points())
def test_order_and_meet_agree(a: Disclosure, b: Disclosure) -> None:
    """A point lies below another exactly where their meet is the point itself."""
    assert a.reveals_no_more_than(b) is (meet(a, b) == a)


@given(points())
def test_every_point_lies_between_bottom_and_top(a: Disclosure) -> None:
    """Nothing reveals less than ``BOTTOM`` or more than ``TOP``."""
    assert BOTTOM.reveals_no_more_than(a)
    assert a.reveals_no_more_than(TOP)
    assert a.reveals_no_more_than(BOTTOM) is (a == BOTTOM)


@pytest.mark.parametrize(
    "axis",
    [
        {"identity": Identity.NONE},
        {"time": Time.NONE},
        {"space": Space.NONE},
        {"retention_days": 0},
        {"budget": 0.0},
    ],
)
def test_normalise_with_one_axis_at_nothing_is_bottom(axis: dict[str, object]) -> None:
    """An axis that reveals nothing makes the whole point reveal nothing."""
    assert normalise(replace(TOP, **axis)) is BOTTOM  # type: ignore[arg-type]


def test_precision_that_is_absent_is_no_bound() -> None:
    """A point without a bound on a property reveals more than one with any."""
    bounded = replace(TOP, precision=(("LAeq", Decimal("0.1")),))
    assert bounded.reveals_no_more_than(TOP)
    assert not TOP.reveals_no_more_than(bounded)
    assert meet(TOP, bounded).step("LAeq") == Decimal("0.1")
    assert bounded.step("pm25") is None


def test_precision_of_two_bounds_is_the_coarser() -> None:
    """The bigger step reveals less."""
    fine = replace(TOP, precision=(("LAeq", Decimal("0.1")),))
    coarse = replace(TOP, precision=(("LAeq", Decimal(5)),))
    assert meet(fine, coarse) == coarse
    assert coarse.reveals_no_more_than(fine)


def test_precision_written_in_two_ways_is_one_point() -> None:
    """Trailing zeros and the order of properties make no difference, also not to how a step is written."""
    one = replace(TOP, precision=(("pm25", Decimal("10")), ("LAeq", Decimal("0.50"))))
    other = replace(TOP, precision=(("LAeq", Decimal("0.5")), ("pm25", Decimal("1E+1"))))
    assert one == other
    assert hash(one) == hash(other)
    assert [f"{step:f}" for _, step in one.precision] == ["0.5", "10"]


@pytest.mark.parametrize("axis", [Identity, Time, Space])
def test_levels_are_read_as_they_are_written(axis: type[Identity | Time | Space]) -> None:
    """Every level of an axis has its own label, and the first is `none`."""
    assert [axis.named(level.label) for level in axis] == list(axis)
    assert axis.named("none") == min(axis) == 0
    with pytest.raises(ValueError, match="`often` is none of none, "):
        axis.named("often")


def test_windows_of_coarser_levels_hold_whole_windows_of_finer_ones() -> None:
    """Every window is a multiple of the next finer one."""
    lengths = [WINDOW_MS[level] for level in sorted(WINDOW_MS)]
    assert lengths[0] == 86_400_000
    assert all(longer % shorter == 0 and longer > shorter for longer, shorter in pairwise(lengths))
