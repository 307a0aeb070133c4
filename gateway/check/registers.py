"""Registers in device profiles: what of how one counts, or of what a value can be, does not fit the city's flows and properties.

Part of `sluice check`, beside the units of ``terms``; nothing here is a fault, since a profile may serve several cities.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from consent.core.disclosure import Time
from consent.core.policies.policy import PolicySet
from consent.core.policies.property import Property
from consent.core.profiles.profile import Counter, Field

_SUMS = frozenset({"sum", "count", "delta"})
"""Statistics whose figures are no values that a device can mean."""


def register_warnings(policies: PolicySet, name: str, field: Field) -> Iterator[tuple[str, str]]:
    """Yield what is odd about how a property's field counts, and about its plausible values: (key within the field, message)."""
    statistics = {flow.statistic_of(name) for flow in policies.flows.values() if name in flow.properties}
    prop = policies.properties[name]
    if field.counter is not None:
        yield from _of_counter(field.counter, field, prop, statistics)
    if field.plausible is not None and (said := _beyond_clamp(field.plausible, prop, statistics)):
        yield "plausible", said


def _of_counter(counter: Counter, field: Field, prop: Property, statistics: set[str]) -> Iterator[tuple[str, str]]:
    if statistics and "delta" not in statistics:
        yield "counter", f"no flow asks for a `delta` of `{prop.id}`, so that its readings are not judged by this"
    clamp = prop.clamp_of(Time.HOUR_1)
    if counter.most_per_h is not None and clamp is not None and "delta" in statistics and counter.most_per_h > clamp[1]:
        limit = f"the property's `clamp` lets a subject count as at most `{clamp[1]:f}` in an hour"
        yield "counter.most_per_h", f"is `{counter.most_per_h:f}`, and {limit}: a wrong telegram of more than that would be taken"
    if counter.bits is None:
        return
    if counter.most_per_h is None:
        said = "without `most_per_h` every fall that is a small step over the register's end is a rollover"
        yield "counter.bits", f"{said}, a wrong telegram too: say what it can grow in an hour"
    if field.decimal_mark:
        whole = f"a register of {counter.bits} bits is a whole number"
        yield "counter.bits", f"{whole}, and `decimal_mark` says that it is sent with fractions"
    if field.unit_path:
        yield (
            "counter.bits",
            "holds for what is sent in `unit`; in another unit that a message names it rolls over elsewhere",
        )


def _beyond_clamp(plausible: tuple[Decimal, Decimal], prop: Property, statistics: set[str]) -> str:
    """Return what is odd about a plausible range, whose values some figures would clamp; empty where nothing is."""
    clamp = prop.clamp_of(Time.HOUR_1)
    if clamp is None or not statistics - _SUMS - {""}:
        return ""
    if clamp[0] <= plausible[0] and plausible[1] <= clamp[1]:
        return ""
    ranges = f"`{plausible[0]:f}` to `{plausible[1]:f}`", f"`{clamp[0]:f}` to `{clamp[1]:f}`"
    return f"reaches from {ranges[0]}, and the property's `clamp` from {ranges[1]}: what lies beyond counts as its end"
