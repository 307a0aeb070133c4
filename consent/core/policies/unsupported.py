"""What policies may no longer ask: understood in a set in force or in a log, and refused in one that is to be put in force.

A policy text is *malformed* where it cannot be understood: reading it raises ``PolicyError``, whoever reads it. It is *no longer
permitted* where an earlier version understood it and would have released what it asks for, and this one will not. Then it is
still read as it was meant, with one ``Unsupported`` for each such thing kept beside the policies: `check` and `apply` refuse the
set for it, and where the set is in force already, ``consent.core.outcome`` withholds what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Final

from consent.core.disclosure import Identity
from consent.core.policies.policy import CITY_FILE, Flow, PolicySet, Statistic, Unsupported

ONE_HOMES_VALUE: Final = frozenset({Statistic.ENERGY_MEAN, Statistic.MIN, Statistic.MAX})
"""The statistics that over subjects are one subject's value: the loudest home's, the least, the greatest."""

INSTEAD: Final = Statistic.MEAN
"""What a flow over subjects may ask in their place."""


def unsupported_in(policies: PolicySet) -> Iterator[Unsupported]:
    """Yield everything in policies that they may no longer ask."""
    for rule in _RULES:
        yield from rule(policies)


def _statistics(policies: PolicySet) -> Iterator[Unsupported]:
    """Statistics that single out one of the subjects: they are for devices without a subject."""
    for flow in policies.flows.values():
        if not policies.rests_on_consent(flow):
            continue
        for name, statistic in flow.statistic.items():
            if statistic in ONE_HOMES_VALUE:
                yield Unsupported(
                    file=CITY_FILE,
                    key=f"flow.{flow.id}.statistic.{name}",
                    message=f"`{statistic}` over households is the value of one of them: write `{INSTEAD}`",
                    flow=flow.id,
                    observed_property=name,
                )


def _without_noise(policies: PolicySet) -> Iterator[Unsupported]:
    """Figures over subjects without noise that do not say so, or of a property for which no quantity accounts."""
    for flow in policies.flows.values():
        if not policies.rests_on_consent(flow) or flow.ask.identity is not Identity.AGGREGATE:
            continue
        for name in flow.properties:
            for key, message in _faults(policies, flow, name):
                yield Unsupported(CITY_FILE, f"flow.{flow.id}.{key}", message, flow.id, name, since_form=3)


def _faults(policies: PolicySet, flow: Flow, name: str) -> Iterator[tuple[str, str]]:
    """Yield each key at fault in a flow's figures of a property over subjects, and what is wrong there."""
    has_noise = flow.ask.budget < inf
    if not flow.is_exact and not has_noise and flow.ask.former_epsilon == inf:
        yield "ask.budget", f'is missing: figures of `{name}` over households have noise, or the flow says `noise = "none"`'
    if name not in policies.quantity_of:
        yield "properties", f"`{name}` over households stands in no `[quantity]`, by which what they reveal is accounted for"
    if has_noise and flow.statistic[name] is Statistic.COUNT:
        instead = f"each figure tells how many households it is of: write `{Statistic.SUM}` or `{INSTEAD}`"
        yield f"statistic.{name}", f"`{Statistic.COUNT}` of readings is not offered with noise, and {instead}"


_RULES: Final[tuple[Callable[[PolicySet], Iterator[Unsupported]], ...]] = (_statistics, _without_noise)
"""Each yields what one promise made since an earlier version no longer permits.

``Unsupported.since_form`` tells a replay which releases were formed before it: those of an earlier form may hold what it names.
"""
