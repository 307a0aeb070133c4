"""Units by their UCUM codes: whether a text is one, and how many of one unit another is.

The codes that cities use stand in the table of ``consent.core.profiles.conversions``, proved against a library by a test; only
for a code that is not in it is the library loaded, Pint with ucumvert, which takes a second or more. Nothing of the running
gateway imports this module: what it converts by itself stands in that table, and for SenML's units in
``gateway.core.codecs.units``, proved against the same library.

Source: The Unified Code for Units of Measure, version 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import isclose, isfinite
from typing import Any, Final

from consent.core.profiles import conversions
from consent.core.profiles.conversions import UNITS, UNITS_AS_WRITTEN, bare

_LONGEST: Final = 60
_LARGE_NUMBER: Final = re.compile(r"\d{5}")
"""No unit has one, and the library would raise ten to its power for hours."""
_MEANT: Final[Mapping[str, str]] = {**UNITS_AS_WRITTEN, "": "1", "/": "1"}
"""What is often written for a code."""

_ANOTHER_SENSE: Final[Mapping[str, tuple[str, str]]] = {
    "C": ("coulomb", "Cel"),
    "F": ("farad", "[degF]"),
    "G": ("gauss", "g"),
    "H": ("henry", "h"),
    "W.H": ("watt times henry", "W.h"),
    "kW.H": ("kilowatt times henry", "kW.h"),
    "V.a": ("volt times year", "V.A"),
    "kV.a": ("kilovolt times year", "kV.A"),
    "PA": ("petaampere", "Pa"),
    "mm/H": ("millimetre in a henry", "mm/h"),
    "km/H": ("kilometre in a henry", "km/h"),
    "m3/H": ("cubic metre in a henry", "m3/h"),
    "l/H": ("litre in a henry", "l/h"),
    "L/H": ("litre in a henry", "L/h"),
}
"""Codes that hardly anybody means: what each says, and what is meant."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a value in one unit becomes one in another.

    Attributes:
        factor: What to multiply by; None where no factor does it, with or without an offset.
        offset: What to add then; not 0 where the zeros of the two differ.
        same_quantity: Whether both measure the same.
    """

    factor: float | None
    offset: float
    same_quantity: bool


_UNLIKE: Final = Conversion(None, 0.0, same_quantity=False)


def code_fault(code: str) -> str | None:
    """Return what is wrong with a unit, in words; None where it is a UCUM code."""
    if bare(code) in UNITS:
        return None
    if code.isascii() and len(code) <= _LONGEST and not _LARGE_NUMBER.search(bare(code)) and _is_code(code):
        return None
    hint = f": write `{_MEANT[code]}`" if code in _MEANT else ", such as `kW.h`, `Cel` or `ug/m3`"
    return f"`{code}` is no UCUM code{hint}"


def another_sense(code: str) -> str | None:
    """Return what is odd about a code that says something else than whoever writes it means, in words; None of any other."""
    if (found := _ANOTHER_SENSE.get(bare(code))) is None:
        return None
    says, meant = found
    return f"`{code}` is the {says} in UCUM: is `{meant}` meant?"


def conversion(one: str, other: str) -> Conversion:
    """Return how values in one unit become values in another; both are UCUM codes."""
    one, other = bare(one), bare(other)
    if (found := conversions.conversion(one, other)) is not None:
        return Conversion(float(found.scale), float(found.offset), same_quantity=True)
    return _UNLIKE if one in UNITS and other in UNITS else _by_library(one, other)


def _is_code(code: str) -> bool:
    from lark.exceptions import LarkError
    from ucumvert import InvalidUcumError, parse_ucum

    try:
        parse_ucum(code)
    except (InvalidUcumError, LarkError):
        return False
    return True


def _by_library(one: str, other: str) -> Conversion:
    """Return a conversion that the table does not know; a code that the library itself cannot place converts to nothing else."""
    from lark.exceptions import LarkError
    from pint import PintError

    registry = _registry()
    try:
        ours, theirs = registry.from_ucum(one), registry.from_ucum(other)
        if ours.dimensionality != theirs.dimensionality:
            return _UNLIKE
        nothing, unit, two = (
            float(registry.Quantity(n * float(ours.magnitude), ours.units).to(theirs.units).magnitude) / float(theirs.magnitude)
            for n in (0.0, 1.0, 2.0)
        )
    except (LarkError, PintError, ArithmeticError, AttributeError, TypeError, ValueError):
        return _UNLIKE
    factor = unit - nothing
    is_linear = isfinite(factor) and isclose(two - unit, factor, rel_tol=1e-9)
    return Conversion(factor, nothing, True) if is_linear else Conversion(None, 0.0, same_quantity=True)


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
