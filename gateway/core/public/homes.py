"""What is counted of homes: how many could be read and how many let it be, by flow; how many sensors they have; the loudest.

Membership is counted once a UTC day, and every number is rounded down, so that it shows neither a home nor when one changed its
mind. How many pairs the loudest home gives is what the numbers of readings are rounded by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from consent.core.policies.policy import PolicySet
from gateway.core.figures.values import told
from gateway.core.plans import DevicePlan
from gateway.core.public.tally import DayTally, Homes
from gateway.core.registry import Registry

COUNTED_AT_ONCE: Final = 1000
"""So many homes are counted in a piece: some milliseconds on a small machine."""


PlansOf = Callable[[bytes], Sequence[DevicePlan]]
"""contributor → its plans; none of one that has left."""


class HomesCounted:
    """How many homes a flow could read, and how many of them let it have anything; none before ``pieces`` has run."""

    def __init__(self) -> None:
        """Begin with none counted."""
        self._asked: Counter[str] = Counter()
        self._permitted: Counter[str] = Counter()

    def pieces(self, contributors: Iterable[bytes], plans_of: PlansOf) -> Iterator[None]:
        """Count, some homes in each piece."""
        for number, contributor in enumerate(contributors, 1):
            plans = [plan for plan in plans_of(contributor) if plan.device.subject is not None]
            slots = [slot for plan in plans for slot in plan.slots.values()]
            self._asked.update({flow for slot in slots for flow in slot.flows})
            self._permitted.update({target.cohort.flow for slot in slots for target in slot.targets})
            if number % COUNTED_AT_ONCE == 0:
                yield

    def of(self, flow: str) -> Homes:
        """Return what is told of a flow."""
        return Homes(told(self._asked[flow]), told(self._permitted[flow]))


def is_surveyed(day: DayTally | None, policies: PolicySet) -> bool:
    """Return whether the homes of all flows are counted for a day."""
    return day is not None and policies.flows.keys() <= day.homes.keys()


def survey(day: DayTally, policies: PolicySet, registry: Registry, counted: HomesCounted) -> None:
    """Enter homes and their sensors for a day on which that is not done yet; a flow that has come since is counted alone."""
    for flow in sorted(policies.flows.keys() - day.homes.keys()):
        day.homes[flow] = counted.of(flow)
    if not day.is_surveyed:
        day.sensors = _sensors(registry)
        day.is_surveyed = True


def _sensors(registry: Registry) -> dict[tuple[str, str], int]:
    """Return how many sensors of homes there are by zone and profile, rounded down; none are left out."""
    counts = Counter((device.zone, device.profile) for device in registry.devices.values() if device.subject is not None)
    return {place: told(n) for place, n in sorted(counts.items()) if told(n)}


def loudest(homes: Iterable[Sequence[DevicePlan]]) -> int:
    """Return the most pairs that one home's readings have given since this was last asked, or since the start.

    Args:
        homes: The plans of each contributor.
    """
    most = 0
    for plans in homes:
        if plans[0].device.subject is None:
            continue
        pairs = 0
        for plan in plans:
            heard = plan.memory.heard
            pairs += heard.pairs
            heard.pairs = 0
        most = max(most, pairs)
    return most
