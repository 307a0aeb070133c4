"""Units that devices send in, and how a value in one becomes a value in another: by a factor, and where zeros differ an offset.

The units that cities use stand in a table here, as exact fractions; a test proves each against a library. ``parse`` gives each
field of a device profile its scale and offset from it, and ``gateway.check.ucum`` judges by it what a profile states. A unit
that is not in it converts to nothing but itself here: nothing of the running gateway loads the library.

Source: The Unified Code for Units of Measure, version 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final, NamedTuple

_ANNOTATION: Final = re.compile(r"\{[!-z|~]*\}")
_BARE_ANNOTATION: Final = re.compile(r"(?<![^./(])\{[!-z|~]*\}")
_CONTEXT: Final = Context(prec=28)
"""Only of fractions that no decimal is, such as 5/9, is anything left out."""


class Unit(NamedTuple):
    """A unit of the table.

    Attributes:
        quantity: What it measures.
        factor: How many it is of the first unit of that.
        zero: Where its zero lies, in the first unit of that.
    """

    quantity: str
    factor: Fraction
    zero: Fraction = Fraction(0)


class Scaling(NamedTuple):
    """How a value in one unit becomes a value in another: times the scale, plus the offset."""

    scale: Decimal
    offset: Decimal

    def of(self, value: Decimal) -> Decimal:
        """Return a value in the other unit."""
        return value * self.scale + self.offset


UNSCALED: Final = Scaling(Decimal(1), Decimal(0))
"""Between two names of one unit."""


_QUANTITIES: Final[Mapping[str, str]] = {
    "ratio": "1=1 %=1/100 [ppth]=1/1000 [ppm]=1/1000000 [ppb]=1/1000000000",
    "temperature": "K=1 Cel=1@273.15 [degF]=5/9@45967/180",
    "level": "dB=1",
    "sound pressure level": "dB[SPL]=1",
    "energy": "J=1 kJ=1000 MJ=1e6 GJ=1e9 W.s=1 W.min=60 W.h=3600 kW.h=3600000 MW.h=3.6e9 kcal=4184",
    "power": "W=1 mW=1/1000 kW=1000 MW=1e6 V.A=1 kV.A=1000",
    "charge": "A.h=1 mA.h=1/1000",
    "voltage": "V=1 mV=1/1000",
    "current": "A=1 mA=1/1000",
    "count in a time": "Hz=1 /s=1 1/s=1 /min=1/60 1/min=1/60 /h=1/3600 1/h=1/3600",
    "volume": "m3=1 dm3=1/1000 l=1/1000 L=1/1000 dl=1/10000 ml=1/1000000 mL=1/1000000"
    " [gal_us]=3785411784/1000000000000 [ft_i]3=28316846592/1000000000000",
    "volume in a time": "m3/s=1 m3/h=1/3600 l/h=1/3600000 l/min=1/60000 l/s=1/1000",
    "length": "m=1 km=1000 cm=1/100 mm=1/1000 [in_i]=254/10000 [ft_i]=3048/10000 [mi_i]=1609344/1000",
    "area": "m2=1",
    "time": "s=1 ms=1/1000 min=60 h=3600 d=86400",
    "speed": "m/s=1 km/h=10/36 mm/h=1/3600000 [mi_i]/h=44704/100000 [kn_i]=1852/3600",
    "angle": "deg=1",
    "mass": "kg=1 g=1/1000",
    "mass in a volume": "kg/m3=1 g/m3=1/1000 mg/m3=1/1000000 ug/m3=1/1000000000 ng/m3=1/1000000000000",
    "pressure": "Pa=1 hPa=100 kPa=1000 bar=100000 mbar=100",
    "illuminance": "lx=1",
    "irradiance": "W/m2=1",
}
"""For each quantity its units: the code, how many it is of the first, and after `@` where its zero lies, in the first."""


def _units(quantity: str, line: str) -> dict[str, Unit]:
    units = {}
    for each in line.split():
        code, _, amount = each.partition("=")
        factor, _, zero = amount.partition("@")
        units[code] = Unit(quantity, Fraction(factor), Fraction(zero or 0))
    return units


UNITS: Final[Mapping[str, Unit]] = {
    code: unit for quantity, line in _QUANTITIES.items() for code, unit in _units(quantity, line).items()
}
"""Every unit of the table, by its code."""

UNITS_AS_WRITTEN: Final[Mapping[str, str]] = {
    "kWh": "kW.h",
    "kwh": "kW.h",
    "KWh": "kW.h",
    "Wh": "W.h",
    "MWh": "MW.h",
    "Ws": "W.s",
    "VA": "V.A",
    "kVA": "kV.A",
    "var": "V.A",
    "VAr": "V.A",
    "kvar": "kV.A",
    "kVAr": "kV.A",
    "Ah": "A.h",
    "mAh": "mA.h",
    "dB(A)": "dB",
    "dBA": "dB",
    "C": "Cel",
    "°C": "Cel",
    "º C": "Cel",
    "ºC": "Cel",
    "℃": "Cel",
    "degC": "Cel",
    "F": "[degF]",
    "°F": "[degF]",
    "ºF": "[degF]",
    "℉": "[degF]",
    "degF": "[degF]",
    "°K": "K",
    "µg/m3": "ug/m3",
    "µg/m³": "ug/m3",
    "μg/m3": "ug/m3",
    "μg/m³": "ug/m3",
    "ug/m³": "ug/m3",
    "ug/m^3": "ug/m3",
    "mg/m³": "mg/m3",
    "mg/m^3": "mg/m3",
    "m³": "m3",
    "m^3": "m3",
    "m³/h": "m3/h",
    "m^3/h": "m3/h",
    "dm³": "dm3",
    "ft³": "[ft_i]3",
    "ft3": "[ft_i]3",
    "gal": "[gal_us]",
    "L/h": "l/h",
    "L/min": "l/min",
    "L/s": "l/s",
    "m²": "m2",
    "m^2": "m2",
    "ha": "har",
    "W/m²": "W/m2",
    "ppm": "[ppm]",
    "ppb": "[ppb]",
    "%RH": "%",
    "lux": "lx",
    "Lux": "lx",
    "in": "[in_i]",
    "ft": "[ft_i]",
    "mi": "[mi_i]",
    "kmh": "km/h",
    "kph": "km/h",
    "mph": "[mi_i]/h",
    "kn": "[kn_i]",
    "rpm": "/min",
    "r/min": "/min",
    "°": "deg",
    "count": "1",
}
"""What devices write for a code, and what is meant by it in a message; `C` and `F` are coulomb and farad in UCUM itself."""


def bare(code: str) -> str:
    """Return a code without annotations, which mean nothing; one that stands for a unit is a count."""
    plain = _ANNOTATION.sub("", _BARE_ANNOTATION.sub("1", code))
    return plain.removeprefix("1") if plain.startswith("1/") and plain.removeprefix("1") in UNITS else plain


def conversion(unit: str, to: str) -> Scaling | None:
    """Return how a value in one unit becomes one in another.

    Exact wherever a decimal can be, and else to 28 digits.

    Args:
        unit: UCUM code of the value.
        to: UCUM code of what it is to become.
    Returns: None where the units measure different things, or one of them is not in the table.
    """
    one, other = bare(unit), bare(to)
    if one == other:
        return UNSCALED
    ours, theirs = UNITS.get(one), UNITS.get(other)
    if ours is None or theirs is None or ours.quantity != theirs.quantity:
        return None
    return Scaling(_decimal(ours.factor / theirs.factor), _decimal((ours.zero - theirs.zero) / theirs.factor))


def _decimal(number: Fraction) -> Decimal:
    quotient = _CONTEXT.divide(Decimal(number.numerator), Decimal(number.denominator))
    return Decimal(f"{quotient:f}") if quotient else Decimal(0)
