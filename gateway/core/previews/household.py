"""Household: what a flow would get of a household's sensors by its residents' words, as they are or as one of them might say.

The question that a resident is asked compares answers by it; decisions and outcomes are those by which plans are compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from consent.core.consents.book import Book
from consent.core.consents.records import Consent
from consent.core.decide import Decision, standing
from consent.core.disclosure import TOP, Disclosure
from consent.core.exposure import Exposure, Leaving, exposures, permitted
from consent.core.outcome import Outcome, decide_device, measured, outcome
from consent.core.policies.policy import Flow, PolicySet
from consent.core.review.population import agreeing
from gateway.core.plans import Device

Voices = Sequence[Consent | None]
"""One consent for each resident, None for one without."""


@dataclass(frozen=True, slots=True)
class ToldProperty:
    """What becomes of one property of one sensor."""

    device: Device
    observed_property: str
    decision: Decision
    found: Outcome


@dataclass(frozen=True)
class Household:
    """A household before one flow, and the resident who is asked.

    Attributes:
        devices: All of the household's.
    """

    policies: PolicySet
    flow: Flow
    book: Book
    subject: bytes
    resident: bytes
    devices: Sequence[Device]
    now_ms: int

    @cached_property
    def read(self) -> list[Device]:
        """Return the sensors that the flow reads."""
        return [device for device in self.devices if measured(self.policies, self.flow.id, device.profile)]

    @cached_property
    def properties(self) -> list[str]:
        """Return which of the flow's properties they tell, in its order."""
        told = {name for device in self.read for name in measured(self.policies, self.flow.id, device.profile)}
        return [name for name in self.flow.properties if name in told]

    @property
    def position(self) -> int:
        """Return which of the residents is asked."""
        return self.book.residents(self.subject).index(self.resident)

    @property
    def said(self) -> list[Consent | None]:
        """Return what all of them say at present."""
        return self.book.resolve(self.subject, self.flow)

    @property
    def own(self) -> Consent | None:
        """Return what the one who is asked says at present."""
        return self.said[self.position]

    @property
    def own_fault(self) -> str:
        """Return why that does not hold: `undecided`, or as ``standing`` has it; empty where it does."""
        own = self.own
        return "undecided" if own is None else standing(self.policies, self.flow, own, self.now_ms)

    def answering(self, limits: Disclosure | None) -> Voices:
        """Return what all say, had the one who is asked said yes up to some limits; None: nothing."""
        said = self.said
        said[self.position] = None if limits is None else self.yes(limits)
        return said

    def yes(self, limits: Disclosure = TOP) -> Consent:
        """Return the consent of somebody who agrees up to some limits."""
        return agreeing(self.policies, self.flow.id, limits)

    def told(self, voices: Voices) -> list[ToldProperty]:
        """Return what would become of each property of each sensor that the flow reads."""
        decided = [(device, self._decide(device, self.flow.id, voices)) for device in self.read]
        return [
            ToldProperty(device, name, decision, outcome(self.policies, self.flow, name, decision, device.zone))
            for device, decision in decided
            for name in measured(self.policies, self.flow.id, device.profile)
        ]

    def points(self, voices: Voices) -> tuple[Disclosure, ...]:
        """Return the same as points of the lattice, of which two answers that come to the same have the same."""
        return tuple(each.found.disclosure for each in self.told(voices))

    def exposures(self, voices: Voices) -> list[Exposure]:
        """Return how far all that would leave of it, by all flows together, tells on it."""
        policies = self.policies
        leaving: list[Leaving] = []
        for flow in filter(policies.rests_on_consent, policies.flows.values()):
            said = voices if flow.id == self.flow.id else self.book.resolve(self.subject, flow)
            for device in self.devices:
                names = measured(policies, flow.id, device.profile)
                leaving += permitted(policies, flow.id, self._decide(device, flow.id, said), device.zone, names)
        return exposures(leaving)

    def _decide(self, device: Device, flow: str, voices: Voices) -> Decision:
        return decide_device(self.policies, flow, voices, device.zone, device.profile, self.now_ms, device.owner)
