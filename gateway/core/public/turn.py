"""The turn of an hour: the public's numbers are counted up to its beginning, and shown once that is durable.

``State.turning`` does it, before the step of the gateway's loop in which the hour is seen to have come, so that whatever a step
decides counts for the hour in which it is decided. At the first turn of a day homes are counted before, in pieces: in a city of
more than a thousand the hour turns some steps later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.core.plans import DevicePlan, InForce
from gateway.core.public.homes import HomesCounted, is_surveyed, loudest, survey
from gateway.core.public.numbers import PublicNumbers
from gateway.core.public.tally import HOURS_OF_A_DAY
from gateway.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Counted:
    """What is looked at when an hour turns, as it stands whenever it is looked at.

    Attributes:
        totals: The ledger's.
        is_current: Whether the same policies are in force still, and everybody's plans are compiled by them.
    """

    totals: Mapping[str, int]
    force: InForce | None
    registry: Registry
    plans: Mapping[bytes, Sequence[DevicePlan]]
    is_current: Callable[[], bool]


def turning(numbers: PublicNumbers, hour: int, counted: Counted) -> Iterator[None]:
    """Turn to an hour since the epoch, later than the last one, with the end of the last piece; not at all where policies change.

    Homes are counted at the first turn of a day. A gateway that has no sensor yet, as on its first start, counts them later.
    """
    force, homes = counted.force, HomesCounted()
    counts_homes = force is not None and bool(counted.registry.devices)
    if force is not None and counts_homes and not is_surveyed(numbers.days.get(hour // HOURS_OF_A_DAY), force.policies):
        for _ in homes.pieces(list(counted.plans), lambda contributor: counted.plans.get(contributor, ())):
            yield
            if not counted.is_current():
                return
    day = numbers.turn(hour, counted.totals, loudest(counted.plans.values()))
    if force is not None and counts_homes:
        survey(day, force.policies, counted.registry, homes)
