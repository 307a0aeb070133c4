"""What policies may no longer ask: understood in a set in force or in a log, and refused in one that is to be put in force.

A policy text is *malformed* where it cannot be understood: reading it raises ``PolicyError``, whoever reads it. It is *no longer
permitted* where an earlier version understood it and would have released what it asks for, and this one will not. Then it is
still read as it was meant, with one ``Unsupported`` for each such thing kept beside the policies: `check` and `apply` refuse the
set for it, and where the set is in force already, ``consent.core.outcome`` withholds what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from consent.core.policies.policy import CITY_FILE, PolicySet, Statistic, Unsupported

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


_RULES: Final[tuple[Callable[[PolicySet], Iterator[Unsupported]], ...]] = (_statistics,)
"""Each yields what one promise made since an earlier version no longer permits.

A replay makes a finding of that where a release states owners, since the version that began to do so withholds what the first
rule names. A later rule has to tell by something else which releases were formed before it.
"""
