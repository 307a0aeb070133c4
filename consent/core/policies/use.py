"""`[use]` of `city.toml`: names the device profiles that are in force, the city's own files and those that come with the program.

Where it stands, a policies folder may hold more profiles than the city uses, and use some that it does not hold:
``consent.policy_files`` puts the set together by what is read here, and ``parse`` refuses a set that was put together otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from consent.core.policies.policy import CITY_FILE
from consent.core.toml.file import Table, TomlFile
from consent.errors import PolicyError
from consent.printable import quoted

USE: Final = "use"
KEY: Final = f"{USE}.devices"
"""Where the names stand in `city.toml`."""


class UseTable(Table, frozen=True, kw_only=True):
    """`[use]`."""

    devices: list[str]


def read_use(file: TomlFile, table: UseTable) -> tuple[str, ...]:
    """Return the names of the device profiles that a city uses, in its order.

    Args:
        file: `city.toml`.
        table: Its table `use`.
    Raises: PolicyError: one is no name of a profile, or stands there twice.
    """
    seen: set[str] = set()
    for name in table.devices:
        if file.id(name, KEY) in seen:
            raise file.error(KEY, f"names {quoted(name)} twice")
        seen.add(name)
    return tuple(table.devices)


def used_devices(city: bytes) -> tuple[str, ...] | None:
    """Return the names of the device profiles that a city uses; None where it does not say, and uses what its folder holds.

    Args:
        city: The bytes of `city.toml`. Where they cannot be read, the answer is None, and ``parse`` says what is wrong.
    """
    try:
        file = TomlFile(CITY_FILE, city)
        return read_use(file, file.table(file.tables[USE], UseTable, USE)) if USE in file.tables else None
    except PolicyError:
        return None


def no_such_profile(name: str, known: Iterable[str]) -> PolicyError:
    """Return the error for a name that is no profile's.

    Args:
        known: The names that there are.
    """
    near = ", ".join(f"`{each}`" for each in get_close_matches(name, sorted(known), n=3))
    hint = f"; near it: {near}" if near else ""
    return PolicyError(CITY_FILE, KEY, f"there is no device profile {quoted(name)}, in `devices/` or shipped{hint}")


def refuse_unused(used: Iterable[str], held: Iterable[str], folder: str) -> None:
    """Refuse a set whose profiles are not those that its city uses.

    Args:
        used: The names that it uses.
        held: The names that the set has a file for.
        folder: The profiles' own, as errors name it.
    Raises: PolicyError: names the first that is missing, or that is too many.
    """
    used, held = set(used), set(held)
    for name in sorted(used - held):
        raise no_such_profile(name, held)
    for name in sorted(held - used):
        raise PolicyError(f"{folder}/{name}.toml", "", f"is not in force: `{KEY}` of `{CITY_FILE}` does not name it")
