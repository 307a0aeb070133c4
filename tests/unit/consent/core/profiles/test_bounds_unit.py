"""`bounds_unit` of a field: what a file for many cities says of its device holds where a property has another unit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.profiles import parsed_profile, profile_fault


def text(more: str, name: str = "temperature", unit: str = "Cel") -> str:
    """Return a field."""
    return f'[fields.{name}]\npath = "t"\nunit = "{unit}"\n{more}'


def test_bounds_in_another_unit_are_converted_to_the_propertys() -> None:
    """A range with its zero, and what a register can grow by without one."""
    field = parsed_profile("", fields=text('plausible = [233.15, 333.15]\nbounds_unit = "K"')).fields["temperature"]
    assert field.plausible == (Decimal(-40), Decimal(60))
    more = 'plausible = [0, 1e9]\ncounter = { most_per_h = 4000 }\nbounds_unit = "W.h"'
    register = parsed_profile("", fields=text(more, "totalConsumption", "W.h")).fields["totalConsumption"]
    assert register.plausible == (Decimal(0), Decimal(1_000_000))
    assert register.counter is not None
    assert register.counter.most_per_h == 4


def test_bounds_without_a_unit_are_in_the_propertys() -> None:
    """Whatever the device sends."""
    field = parsed_profile("", fields=text("plausible = [-40, 60]", unit="[degF]")).fields["temperature"]
    assert field.plausible == (Decimal(-40), Decimal(60))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('bounds_unit = "Cel"', "should be left out: it is of `plausible` and `most_per_h`, and neither is there"),
        ('counter = { bits = 32 }\nbounds_unit = "Cel"', "should be left out: it is of `plausible` and `most_per_h`"),
        ('plausible = [0, 1]\nbounds_unit = "hPa"', "`hPa` does not convert to the property's `Cel`"),
    ],
)
def test_unit_of_bounds_that_says_nothing_or_does_not_convert_is_one_line(more: str, said: str) -> None:
    """With file and key."""
    assert f"`fields.temperature.bounds_unit`: {said}" in profile_fault("", fields=text(more))
