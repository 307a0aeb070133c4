"""Units are written as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.portal.sensors.units import begins_at_zero, digits_of, symbol
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies


@pytest.mark.parametrize(
    ("code", "written"), [("kW.h", "kWh"), ("ug/m3", "µg/m³"), ("Cel", "°C"), ("1", ""), ("dB", "dB"), ("[pH]", "[pH]")]
)
def test_unit_is_written_by_its_symbol(code: str, written: str) -> None:
    """A code without a symbol of its own stays as it is."""
    assert symbol(code) == written


def test_shipped_units_have_symbols_that_show_no_code() -> None:
    """None holds a dot or a caret of the code's grammar."""
    units = {each.unit for each in load_policies(ROOT / "policies").properties.values()}
    assert {symbol(unit) for unit in units} == {"kWh", "dB", "µg/m³", "°C", ""}


def test_levels_and_temperatures_have_no_zero() -> None:
    """Twice as many decibels are not twice as loud, so no bar may say so."""
    assert [begins_at_zero(code) for code in ("dB", "Cel", "kW.h", "1")] == [False, False, True, True]


def test_step_says_how_many_digits_are_written() -> None:
    """None behind the point for whole steps, however they are written."""
    assert [digits_of(Decimal(step)) for step in ("0.01", "0.10", "1", "1.0", "50", "5E+1")] == [2, 1, 0, 0, 0, 0]
