"""Round values on an axis, for any range."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.portal.charts.scale import is_shown, scale_of

numbers = st.lists(st.floats(-1e12, 1e12), max_size=30)


@given(numbers, st.booleans())
def test_a_scale_holds_every_value(values: list[float], from_zero: bool) -> None:
    scale = scale_of(values, from_zero=from_zero)
    room = (scale.high - scale.low) * 1e-6
    assert all(scale.low - room <= value <= scale.high + room for value in values)
    assert all(0 <= scale.part(value) <= 1 for value in values)


@given(numbers, st.booleans())
def test_rules_are_few_evenly_spaced_and_tell_themselves_apart(values: list[float], from_zero: bool) -> None:
    scale = scale_of(values, from_zero=from_zero)
    assert 2 <= len(scale.ticks) <= 6
    steps = [two - one for one, two in itertools.pairwise(scale.ticks)]
    assert all(step == pytest.approx(steps[0], rel=1e-6) for step in steps)
    assert len({f"{tick:.{scale.digits}f}" for tick in scale.ticks}) == len(scale.ticks)


@given(numbers)
def test_zero_is_a_rule_where_heights_are_to_be_compared(values: list[float]) -> None:
    assert 0.0 in scale_of(values).ticks


@pytest.mark.parametrize(
    ("values", "from_zero", "ticks"),
    [
        ([45.0, 62.0], False, (45.0, 50.0, 55.0, 60.0, 65.0)),
        ([45.0, 62.0], True, (0.0, 20.0, 40.0, 60.0, 80.0)),
        ([3_300_000.0], True, (0.0, 1_000_000.0, 2_000_000.0, 3_000_000.0, 4_000_000.0)),
        ([-3.0, 6.0], True, (-5.0, 0.0, 5.0, 10.0)),
        ([0.0, 0.0], True, (0.0, 0.5, 1.0)),
        ([], True, (0.0, 0.5, 1.0)),
        ([0.12, 0.31], True, (0.0, 0.1, 0.2, 0.3, 0.4)),
    ],
)
def test_rules_stand_at_round_values(values: list[float], from_zero: bool, ticks: tuple[float, ...]) -> None:
    assert scale_of(values, from_zero=from_zero).ticks == ticks


def test_what_no_sensor_gives_is_not_shown() -> None:
    assert [is_shown(value) for value in (0.0, -40.0, None, float("nan"), float("inf"), 1e300)] == [True, True] + [False] * 4
