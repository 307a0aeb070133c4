"""Values: their bounds, and the figure that they make together."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.figures.values import bounds, figure
from gateway.core.windows.windows import Cohort
from tests.support.gate import town

POLICIES = town()
COHORT = Cohort("hourly", "consumption", "sum", "aggregate", "1h", "district", "0.001", "north", public=False)


@given(st.lists(st.integers(-100_000, 100_000), min_size=1, max_size=20), st.sampled_from(["0.001", "0.01", "0.1", "1"]))
def test_figure_of_a_sum_is_the_step_that_the_exact_sum_lies_in(ns: list[int], step: str) -> None:
    """For any readings, also below zero, the figure is drawn from the exact sum, floored."""
    exact = sum(ns) * Decimal("0.001")
    steps = math.floor(exact / Decimal(step))
    expected = float(steps * Decimal(step) + (0 if step == "0.001" else Decimal(step) / 2))
    assert figure(COHORT._replace(step=step), [Fraction(n) for n in ns], POLICIES) == expected


def test_bounds_in_first_steps_and_none_for_counts() -> None:
    """A clamp of 0 to 100 kWh is 0 to 100,000 steps of a watt-hour, as whole numbers; how many there were has no bounds."""
    assert bounds(COHORT, POLICIES) == (0, 100_000)
    assert all(type(bound) is int for bound in bounds(COHORT, POLICIES) or ())
    assert bounds(COHORT._replace(statistic="count"), POLICIES) is None
    assert bounds(COHORT._replace(observed_property="totalConsumption"), POLICIES) is None


def test_bounds_by_length_of_window() -> None:
    """An hour's bounds are no day's; a length that is not named has those of the next longer one, or of the longest."""
    policies = town(("clamp = [0, 100]", "clamp = { 15min = [0, 1], 1h = [0, 5], day = [0, 50] }"))
    by_time = {time: bounds(COHORT._replace(time=time), policies) for time in ("1min", "15min", "1h", "4h", "day")}
    assert by_time == {"1min": (0, 1_000), "15min": (0, 1_000), "1h": (0, 5_000), "4h": (0, 50_000), "day": (0, 50_000)}
    short = town(("clamp = [0, 100]", "clamp = { 1h = [0, 5] }"))
    assert bounds(COHORT._replace(time="day"), short) == (0, 5_000)
