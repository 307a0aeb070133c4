"""SenML's units against UCUM."""

from __future__ import annotations

import pytest

from gateway.core.codecs.units import senml_factors


@pytest.mark.parametrize(
    ("ucum", "senml", "factor"),
    [
        ("%", "%RH", 1),
        ("%", "%", 100),
        ("%", "/", 100),
        ("1", "%", 1),
        ("1", "/", 1),
        ("1", "%EL", 0.01),
        ("kW.h", "kWh", 1),
        ("kW.h", "Wh", 0.001),
        ("dB[SPL]{A}", "dB", 1),
        ("dB", "dB", 1),
        ("Cel", "Cel", 1),
        ("hPa", "Pa", 0.01),
        ("ug/m3", "kg/m3", 1e9),
        ("{person}", "count", 1),
        ("{vehicle}/h", "1/s", 3600),
    ],
)
def test_unit_with_a_known_meaning_is_converted(ucum: str, senml: str, factor: float) -> None:
    """Above all the percent sign, which is a ratio in SenML."""
    assert senml_factors(ucum)[senml] == factor


@pytest.mark.parametrize(
    ("ucum", "senml"), [("Cel", "K"), ("kW.h", "W"), ("{person}", "/"), ("{person}/d", "count"), ("X", "X"), ("B", "B")]
)
def test_unit_without_a_known_meaning_is_not_guessed(ucum: str, senml: str) -> None:
    """Not even when the names are alike: `B` is a bel in one and a byte in the other."""
    assert senml not in senml_factors(ucum)
