"""Units by their UCUM codes: whether a text is one, and how many of one unit another is.

The codes that cities use stand in a table here, proved against a library by a test; only for a code that is not in it is the
library loaded, Pint with ucumvert, which takes a second or more. Nothing of the running gateway imports this module: what it
converts by itself stands in ``gateway.core.codecs.units``, proved against the same library.

Source: The Unified Code for Units of Measure, version 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

_LONGEST: Final = 60
_LARGE_NUMBER: Final = re.compile(r"\d{5}")
"""No unit has one, and the library would raise ten to its power for hours."""
_ANNOTATION: Final = re.compile(r"\{[!-z|~]*\}")
_BARE_ANNOTATION: Final = re.compile(r"(?<![^./(])\{[!-z|~]*\}")

_ENERGY: Final = "energy"
_POWER: Final = "power"
_VOLUME: Final = "volume"
_LENGTH: Final = "length"
_TIME: Final = "time"
_SPEED: Final = "speed"
_MASS: Final = "mass"
_PER_VOLUME: Final = "mass in a volume"
_PRESSURE: Final = "pressure"
_FLOW: Final = "volume in a time"
_RATIO: Final = "ratio"
_RATE: Final = "count in a time"
_TEMPERATURE: Final = "temperature"

TABLE: Final[Mapping[str, tuple[str, float]]] = {
    "1": (_RATIO, 1),
    "%": (_RATIO, 1e-2),
    "[ppth]": (_RATIO, 1e-3),
    "[ppm]": (_RATIO, 1e-6),
    "[ppb]": (_RATIO, 1e-9),
    "K": (_TEMPERATURE, 1),
    "Cel": (_TEMPERATURE, 1),
    "[degF]": (_TEMPERATURE, 5 / 9),
    "dB": ("level", 1),
    "dB[SPL]": ("sound pressure level", 1),
    "J": (_ENERGY, 1),
    "kJ": (_ENERGY, 1e3),
    "MJ": (_ENERGY, 1e6),
    "W.s": (_ENERGY, 1),
    "W.h": (_ENERGY, 3.6e3),
    "kW.h": (_ENERGY, 3.6e6),
    "MW.h": (_ENERGY, 3.6e9),
    "W": (_POWER, 1),
    "mW": (_POWER, 1e-3),
    "kW": (_POWER, 1e3),
    "MW": (_POWER, 1e6),
    "V.A": (_POWER, 1),
    "V": ("voltage", 1),
    "mV": ("voltage", 1e-3),
    "A": ("current", 1),
    "mA": ("current", 1e-3),
    "Hz": (_RATE, 1),
    "/s": (_RATE, 1),
    "1/s": (_RATE, 1),
    "/min": (_RATE, 1 / 60),
    "1/min": (_RATE, 1 / 60),
    "/h": (_RATE, 1 / 3600),
    "1/h": (_RATE, 1 / 3600),
    "m3": (_VOLUME, 1),
    "l": (_VOLUME, 1e-3),
    "L": (_VOLUME, 1e-3),
    "ml": (_VOLUME, 1e-6),
    "mL": (_VOLUME, 1e-6),
    "m3/h": (_FLOW, 1 / 3600),
    "m3/s": (_FLOW, 1),
    "l/h": (_FLOW, 1e-3 / 3600),
    "l/min": (_FLOW, 1e-3 / 60),
    "l/s": (_FLOW, 1e-3),
    "m": (_LENGTH, 1),
    "km": (_LENGTH, 1e3),
    "cm": (_LENGTH, 1e-2),
    "mm": (_LENGTH, 1e-3),
    "m2": ("area", 1),
    "s": (_TIME, 1),
    "ms": (_TIME, 1e-3),
    "min": (_TIME, 60),
    "h": (_TIME, 3600),
    "d": (_TIME, 86_400),
    "m/s": (_SPEED, 1),
    "km/h": (_SPEED, 1 / 3.6),
    "mm/h": (_SPEED, 1e-3 / 3600),
    "[mi_i]/h": (_SPEED, 1609.344 / 3600),
    "deg": ("angle", 1),
    "kg": (_MASS, 1),
    "g": (_MASS, 1e-3),
    "kg/m3": (_PER_VOLUME, 1),
    "g/m3": (_PER_VOLUME, 1e-3),
    "mg/m3": (_PER_VOLUME, 1e-6),
    "ug/m3": (_PER_VOLUME, 1e-9),
    "ng/m3": (_PER_VOLUME, 1e-12),
    "Pa": (_PRESSURE, 1),
    "hPa": (_PRESSURE, 1e2),
    "kPa": (_PRESSURE, 1e3),
    "bar": (_PRESSURE, 1e5),
    "mbar": (_PRESSURE, 1e2),
    "lx": ("illuminance", 1),
    "W/m2": ("irradiance", 1),
}
"""For each code what it measures, and how many it is of the first unit of that."""

OFFSET: Final = frozenset({"Cel", "[degF]"})
"""Units whose zero is another than that of the first unit of what they measure."""

_MEANT: Final[Mapping[str, str]] = {
    "kWh": "kW.h",
    "Wh": "W.h",
    "MWh": "MW.h",
    "VA": "V.A",
    "dB(A)": "dB",
    "dBA": "dB",
    "°C": "Cel",
    "degC": "Cel",
    "°F": "[degF]",
    "degF": "[degF]",
    "µg/m3": "ug/m3",
    "µg/m³": "ug/m3",
    "μg/m3": "ug/m3",
    "μg/m³": "ug/m3",
    "ug/m³": "ug/m3",
    "m³": "m3",
    "m³/h": "m3/h",
    "m²": "m2",
    "ppm": "[ppm]",
    "ppb": "[ppb]",
    "%RH": "%",
    "lux": "lx",
    "kph": "km/h",
    "°": "deg",
    "kVA": "kV.A",
    "var": "V.A",
    "kvar": "kV.A",
    "mAh": "mA.h",
    "Ah": "A.h",
    "ug/m^3": "ug/m3",
    "mg/m^3": "mg/m3",
    "m^3": "m3",
    "m^2": "m2",
    "ha": "har",
    "kn": "[kn_i]",
    "mph": "[mi_i]/h",
    "rpm": "/min",
    "r/min": "/min",
    "count": "1",
    "": "1",
    "/": "1",
}
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
        factor: What to multiply by; None where no factor does it.
        same_quantity: Whether both measure the same, so that a factor and an offset would do it.
    """

    factor: float | None
    same_quantity: bool


