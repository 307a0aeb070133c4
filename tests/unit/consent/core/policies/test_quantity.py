"""Mechanisms: how far noise reaches, and how much of a household that permits less goes into a draw."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import DAY_MS, Time
from consent.core.periods import WEEK_MS, Period, Publish
from consent.core.policies.quantity import Mechanism, Quantity

HOUR_MS = 3_600_000
ELECTRICITY = Quantity("electricity", {}, ("consumption",), "kW.h", Time.HOUR_1, Decimal(10), Decimal(2))


def mechanism(mu: str | None, publish: Publish = Publish.DAY, period: Period = Period.DAY) -> Mechanism:
    """Return how figures of electricity are made."""
    return Mechanism(ELECTRICITY, None if mu is None else Fraction(mu), ELECTRICITY.clip, period, publish)


def test_quantity_has_as_many_cells_as_its_day_has_spans() -> None:
    """Of equal length."""
    assert (ELECTRICITY.cell_ms, ELECTRICITY.cells_a_day) == (HOUR_MS, 24)


def test_noise_is_the_clip_by_the_mu_whether_at_once_or_window_by_window() -> None:
    """The windows of a day share its μ: the noise of each is greater, so that Σ μ² is the flow's."""
    assert mechanism("2").variance(HOUR_MS) == 25
    assert mechanism("2", Publish.WINDOW).variance(HOUR_MS) == 25 * 24
    assert mechanism("2", Publish.WINDOW).variance(4 * HOUR_MS) == 25 * 6
    assert mechanism("0.62", period=Period.WEEK).draws_a_period(HOUR_MS) == 1
    assert (Period.DAY.length_ms, Period.WEEK.length_ms) == (DAY_MS, WEEK_MS)
    with pytest.raises(ValueError, match="exact figures have no noise"):
        mechanism(None).variance(HOUR_MS)


@given(st.sampled_from(["0.5", "0.62", "2"]), st.sampled_from([0.0, 0.5, 1.0, 2.0, inf]))
def test_household_that_permits_less_is_hidden_by_as_much_as_it_permits(mu: str, permitted: float) -> None:
    """Its clip over the noise is its own μ, or the flow's where that is less."""
    made = mechanism(mu)
    own = made.clip_at(permitted)
    assert own**2 / made.variance(HOUR_MS) == min(Fraction(mu), Fraction(permitted) if permitted < inf else Fraction(mu)) ** 2


@pytest.mark.parametrize(
    ("mu", "permitted", "admitted"),
    [("2", inf, True), ("2", 0.5, True), ("2", 0.4, False), ("2", 0.41, True), (None, inf, True), (None, 2.0, False)],
)
def test_household_whose_clip_is_no_more_than_its_presence_stands_in_no_draw(
    mu: str | None, permitted: float, *, admitted: bool
) -> None:
    """Nothing would be left for what it used; and who asks for any noise stands in no exact figure."""
    assert mechanism(mu).admits(permitted) is admitted
