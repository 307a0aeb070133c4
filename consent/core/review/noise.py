"""What figures about households would tell more, less or otherwise: their noise, quantities, periods and the limits over them.

``rules`` names what is found here. μ itself is an axis of decisions, and ``reach`` compares it. A bound on a household's part
(`clip`, and the weight `presence`) tells no more where it is wider, since the noise grows with it: it merely differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from consent.core.periods import Period
from consent.core.policies.policy import Flow, Limits, PolicySet
from consent.core.policies.quantity import Quantity
from consent.core.review.reach import Direction

_NOISE, _EXACT = "drawn", "none"
_ALONE = "no quantity"


class NoiseChange(NamedTuple):
    """A key of `city.toml` that differs.

    Attributes:
        old: As policies write it; empty where nothing is said.
        new: The later value, likewise.
    """

    direction: Direction
    key: str
    old: str
    new: str


def noise_changes(old: PolicySet, new: PolicySet) -> Iterator[NoiseChange]:
    """Yield the differences in how figures about households are made and bounded."""
    yield from _limits(old.limits, new.limits)
    for name in sorted(old.quantities.keys() & new.quantities.keys()):
        yield from _quantity(f"quantity.{name}", old.quantities[name], new.quantities[name])
    yield from _properties(old, new)
    for name in sorted(old.flows.keys() & new.flows.keys()):
        if new.rests_on_consent(new.flows[name]):
            yield from _flow(f"flow.{name}", old.flows[name], new.flows[name])


def _changed(direction: Direction, key: str, old: object, new: object) -> Iterator[NoiseChange]:
    if old != new:
        yield NoiseChange(direction, key, _written(old), _written(new))


def _written(value: object) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _limits(old: Limits, new: Limits) -> Iterator[NoiseChange]:
    """Compare limits; without `mu_day` there are figures without noise alone, which tell more than any with."""
    rises = new.mu_day is None or (old.mu_day is not None and new.mu_day > old.mu_day)
    yield from _changed(Direction.RISES if rises else Direction.FALLS, "limits.mu_day", old.mu_day, new.mu_day)
    fewer = new.exact_group < old.exact_group
    yield from _changed(Direction.RISES if fewer else Direction.FALLS, "limits.exact_group", old.exact_group, new.exact_group)
    rungs = [", ".join(f"{rung:g}" for rung in each.mu_rungs) for each in (old, new)]
    yield from _changed(_rungs_direction(old, new), "limits.mu_rungs", *rungs)


def _rungs_direction(old: Limits, new: Limits) -> Direction:
    """Return whether some μ counts as more, or all that differ as less, than it did."""
    differing = [new.rung(mu) - old.rung(mu) for mu in (*old.mu_rungs, *new.mu_rungs)]
    return Direction.RISES if max(differing) > 0 else Direction.FALLS


def _quantity(key: str, old: Quantity, new: Quantity) -> Iterator[NoiseChange]:
    yield from _changed(Direction.DIFFERS, f"{key}.cell", old.cell.label, new.cell.label)
    yield from _changed(Direction.DIFFERS, f"{key}.clip", old.clip, new.clip)
    yield from _changed(Direction.DIFFERS, f"{key}.presence", old.presence, new.presence)


def _properties(old: PolicySet, new: PolicySet) -> Iterator[NoiseChange]:
    """Compare what counts together: a property that is counted apart from another that it was counted with tells more."""
    for name in sorted(old.quantity_of.keys() & new.properties.keys() | new.quantity_of.keys() & old.properties.keys()):
        before, after = old.quantity_of.get(name), new.quantity_of.get(name)
        was, now = [_ALONE if each is None else each.id for each in (before, after)]
        if was != now:
            together = [set() if each is None else {*each.properties} - {name} for each in (before, after)]
            parted = before is not None and not (together[0] & new.properties.keys()) <= together[1]
            yield NoiseChange(Direction.RISES if parted else Direction.DIFFERS, f"property.{name}, counted in", was, now)


def _flow(key: str, old: Flow, new: Flow) -> Iterator[NoiseChange]:
    was, now = [_EXACT if each.is_exact else _NOISE for each in (old, new)]
    yield from _changed(Direction.RISES if new.is_exact else Direction.FALLS, f"{key}.noise", was, now)
    longer = new.period is Period.WEEK
    yield from _changed(Direction.FALLS if longer else Direction.RISES, f"{key}.period", old.period, new.period)
    yield from _changed(Direction.DIFFERS, f"{key}.publish", old.publish, new.publish)
    yield from _changed(Direction.DIFFERS, f"{key}.clip", old.clip, new.clip)
