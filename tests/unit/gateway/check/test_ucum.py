"""Our table of units, and the conversions that the gateway makes, against Pint with ucumvert; and what is no UCUM code."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from math import isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.core.profiles import conversions
from consent.core.profiles.conversions import UNITS, UNITS_AS_WRITTEN
from gateway.check import ucum
from gateway.check.ucum import code_fault, conversion
from gateway.core.codecs.units import UCUM_CODES, senml_factors

_SAME = "m kg g s A K Cel Hz Pa J W V lx m2 m3 l m/s m3/s W/m2 min h kW hPa mm cm km km/h ug/m3 dB kg/m3 mm/h"
SENML_CODES = {unit: unit for unit in _SAME.split()} | {
    "/": "1",
    "%": "1",
    "count": "1",
    "/100": "%",
    "%RH": "%",
    "%EL": "%",
    "ppm": "[ppm]",
    "Wh": "W.h",
    "kWh": "kW.h",
    "1/s": "/s",
    "1/min": "/min",
}
"""For each SenML unit the UCUM code of the same (RFC 8428 section 12.1, RFC 8798; `%` is a ratio there)."""

LEVELS = {"dB[SPL]", "dB[SPL]{A}"}
"""SenML knows one unit for every level, which UCUM tells apart by what it is a level of."""


@pytest.fixture(scope="module")
def registry() -> Any:
    """The library."""
    return ucum._registry()


def by_library(registry: Any, one: str, other: str) -> tuple[bool, float | None]:
    """Return whether the library says that two units measure the same, and the factor from one to the other if that is all."""
    same, factor, offset = linear(registry, one, other)
    return same, factor if offset == 0 else None


def linear(registry: Any, one: str, other: str) -> tuple[bool, float, float]:
    """Return whether the library says that two units measure the same, and the factor and offset from one to the other."""
    ours, theirs = registry.from_ucum(one), registry.from_ucum(other)
    if ours.dimensionality != theirs.dimensionality:
        return False, 0, 0
    nothing, unit = (registry.Quantity(n, ours.units).to(theirs.units).magnitude for n in (0.0, 1.0))
    return True, float(unit - nothing) * float(ours.magnitude) / float(theirs.magnitude), float(nothing)


def test_table_of_units_is_that_of_the_library(registry: Any) -> None:
    """Of one quantity each with the first, of different ones their firsts: the same measure, how many one is of the other, and
    how far apart their zeros are.

    Plane angle is a ratio in the library, and a level of pressure a pressure; here each is a quantity of its own.
    """
    firsts = {unit.quantity: code for code, unit in reversed(list(UNITS.items()))}
    pairs = [(code, firsts[unit.quantity]) for code, unit in UNITS.items()]
    apart = {"level", "sound pressure level", "angle"}
    pairs += [(one, other) for (a, one), (b, other) in product(firsts.items(), repeat=2) if a != b and not apart & {a, b}]
    for one, other in pairs:
        same, factor, offset = linear(registry, one, other)
        found = conversions.conversion(one, other)
        assert (found is not None) == same, (one, other)
        if found is not None and one != other:
            assert isclose(float(found[0]), factor, rel_tol=1e-9), (one, other)
            assert isclose(float(found[1]), offset, rel_tol=1e-9, abs_tol=1e-9), (one, other)


def test_what_devices_write_for_a_unit_means_a_code() -> None:
    """Of the table where it can be, so that the gateway converts it; never a code of the table that means something else."""
    for written, meant in UNITS_AS_WRITTEN.items():
        assert code_fault(meant) is None, written
        assert written not in UNITS, written


def test_conversions_of_the_gateway_are_those_of_the_library(registry: Any) -> None:
    """What a SenML device states in its own unit becomes the property's unit by the library's factor."""
    compared = 0
    for code in UCUM_CODES:
        for unit, factor in senml_factors(code).items():
            if code in LEVELS and unit == "dB":
                continue
            same, wanted = by_library(registry, SENML_CODES[unit], code)
            assert same, (unit, code)
            assert wanted is not None or SENML_CODES[unit] == code, (unit, code)
            assert isclose(factor, 1.0 if wanted is None else wanted, rel_tol=1e-9), (unit, code)
            compared += 1
    assert compared > 60


def test_counts_of_things_in_senml_are_those_of_the_library(registry: Any) -> None:
    """Per hour, from per second and per minute."""
    for unit, factor in senml_factors("{person}/h").items():
        _, wanted = by_library(registry, SENML_CODES[unit], "/h")
        assert isclose(factor, wanted or 0, rel_tol=1e-9)


@pytest.mark.parametrize(
    "code",
    [*UNITS, "{person}", "{person}/h", "dB[SPL]{A}", "ug/m3{dry}", "mmol/l", "[pH]", "10*-3.%", "kW.h/m2", "[gal_us]", "cW.h"],
)
def test_ucum_code_is_known(code: str) -> None:
    """Of the table and beyond; annotations mean nothing."""
    assert code_fault(code) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        *(
            ("kWh", "write `kW.h`"),
            ("banana", "such as"),
            ("°C", "write `Cel`"),
            ("µg/m³", "write `ug/m3`"),
            ("dB(A)", "write `dB`"),
        ),
        *(("", "write `1`"), ("ppm", "write `[ppm]`"), ("m/", "such as"), ("W h", "such as"), ("x" * 5000, "such as")),
        *(
            ("(" * 59, "such as"),
            ("kW.h}", "such as"),
            ("10*99999999999999999999", "such as"),
            ("{", "such as"),
            ("é", "such as"),
        ),
    ],
)
def test_what_is_no_ucum_code_is_told_with_what_to_write(text: str, hint: str) -> None:
    """What people write most often has its code said."""
    said = code_fault(text)
    assert said is not None
    assert hint in said


def test_conversion_beyond_the_table_is_the_librarys() -> None:
    """By dimension; a code that the library cannot place converts to nothing but itself."""
    found = conversion("[gal_us]", "l")
    assert found.same_quantity
    assert isclose(found.factor or 0, 3.785411784)
    assert not conversion("mmol/l", "ug/m3").same_quantity
    assert not conversion("[pH]", "1").same_quantity
    assert conversion("[pH]", "[pH]").factor == 1
    assert conversion("kcal", "kW.h").factor is not None
    rankine = conversion("[degR]", "Cel")
    assert isclose(rankine.factor or 0, 5 / 9)
    assert isclose(rankine.offset, -273.15)


def test_units_of_another_zero_have_an_offset() -> None:
    """Even where the factor is 1."""
    assert (conversion("K", "Cel").factor, conversion("K", "Cel").offset) == (1, -273.15)
    assert conversion("[degF]", "K").offset != 0
    assert conversion("[degF]", "[degF]").offset == 0


def test_scale_of_another_kind_has_no_factor() -> None:
    """A logarithm is no multiple of what it is the logarithm of."""
    found = conversion("B[W]", "W")
    assert found.same_quantity
    assert found.factor is None


@settings(deadline=None, max_examples=40)
@given(
    one=st.lists(st.sampled_from([*UNITS, ".", "/", "(", ")", "10*", "2", "{a}", "[pH]", "dCel", "k", "9999"]), max_size=6).map(
        "".join
    ),
    other=st.text(max_size=12),
)
def test_any_text_is_judged(one: str, other: str) -> None:
    """A code or none, and codes convert or not; nothing is raised."""
    codes = [text for text in (one, other) if code_fault(text) is None]
    for each in codes:
        conversion(each, "kW.h")
        conversion("Cel", each)


def test_library_is_loaded_only_for_a_code_beyond_the_table() -> None:
    """It takes longer than everything else that a check does."""
    program = "import sys; from gateway.check.ucum import *; code_fault('kW.h'); conversion('W.h', 'kW.h'); code_fault('{CODE}')"
    program += "; print('pint' in sys.modules or 'lark' in sys.modules)"
    for code, loaded in (("[degF]", "False"), ("{person}/h", "False"), ("mmol/l", "True")):
        done = subprocess.run([sys.executable, "-c", program.replace("{CODE}", code)], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == loaded, code
