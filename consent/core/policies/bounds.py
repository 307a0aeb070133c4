"""Points of the lattice as policies write them: a flow's ask, a ceiling, a device profile's cap.

An ask names every axis. A ceiling or cap names as few as it likes: an axis that it does not name is not bounded by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import inf
from typing import Any, Final, TypeVar

import msgspec

from consent.core.disclosure import LARGEST_GROUP, LONGEST_RETENTION_DAYS, TOP, AxisLevel, Disclosure, Identity, Space, Time
from consent.core.policies.property import Property
from consent.core.toml.file import Number, Table, TomlFile

L = TypeVar("L", bound=AxisLevel)
_BUDGET: Final = (Decimal("1e-6"), Decimal("1e6"))


class BoundsTable(Table, frozen=True, kw_only=True):
    """A ceiling or cap; every axis may be left out."""

    identity: str | None = None
    time: str | None = None
    space: str | None = None
    precision: dict[str, Any] = msgspec.field(default_factory=dict)
    group: int = TOP.group
    retention: int = TOP.retention_days
    budget: Number | None = None


class AskTable(Table, frozen=True, kw_only=True):
    """What a flow asks; only precision, group and budget may be left out."""

    identity: str
    time: str
    space: str
    precision: dict[str, Any] = msgspec.field(default_factory=dict)
    group: int = TOP.group
    retention: int
    budget: Number | None = None


def read_bounds(
    file: TomlFile, value: Any, key: str, properties: Mapping[str, Property], *, budget_is_epsilon: bool = False
) -> Disclosure:
    """Return the point that a ceiling or cap stands for; a level may be `none`, which permits nothing.

    Args:
        budget_is_epsilon: Whether it is one of an earlier version's policies, where a budget was an ε.
    """
    return _point(file, file.table(value, BoundsTable, key), key, properties, budget_is_epsilon=budget_is_epsilon)


def read_ask(
    file: TomlFile, value: Any, key: str, properties: Mapping[str, Property], *, budget_is_epsilon: bool = False
) -> Disclosure:
    """Return the point that a flow asks for; it has to ask for something.

    Args:
        budget_is_epsilon: As for ``read_bounds``.
    """
    ask = _point(file, file.table(value, AskTable, key), key, properties, budget_is_epsilon=budget_is_epsilon)
    for axis, level in (("identity", ask.identity), ("time", ask.time), ("space", ask.space)):
        if not level:
            raise file.error(f"{key}.{axis}", "`none` asks for nothing")
    return ask


def _point(
    file: TomlFile, table: BoundsTable | AskTable, key: str, properties: Mapping[str, Property], *, budget_is_epsilon: bool
) -> Disclosure:
    if not 1 <= table.group <= LARGEST_GROUP:
        raise file.error(f"{key}.group", f"`{table.group}` should be from 1 to {LARGEST_GROUP}")
    if not 1 <= table.retention <= LONGEST_RETENTION_DAYS:
        raise file.error(f"{key}.retention", f"`{table.retention}` should be from 1 to {LONGEST_RETENTION_DAYS} days")
    budget = inf if table.budget is None else float(file.number(table.budget, *_BUDGET, f"{key}.budget"))
    return Disclosure(
        identity=_level(file, table.identity, Identity, TOP.identity, f"{key}.identity"),
        time=_level(file, table.time, Time, TOP.time, f"{key}.time"),
        space=_level(file, table.space, Space, TOP.space, f"{key}.space"),
        precision=_steps(file, table.precision, f"{key}.precision", properties),
        group=table.group,
        retention_days=table.retention,
        budget=inf if budget_is_epsilon else budget,
        former_epsilon=budget if budget_is_epsilon else inf,
    )


def _level(file: TomlFile, label: str | None, axis: type[L], unbounded: L, key: str) -> L:
    if label is None:
        return unbounded
    try:
        return axis.named(label)
    except ValueError as error:
        raise file.error(key, str(error)) from error


def _steps(
    file: TomlFile, value: Mapping[str, Any], key: str, properties: Mapping[str, Property]
) -> tuple[tuple[str, Decimal], ...]:
    steps = []
    for name, step in value.items():
        where = f"{key}.{name}"
        file.known(name, properties, "property", where)
        if isinstance(step, bool) or not isinstance(step, int | Decimal):
            raise file.error(where, "should be a number")
        ladder = properties[name].ladder
        if step not in ladder:
            raise file.error(where, f"`{step}` is no step of the ladder {', '.join(f'{rung:f}' for rung in ladder)}")
        steps.append((name, Decimal(step)))
    return tuple(steps)
