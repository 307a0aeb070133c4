"""What is counted of homes: how many could be read and how many let it be, by flow; how many sensors they have; the loudest.

Membership is counted once a UTC day, and every number is rounded down, so that it shows neither a home nor when one changed its
mind. How many pairs the loudest home gives is what the numbers of readings are rounded by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from consent.core.policies.policy import PolicySet
from gateway.core.figures.values import told
from gateway.core.plans import DevicePlan
from gateway.core.public.tally import DayTally, Homes
from gateway.core.registry import Registry


def survey(day: DayTally, policies: PolicySet, registry: Registry, plans: Sequence[DevicePlan]) -> None:
    """Count homes and their sensors for a day on which it is not done yet; a flow that has come since is counted alone."""
    missing = policies.flows.keys() - day.homes.keys()
    if missing:
        asked, permitted = _homes_by_flow(plans)
        for flow in sorted(missing):
            day.homes[flow] = Homes(told(len(asked.get(flow, ()))), told(len(permitted.get(flow, ()))))
    if not day.is_surveyed:
        day.sensors = _sensors(registry)
        day.is_surveyed = True


def _homes_by_flow(plans: Iterable[DevicePlan]) -> tuple[dict[str, set[bytes]], dict[str, set[bytes]]]:
    """Return by flow the subjects that have a sensor which it could read, and those of them that let it have anything."""
    asked: defaultdict[str, set[bytes]] = defaultdict(set)
    permitted: defaultdict[str, set[bytes]] = defaultdict(set)
    for plan in plans:
        subject = plan.device.subject
        if subject is None:
            continue
        for slot in plan.slots.values():
            for flow in slot.flows:
                asked[flow].add(subject)
            for target in slot.targets:
                permitted[target.cohort.flow].add(subject)
    return asked, permitted


def _sensors(registry: Registry) -> dict[tuple[str, str], int]:
    """Return how many sensors of homes there are by zone and profile, rounded down; none are left out."""
    counts = Counter((device.zone, device.profile) for device in registry.devices.values() if device.subject is not None)
    return {place: told(n) for place, n in sorted(counts.items()) if told(n)}


def loudest(plans: Iterable[DevicePlan]) -> int:
    """Return the most pairs that one home's readings have given since this was last asked, or since the start."""
    homes: Counter[bytes] = Counter()
    for plan in plans:
        if plan.device.subject is not None:
            heard = plan.memory.heard
            homes[plan.device.subject] += heard.pairs
            heard.pairs = 0
    return max(homes.values(), default=0)
