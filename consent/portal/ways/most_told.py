"""What may leave at most by a flow, where everybody says yes: by the rules alone, neighbourhood by neighbourhood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from consent.core.decide import Owner
from consent.core.disclosure import BOTTOM, Disclosure, Identity
from consent.core.outcome import decide_device, measured, outcome
from consent.core.policies.policy import Flow, PolicySet
from consent.core.review.population import agreeing


@dataclass(frozen=True, slots=True)
class MostTold:
    """What leaves at most of the sensors in some neighbourhoods.

    Attributes:
        neighbourhoods: Their ids; the empty one stands for the zones that are in none.
        disclosure: The point in the lattice; ``BOTTOM`` where nothing may leave.
        reason: Why nothing may leave; empty where something does.
        properties: Which of the flow's properties may.
    """

    neighbourhoods: tuple[str, ...]
    disclosure: Disclosure
    reason: str
    properties: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, ...]:
        """Return by what the most telling is found."""
        point = self.disclosure
        return int(point.identity), int(point.time), int(point.space), -point.group, point.retention_days


def most_told(policies: PolicySet, flow: Flow) -> tuple[MostTold, ...]:
    """Return what leaves at most, the most telling first; what is alike stands together. Empty where there are no zones."""
    found: dict[tuple[Disclosure, str, tuple[str, ...]], list[str]] = {}
    zones = {zone.neighbourhood or "": zone.id for zone in policies.zones.values()}
    for neighbourhood, zone in zones.items():
        disclosure, reason, properties = max(_of_profiles(policies, flow, zone), key=lambda each: not each[1])
        found.setdefault((disclosure, reason, properties), []).append(neighbourhood)
    rows = [MostTold(tuple(sorted(where)), *what) for what, where in found.items()]
    return tuple(sorted(rows, key=lambda row: row.rank, reverse=True))


def _of_profiles(policies: PolicySet, flow: Flow, zone: str) -> Iterator[tuple[Disclosure, str, tuple[str, ...]]]:
    """Yield the most that devices of any profile let be told in a zone, and what that is."""
    told: dict[Disclosure, set[str]] = {}
    reasons = []
    consents = [agreeing(policies, flow.id)] if policies.rests_on_consent(flow) else None
    for profile in policies.profiles:
        decision = decide_device(policies, flow.id, consents, zone, profile, 0, Owner.CITY)
        for name in measured(policies, flow.id, profile):
            each = outcome(policies, flow, name, decision, zone)
            if each.reason:
                reasons.append(each.reason)
            else:
                told.setdefault(each.disclosure, set()).add(name)
    for disclosure, names in told.items():
        yield disclosure, "", tuple(name for name in flow.properties if name in names)
    if not told:
        yield BOTTOM, reasons[0] if reasons else "not-measured", ()


def kept_days(policies: PolicySet, flow: Flow, told: Disclosure) -> int:
    """Return for how many days at most a recipient may keep what leaves: of figures about homes, what every record states."""
    if policies.rests_on_consent(flow) and told.identity is Identity.AGGREGATE:
        return policies.least_retention_days[flow.id]
    return told.retention_days
