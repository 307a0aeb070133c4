"""Conversions between units: exact wherever a decimal can be; that they are those of a library is tested with `sluice check`."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from math import isclose

import pytest

from consent.core.profiles import conversions
from consent.core.profiles.conversions import UNITS


@pytest.mark.parametrize(
    ("unit", "to", "scale", "offset"),
    [
        ("W.h", "kW.h", "0.001", "0"),
        ("kW.h", "W.h", "1000", "0"),
        ("K", "Cel", "1", "-273.15"),
        ("Cel", "K", "1", "273.15"),
        ("Cel", "[degF]", "1.8", "32"),
        ("[degF]", "Cel", "0.5555555555555555555555555556", "-17.77777777777777777777777778"),
        ("km/h", "m/s", "0.2777777777777777777777777778", "0"),
        ("{pulse}", "1", "1", "0"),
        ("mmol/l", "mmol/l", "1", "0"),
    ],
)
def test_conversion_is_exact_wherever_a_decimal_can_be(unit: str, to: str, scale: str, offset: str) -> None:
    """A register in watt hours becomes kilowatt hours without a digit of a double's."""
    assert conversions.conversion(unit, to) == (Decimal(scale), Decimal(offset))


def test_value_that_goes_to_another_unit_and_back_is_the_same() -> None:
    """Between any two units of one quantity."""
    for (one, ours), (other, theirs) in product(UNITS.items(), repeat=2):
        there, back = conversions.conversion(one, other), conversions.conversion(other, one)
        if ours.quantity != theirs.quantity:
            assert there is back is None
            continue
        assert there is not None
        assert back is not None
        for value in (Decimal(0), Decimal("12345.678")):
            again = (value * there[0] + there[1]) * back[0] + back[1]
            assert isclose(float(again), float(value), rel_tol=1e-20, abs_tol=1e-20), (one, other)
