"""A town that defines every property that the shipped device profiles can read, and uses those profiles that a test names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

PROPERTIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "consumption": "kW.h",
        "totalConsumption": "kW.h",
        "activePower": "W",
        "voltage": "V",
        "waterVolume": "m3",
        "heatEnergy": "kW.h",
        "temperature": "Cel",
        "relativeHumidity": "%",
        "pressure": "hPa",
        "co2": "[ppm]",
        "pm1": "ug/m3",
        "pm25": "ug/m3",
        "pm10": "ug/m3",
        "no2": "ug/m3",
        "LAeq": "dB",
        "peopleCount": "1",
    }
)
"""The unit of each."""

_HEAD: Final = """\
[city]
id = "town"
name = "Town"
address = "Square 1"
contact = "https://town.example"
data_protection_officer = "dpo@town.example"
jurisdiction = "ES"
storage_place = "Town hall"
languages = [{languages}]
timezone = "Europe/Madrid"

[use]
devices = [{devices}]

[ceiling]
space = "block"

[limits]
share = 1.0
"""
_TITLES: Final = {"en": "A value", "es": "Un valor", "pt": "Um valor"}


def full_city(
    devices: Iterable[str], properties: Mapping[str, str] = PROPERTIES, languages: tuple[str, ...] = ("en", "es", "pt")
) -> bytes:
    """Return its `city.toml`.

    Args:
        devices: The profiles that it uses.
        properties: The unit of each property that it defines.
    """
    head = _HEAD.format(devices=_listed(devices), languages=_listed(languages))
    title = ", ".join(f'{language} = "{_TITLES.get(language, "x")}"' for language in languages)
    tables = [
        f'[property.{name}]\ntitle = {{ {title} }}\nunit = "{unit}"\nladder = [0.0001]\n' for name, unit in properties.items()
    ]
    return "\n".join([head, *tables]).encode()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
