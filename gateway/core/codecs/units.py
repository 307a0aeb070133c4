"""SenML's units (RFC 8428, RFC 8798) mapped to the UCUM codes that profiles use.

A device that sends SenML states its units itself, so that a wrong one is noticed. The tables are small on purpose: what
they do not list is refused, never guessed. They guard against one trap: ``%`` is a ratio from 0 to 1 in SenML, but a
percentage in UCUM, which SenML calls ``%RH``, ``%EL`` or ``/100``.
"""

from __future__ import annotations

from collections.abc import Mapping

_SAME = frozenset(
    {"m", "kg", "g", "s", "A", "K", "Cel", "Hz", "Pa", "J", "W", "V", "lx", "m2", "m3", "l", "m/s", "m3/s", "W/m2"}
    | {"min", "h", "kW", "hPa", "mm", "cm", "km", "km/h", "ug/m3", "dB"}
)
"""Units whose name and meaning are the same in both."""

_FACTORS: Mapping[str, Mapping[str, float]] = {
    "1": {"/": 1, "%": 1, "count": 1, "/100": 0.01, "%RH": 0.01, "%EL": 0.01},
    "%": {"%RH": 1, "%EL": 1, "/100": 1, "/": 100, "%": 100},
    "[ppm]": {"ppm": 1, "/": 1e6, "%": 1e6},
    "dB[SPL]{A}": {"dB": 1},
    "dB[SPL]": {"dB": 1},
    "ug/m3": {"kg/m3": 1e9},
    "Pa": {"hPa": 100},
    "hPa": {"Pa": 0.01},
    "J": {"Wh": 3600, "kWh": 3.6e6},
    "W.h": {"Wh": 1, "kWh": 1000, "J": 1 / 3600},
    "kW.h": {"kWh": 1, "Wh": 0.001, "J": 1 / 3.6e6},
    "W": {"kW": 1000},
    "kW": {"W": 0.001},
    "m3": {"l": 0.001},
    "l": {"m3": 1000},
    "mm": {"m": 1000},
    "mm/h": {"mm/h": 1},
    "m/s": {"km/h": 1 / 3.6},
    "km/h": {"m/s": 3.6},
}
"""For each UCUM code, the factor for a value in each SenML unit, besides the units that are the same."""

UCUM_CODES = _SAME | _FACTORS.keys()
"""Every UCUM code that something in SenML becomes, besides counts of things."""

_COUNTED: Mapping[str, Mapping[str, float]] = {"": {"count": 1}, "/h": {"1/s": 3600, "1/min": 60}}
"""The same for counts of things, by what follows the annotation of the thing."""


def senml_factors(ucum: str) -> dict[str, float]:
    """Return the SenML units accepted for a field with a UCUM unit, each with the factor for its values.

    Counts of things, such as ``{person}``, take ``count``; counts per hour take ``1/s`` and ``1/min``.
    """
    if ucum.startswith("{"):
        return dict(_COUNTED.get(ucum.partition("}")[2], {}))
    same = {ucum: 1.0} if ucum in _SAME else {}
    return same | dict(_FACTORS.get(ucum, {}))
