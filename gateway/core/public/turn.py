"""The turn of an hour: the public's numbers are counted up to its beginning, and shown once that is durable.

``State.turn`` does it, before each step of the gateway's loop, so that whatever a step decides counts for the hour in which it is
decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.core.plans import DevicePlan, InForce
from gateway.core.public.homes import loudest, survey
from gateway.core.public.numbers import PublicNumbers
from gateway.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Counted:
    """What is looked at when an hour turns.

    Attributes:
        totals: The ledger's.
    """

    totals: Mapping[str, int]
    force: InForce | None
    registry: Registry
    plans: Iterable[DevicePlan]


def turn(numbers: PublicNumbers, hour: int, counted: Counted) -> None:
    """Turn to an hour since the epoch, later than the last one.

    Homes are counted at the first turn of a day. A gateway that has no sensor yet, as on its first start, counts them later.
    """
    plans = list(counted.plans)
    day = numbers.turn(hour, counted.totals, loudest(plans))
    if counted.registry.devices and counted.force is not None:
        survey(day, counted.force.policies, counted.registry, plans)
