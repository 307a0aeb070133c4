"""Time zones that a device profile names: of the IANA database, or the city's own."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from consent.core.toml.file import TomlFile
from consent.printable import quoted

CITY: Final = "city"
"""Stands for the time zone of the city."""


def read_zone(file: TomlFile, name: str, timezone: str, key: str) -> str:
    """Return the IANA name of a time zone.

    Args:
        timezone: The city's.
    Raises: PolicyError: there is none of this name.
    """
    zone = timezone if name == CITY else name
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:  # no such zone; no name of one; a folder of zones
        near = get_close_matches(zone, sorted(available_timezones()), n=1)
        hint = f": is `{near[0]}` meant?" if near else ", such as `Europe/Madrid`, `UTC` or `city`"
        raise file.error(key, f"{quoted(zone)} is no time zone of the IANA database{hint}") from error
    return zone
