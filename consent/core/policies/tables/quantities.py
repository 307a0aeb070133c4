"""`[quantity.<id>]` and `[limits]` of `city.toml`: what is one secret of a household, and how much noise hides it at least.

Policies of an earlier version have neither quantities nor `limits.mu_day`; a `budget` in them is the ε that it then was.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from consent.core.disclosure import LARGEST_GROUP, Time
from consent.core.policies.policy import Limits
from consent.core.policies.property import Property
from consent.core.policies.quantity import Quantity
from consent.core.toml.file import Number, Table, TomlFile

CELLS: Final = (Time.MINUTE_15, Time.HOUR_1, Time.HOUR_4, Time.DAY)
"""How long a cell of a quantity may be: a day has at most 96."""

BOUND: Final = (Decimal("1e-9"), Decimal("1e9"))
"""Between which clips and weights of presence lie."""

_MU: Final = (Decimal("1e-6"), Decimal("1e6"))
_MOST_RUNGS: Final = 16
_USUAL: Final = Limits()


class QuantityTable(Table, frozen=True, kw_only=True):
    """`[quantity.<id>]`."""

    title: dict[str, Any] | None = None
    properties: list[str]
    cell: str
    clip: Number
    presence: Number


class LimitsTable(Table, frozen=True, kw_only=True):
    """`[limits]`; earlier versions asked for `share` and `p`, which bind nothing any more."""

    mu_day: Number | None = None
    mu_rungs: list[Number] | None = None
    exact_group: int = _USUAL.exact_group
    share: Number | None = None
    p: Number | None = None


def read_limits(file: TomlFile, value: Any) -> Limits:
    """Return the limits of figures about subjects."""
    table = file.table(value, LimitsTable, "limits")
    if not 1 <= table.exact_group <= LARGEST_GROUP:
        raise file.error("limits.exact_group", f"`{table.exact_group}` should be from 1 to {LARGEST_GROUP}")
    return Limits(
        mu_day=None if table.mu_day is None else file.number(table.mu_day, *_MU, "limits.mu_day"),
        mu_rungs=_USUAL.mu_rungs if table.mu_rungs is None else _rungs(file, table.mu_rungs, "limits.mu_rungs"),
        exact_group=table.exact_group,
        ignored=tuple(key for key in ("share", "p") if getattr(table, key) is not None),
    )


def _rungs(file: TomlFile, written: list[Number], key: str) -> tuple[float, ...]:
    if not 1 <= len(written) <= _MOST_RUNGS:
        raise file.error(key, f"should be 1 to {_MOST_RUNGS} numbers")
    rungs = [file.number(rung, *_MU, key) for rung in written]
    for lesser, greater in pairwise(rungs):
        if greater <= lesser:
            raise file.error(key, f"`{greater}` should be greater than `{lesser}` before it")
    return tuple(float(rung) for rung in rungs)


def read_quantities(
    file: TomlFile, tables: Mapping[str, Any], properties: Mapping[str, Property], languages: tuple[str, ...]
) -> dict[str, Quantity]:
    """Return all quantities; none shares a property with another."""
    quantities: dict[str, Quantity] = {}
    told: dict[str, str] = {}
    for name, value in tables.items():
        quantities[name] = quantity = _quantity(file, name, value, properties, languages)
        for each in quantity.properties:
            if each in told:
                raise file.error(f"quantity.{name}.properties", f"`{each}` stands in `quantity.{told[each]}` already")
            told[each] = name
    return quantities


def _quantity(file: TomlFile, name: str, value: Any, properties: Mapping[str, Property], languages: tuple[str, ...]) -> Quantity:
    key = f"quantity.{name}"
    file.id(name, key)
    table = file.table(value, QuantityTable, key)
    clip = file.number(table.clip, *BOUND, f"{key}.clip")
    presence = file.number(table.presence, *BOUND, f"{key}.presence")
    if presence >= clip:
        raise file.error(f"{key}.presence", f"`{presence}` should be below `{clip}`, the `clip`")
    unit = _shared_unit(file, table.properties, properties, f"{key}.properties")
    coarsest = max(properties[each].ladder[0] for each in table.properties)
    if presence < coarsest:
        raise file.error(f"{key}.presence", f"`{presence}` should be at least `{coarsest:f}`, the first step of its properties")
    return Quantity(
        id=name,
        title={} if table.title is None else file.texts(table.title, languages, f"{key}.title"),
        properties=tuple(table.properties),
        unit=unit,
        cell=_cell(file, table.cell, f"{key}.cell"),
        clip=clip,
        presence=presence,
    )


def _shared_unit(file: TomlFile, names: list[str], properties: Mapping[str, Property], key: str) -> str:
    """Return the unit of the properties of a quantity."""
    if not names or len(set(names)) != len(names):
        raise file.error(key, "should name at least one property, and each once")
    units = {name: properties[file.known(name, properties, "property", key)].unit for name in names}
    unit = units[names[0]]
    for name in names:
        if units[name] != unit:
            raise file.error(key, f"`{name}` is in `{units[name]}`, and `{names[0]}` in `{unit}`: a quantity has one unit")
    return unit


def _cell(file: TomlFile, label: str, key: str) -> Time:
    for time in CELLS:
        if time.label == label:
            return time
    raise file.error(key, f"`{label}` is none of {', '.join(time.label for time in CELLS)}")


def has_former_budgets(quantities: Mapping[str, Any], limits: Limits) -> bool:
    """Return whether policies are an earlier version's, where a budget was an ε.

    Args:
        quantities: Their tables `quantity`.
    """
    return not quantities and limits.mu_day is None


def refuse_no_figures(file: TomlFile, budget: float, limits: Limits, key: str) -> None:
    """Refuse a ceiling's or cap's budget so small that no figure could be made under it.

    Raises: PolicyError: it is below the least rung.
    """
    if limits.rung(budget) <= 0:
        raise file.error(
            key, f"`{budget:g}` is below the least of `limits.mu_rungs`, `{limits.mu_rungs[0]:g}`: no figure permits so little"
        )
