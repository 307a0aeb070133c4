"""Plausible ranges: what one home or sensor can measure, by property and unit, from `plausible.toml` beside this file.

The table is part of the program, as constants are: it is read once, when this module is imported. ``warnings`` compares clamps
with it.
"""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files
from typing import Final

from consent.core.disclosure import Time
from consent.core.policies.property import Property, Range
from consent.core.policies.tables.flows import Clamp, read_clamp
from consent.core.toml.file import Table, TomlFile

_FILE: Final = "plausible.toml"
_FINEST: Final = Decimal("1e-9")


class PlausibleTable(Table, frozen=True, kw_only=True):
    """`[[plausible]]`: a range of some properties in one unit; ``range`` is written as a policy's `clamp`."""

    properties: list[str]
    unit: str
    range: Clamp


class PlausibleFile(Table, frozen=True, kw_only=True):
    """`plausible.toml` as a whole."""

    plausible: list[PlausibleTable]


def plausible_range(observed_property: str, unit: str, time: Time) -> Range | None:
    """Return what one value in a window of a length can plausibly be; None where the table does not know the property."""
    known = _TABLE.get((observed_property, unit))
    return None if known is None else known.clamp_of(time)


def read_plausible(data: bytes) -> dict[tuple[str, str], Property]:
    """Return the ranges of a table, by property and unit.

    Raises: PolicyError: the table is malformed, or names a property twice in one unit.
    """
    file = TomlFile(_FILE, data)
    found: dict[tuple[str, str], Property] = {}
    for number, row in enumerate(file.table(file.tables, PlausibleFile, "").plausible):
        key = f"plausible.{number}"
        clamp = read_clamp(file, row.range, _FINEST, f"{key}.range")
        for name in row.properties:
            if (name, row.unit) in found:
                raise file.error(f"{key}.properties", f"`{name}` stands there twice in `{row.unit}`")
            found[name, row.unit] = Property(name, {}, row.unit, (_FINEST,), clamp)
    return found


_TABLE: Final = read_plausible(files(__package__).joinpath(_FILE).read_bytes())
