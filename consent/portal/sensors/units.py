"""Units as people write them: policies name a unit by its UCUM code, and a page by its symbol."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

_SYMBOLS: Final = {
    "1": "",
    "Cel": "°C",
    "W.h": "Wh",
    "kW.h": "kWh",
    "MW.h": "MWh",
    "ug/m3": "µg/m³",
    "mg/m3": "mg/m³",
    "m3": "m³",
    "m3/h": "m³/h",
    "km/h": "km/h",
    "deg": "°",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
    "dB[SPL]": "dB",
    "L": "l",
    "/m3": "1/m³",
    "W/m2": "W/m²",
}
_WITHOUT_ZERO: Final = frozenset({"dB", "dB[SPL]", "Cel", "[degF]", "hPa"})


def symbol(code: str) -> str:
    """Return the symbol of a unit; the code itself where it is its own symbol, and nothing for plain numbers."""
    return _SYMBOLS.get(code, code)


def begins_at_zero(code: str) -> bool:
    """Return whether nothing of a quantity is zero of its unit, so that twice the number is twice as much."""
    return code not in _WITHOUT_ZERO


def digits_of(step: Decimal) -> int:
    """Return how many digits behind the point a value needs that is rounded to a step, or is one."""
    return max(0, -int(step.normalize().as_tuple().exponent))