def code_fault(code: str) -> str | None:
    """Return what is wrong with a unit, in words; None where it is a UCUM code."""
    if _plain(code) in TABLE:
        return None
    if code.isascii() and len(code) <= _LONGEST and not _LARGE_NUMBER.search(_plain(code)) and _is_code(code):
        return None
    hint = f": write `{_MEANT[code]}`" if code in _MEANT else ", such as `kW.h`, `Cel` or `ug/m3`"
    return f"`{code}` is no UCUM code{hint}"


def another_sense(code: str) -> str | None:
    """Return what is odd about a code that says something else than whoever writes it means, in words; None of any other."""
    if (found := _ANOTHER_SENSE.get(_plain(code))) is None:
        return None
    says, meant = found
    return f"`{code}` is the {says} in UCUM: is `{meant}` meant?"


def conversion(one: str, other: str) -> Conversion:
    """Return how values in one unit become values in another; both are UCUM codes."""
    one, other = _plain(one), _plain(other)
    if one == other:
        return Conversion(1.0, same_quantity=True)
    if one not in TABLE or other not in TABLE:
        return _by_library(one, other)
    (quantity, factor), (wanted, divisor) = TABLE[one], TABLE[other]
    if quantity != wanted:
        return Conversion(None, same_quantity=False)
    return Conversion(None if OFFSET & {one, other} else factor / divisor, same_quantity=True)


def _plain(code: str) -> str:
    """Return a code without annotations, which mean nothing; one that stands for a unit is a count."""
    bare = _ANNOTATION.sub("", _BARE_ANNOTATION.sub("1", code))
    return bare.removeprefix("1") if bare.startswith("1/") and bare.removeprefix("1") in TABLE else bare


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

    registry, unlike = _registry(), Conversion(None, same_quantity=False)
    try:
        ours, theirs = registry.from_ucum(one), registry.from_ucum(other)
        if ours.dimensionality != theirs.dimensionality:
            return unlike
        nothing, unit = (registry.Quantity(n, ours.units).to(theirs.units).magnitude for n in (0.0, 1.0))
    except (LarkError, PintError, ArithmeticError, AttributeError, TypeError, ValueError):
        return unlike
    factor = float(unit) * float(ours.magnitude) / float(theirs.magnitude)
    return Conversion(factor if nothing == 0 else None, same_quantity=True)


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
