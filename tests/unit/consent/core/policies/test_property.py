"""Observed properties: which step values are floored to, and which bounds hold in a window."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.core.disclosure import Time
from consent.core.policies.property import Property, Range

HOUR: Range = (Decimal(0), Decimal(5))
DAY: Range = (Decimal(0), Decimal(50))


def energy(*clamp: tuple[Time, Range]) -> Property:
    """Return a property with bounds."""
    return Property("consumption", {}, "kWh", (Decimal("0.1"), Decimal("0.5")), clamp)


@pytest.mark.parametrize(
    ("time", "bounds"), [(Time.MINUTE_15, HOUR), (Time.HOUR_1, HOUR), (Time.HOUR_4, DAY), (Time.DAY, DAY)], ids=str
)
def test_window_is_bounded_as_the_shortest_length_that_reaches_it(time: Time, bounds: Range) -> None:
    """What an hour may hold bounds a quarter of one too."""
    assert energy((Time.HOUR_1, HOUR), (Time.DAY, DAY)).clamp_of(time) == bounds


def test_window_longer_than_every_length_named_is_bounded_as_the_longest() -> None:
    """Bounds that somebody has set are never lost; where there are none, nothing is bounded."""
    assert energy((Time.HOUR_1, HOUR)).clamp_of(Time.DAY) == HOUR
    assert energy().clamp_of(Time.DAY) is None


def test_bound_between_two_steps_floors_to_the_coarser_one() -> None:
    """A consent may name a step that the ladder no longer has; beyond the ladder its coarsest step is multiplied."""
    bounds = (None, Decimal("0.1"), Decimal("0.2"), Decimal("0.7"))
    assert [energy().rung(bound) for bound in bounds] == [Decimal(text) for text in ("0.1", "0.1", "0.5", "1.0")]
