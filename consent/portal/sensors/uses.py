"""What leaves of a sensor by the rules in force: of the city's own by which flow, at which level; of homes' from which place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from consent.core.decide import Owner
from consent.core.disclosure import Space
from consent.core.outcome import Outcome, decide_device, measured, outcome
from consent.core.policies.policy import Flow, PolicySet, Purpose, Recipient
from consent.core.policies.property import Property
from consent.core.review.population import agreeing


@dataclass(frozen=True, slots=True)
class PropertyUse:
    """One property that leaves by a flow.

    Attributes:
        outcome: At which level, and as which figure.
    """

    known: Property
    outcome: Outcome

    @property
    def step(self) -> Decimal:
        """The step to which its values are rounded down, in its unit."""
        return Decimal(self.outcome.level.step)


@dataclass(frozen=True, slots=True)
class SensorUse:
    """One use of what a sensor of the city's own measures: a flow of a public task.

    Attributes:
        told: What leaves by it, at least one property, in the flow's order.
    """

    flow: Flow
    purpose: Purpose
    recipient: Recipient
    told: tuple[PropertyUse, ...]

    @property
    def retention_days(self) -> int:
        """For how long at most the recipient may keep it."""
        return max(each.outcome.disclosure.retention_days for each in self.told)


@dataclass(frozen=True, slots=True)
class SharedUse:
    """One use of what sensors of several profiles measure, with what any of them tells."""

    profiles: tuple[str, ...]
    use: SensorUse

    def joined(self, profile: str, use: SensorUse) -> SharedUse:
        """Return it with what another profile tells."""
        have = {each.known.id for each in self.use.told}
        told = (*self.use.told, *(each for each in use.told if each.known.id not in have))
        return SharedUse((*self.profiles, profile), replace(self.use, told=told))


def uses_of(policies: PolicySet, zone: str, profile: str) -> tuple[SensorUse, ...]:
    """Return every use of the city's own sensors of a profile in a zone; none where nothing of them may leave."""
    found = []
    for flow in policies.flows.values():
        if policies.rests_on_consent(flow):
            continue
        decision = decide_device(policies, flow.id, None, zone, profile, 0, Owner.CITY)
        outcomes = {name: outcome(policies, flow, name, decision, zone) for name in measured(policies, flow.id, profile)}
        told = tuple(PropertyUse(policies.properties[name], each) for name, each in outcomes.items() if not each.reason)
        if told:
            found.append(SensorUse(flow, policies.purposes[flow.purpose], policies.recipients[flow.recipient], told))
    return tuple(found)


def merged(uses: Mapping[str, tuple[SensorUse, ...]]) -> tuple[SharedUse, ...]:
    """Return the uses of several device profiles with those that are alike as one: same flow, time, place and retention."""
    found: dict[object, SharedUse] = {}
    for profile, each in uses.items():
        for use in each:
            level = use.told[0].outcome.level
            alike = use.flow.id, use.retention_days, level.time, level.space
            found[alike] = found[alike].joined(profile, use) if alike in found else SharedUse((profile,), use)
    return tuple(found.values())


def untold_by(policies: PolicySet, profile: str, uses: tuple[SensorUse, ...]) -> tuple[Property, ...]:
    """Return what a profile's sensors measure besides, and nobody is told."""
    told = {each.known.id for use in uses for each in use.told}
    return tuple(policies.properties[name] for name in policies.profiles[profile].fields if name not in told)


def place_of_homes(policies: PolicySet, zone: str, profile: str) -> Space:
    """Return the finest place that may leave of homes' sensors of a profile in a zone, were everybody to say yes."""
    finest = Space.NONE
    for flow in policies.flows.values():
        if policies.rests_on_consent(flow):
            decision = decide_device(policies, flow.id, [agreeing(policies, flow.id)], zone, profile, 0)
            if not decision.reason:
                finest = max(finest, decision.disclosure.space)
    return finest
