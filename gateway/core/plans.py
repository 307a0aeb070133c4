"""What may become of each device's readings, compiled: topic → plan → slot → targets.

Policies, consents and the registry are compiled into these plans when any of them changes, so that the hot path is one
dictionary look-up and no decision is taken twice. A plan belongs to one device; a slot to one of its observed properties; a
target to one flow that the property may feed. What must not leave is compiled too, as reasons to be counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from consent.core.consents.book import Book
from consent.core.decide import Owner, decide
from consent.core.disclosure import Disclosure, meet
from consent.core.outcome import WINDOW_MS_BY_LABEL, Outcome, outcome
from consent.core.periods import Publish
from consent.core.policies.policy import Flow, PolicySet
from consent.core.policies.quantity import Mechanism
from gateway.core.ingest.counters import CounterRule, Register
from gateway.core.ingest.mac0 import Mac0Key
from gateway.core.ingest.memory import Admissions, DeviceMemory
from gateway.core.ingest.remembered import RememberedTimes
from gateway.core.ingest.rules import AdmissionRules
from gateway.core.model import Decoder, Reading, Reject
from gateway.core.windows.cells import CellShape
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import Target, Terms, new_record_target, new_target, share_permissions
from gateway.core.windows.windows import Windows

Place = tuple[str, str]
"""(topic or topic filter, id behind a hub or the empty text)"""


@dataclass(frozen=True, slots=True)
class Device:
    """A row of the registry.

    Attributes:
        id: 16 random bytes; the device's own name appears only in its topic.
        topic: The topic that it publishes on, or a topic filter where its profile reads several topics or it stands behind a hub.
            Personal data: never logged, never forwarded.
        subject: The subject that its readings are about, or None where they are about nobody.
        generation: Of its key: it names the root key from which that is made (``gateway.edge.keys``).
        added_ms: When it was registered; it contributes to no window that began earlier.
        owner: Whose it is, by the operator's word; a resident's has a subject.
        owner_assumed: Nobody has stated the owner: a version that did not ask registered it.
        hub_id: By which messages name it where it stands behind a hub, else empty. Personal data, as the topic is.
    """

    id: bytes
    topic: str
    profile: str
    zone: str
    subject: bytes | None
    generation: int
    added_ms: int
    owner: Owner
    owner_assumed: bool = False
    hub_id: str = ""

    @property
    def place(self) -> Place:
        """The topic and the id behind a hub by which it is known: no two devices have the same."""
        return self.topic, self.hub_id

    @property
    def has_topic(self) -> bool:
        """Whether it has a topic to itself, by which its plan is found; others are found among the filters."""
        return not (self.hub_id or "+" in self.topic or "#" in self.topic)

    @property
    def contributor(self) -> bytes:
        """The contributor that its readings count for, once in a window: its subject, or the device itself where it has none."""
        return self.subject or self.id


class Slot(Struct, eq=False, gc=False):
    """One observed property of one device.

    What most slots have alike, they share, and a slot's own parts are few: each is a place in memory that a reading has to visit.

    Attributes:
        step: The property's first.
        seen: Phenomenon times of readings that were kept; None where the device numbers its messages.
        withheld: Why flows get nothing of it.
        flows: All that ask for it, whatever they get.
        preview: Where readings about a subject are held for the subject itself; see ``Series.place``.
        register: Judges the readings of a counter that feeds a `delta` flow.
        ref: Its number in the journal, as ``Journal.define`` gave it; -1 before the first use.
    """

    device: Device
    observed_property: str
    step: float
    seen: RememberedTimes | None
    targets: tuple[Target, ...] = ()
    withheld: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    preview: int | None = None
    register: Register | None = None
    ref: int = -1

    @property
    def keep_ms(self) -> int:
        """Return how long a phenomenon time must be remembered."""
        return max([target.keep_ms for target in self.targets], default=0)


class DevicePlan:
    """Everything that the hot path needs to know about a device."""

    __slots__ = (
        "asks_rules",
        "decode",
        "device",
        "device_id",
        "first_slot",
        "key",
        "memory",
        "most_ahead_ms",
        "most_behind_ms",
        "needs_sequence",
        "rules",
        "slots",
    )

    def __init__(
        self,
        device: Device,
        memory: DeviceMemory,
        decode: Decoder,
        key: Mac0Key | None,
        rules: AdmissionRules,
        slots: dict[str, Slot],
    ) -> None:
        self.device = device
        self.device_id = device.id  # of each reading, which then has no use for the rest of its row
        self.memory = memory
        self.decode = decode
        self.key = key
        self.rules = rules
        self.needs_sequence = rules.is_numbered and rules.is_plain  # the hot path takes these by itself
        self.asks_rules = not rules.is_plain
        self.most_behind_ms = rules.most_behind_ms
        self.most_ahead_ms = rules.most_ahead_ms
        self.slots = slots
        self.first_slot = next(iter(slots.values()), None)  # of most devices the only one

    def admit(
        self,
        reading: Reading,
        sequence: int | None,
        payload: bytes,
        now_ms: int,
        admissions: Admissions,
        *,
        may_have_waited: bool,
    ) -> Reject | None:
        """Admit a reading once, or return why it is refused; see ``DeviceMemory.admit``."""
        return self.memory.admit(
            self.device.id, self.rules, reading, sequence, payload, now_ms, admissions, may_have_waited=may_have_waited
        )

    def retire(self) -> None:
        """Drop what refers back to the plan's parts, so that they are freed with the last reference to it."""
        for slot in self.slots.values():
            if slot.register is not None:
                slot.register.targets.clear()

    def targets(self) -> list[Target]:
        """Return every target of every slot."""
        return [target for slot in self.slots.values() for target in slot.targets]


@dataclass(frozen=True, slots=True)
class InForce:
    """The policies in force.

    Attributes:
        entry: Index of the policy's log entry.
        flow_since_ms: The time since when each flow has had its present terms.
    """

    policies: PolicySet
    entry: int
    flow_since_ms: dict[str, int]


def compile_slots(
    device: Device, memory: DeviceMemory, force: InForce, book: Book, windows: Windows, now_ms: int
) -> dict[str, Slot]:
    """Decide every flow for every property that a device reports.

    Returns: Slots by observed property; a property that no flow mentions has none (it counts as unasked).
    """
    policies = force.policies
    profile = policies.profiles[device.profile]
    tells_by_number = AdmissionRules.of(profile).tells_repeats_by_number
    slots: dict[str, Slot] = {}
    for name in profile.fields:
        flows = [flow for flow in policies.flows.values() if name in flow.properties]
        if not flows:
            continue
        first_step = policies.properties[name].ladder[0]
        seen = None if tells_by_number else memory.times(name)
        slot = slots[name] = Slot(device, name, _shared_step(first_step), seen)
        slot.flows = _shared_names(tuple(flow.id for flow in flows))
        if device.subject is not None:
            is_counter = any(flow.statistic_of(name) == "delta" for flow in flows)
            slot.preview = memory.preview(name, is_counter=is_counter).place
        for flow in flows:
            _decide_flow(slot, flow, force, book, windows, now_ms)
    share_permissions(target for slot in slots.values() for target in slot.targets)
    return slots


def _decide_flow(slot: Slot, flow: Flow, force: InForce, book: Book, windows: Windows, now_ms: int) -> None:
    device, policies = slot.device, force.policies
    consents = None if device.subject is None else book.resolve(device.subject, flow)
    cap = policies.profiles[device.profile].cap
    decision = decide(policies, flow.id, consents, device.zone, cap, now_ms, device.owner)
    found = outcome(policies, flow, slot.observed_property, decision, device.zone)
    if found.reason:
        slot.withheld = _shared_names((*slot.withheld, found.reason))
        return
    entries = () if consents is None else _shared_entries(tuple(sorted(book.entry_of(c) for c in consents if c is not None)))
    residents_since_ms = 0 if device.subject is None else book.residents_since_ms(device.subject)
    since_ms = found.since_ms(force.flow_since_ms[flow.id], residents_since_ms, device.added_ms)
    terms = _terms(found, since_ms, device, force.entry, entries)
    cohort = shared_cohort(Cohort(flow.id, slot.observed_property, found.statistic, *found.level, public=device.subject is None))
    if found.is_single:
        slot.targets += (new_record_target(windows, cohort, device.contributor, terms),)
        return
    mechanism = policies.mechanisms.get((flow.id, slot.observed_property))
    shape = None if mechanism is None or device.subject is None else shape_of(mechanism, cohort)
    register = _register(slot, windows, policies, cohort)
    slot.targets += (new_target(windows, cohort, (device.contributor, device.id), terms, shape, register),)


def shape_of(mechanism: Mechanism, cohort: Cohort) -> CellShape:
    """Return how a cohort of subjects' readings lie in cells."""
    whole = mechanism.publish is Publish.DAY
    window_ms = mechanism.period.length_ms if whole else WINDOW_MS_BY_LABEL[cohort.time]
    return _shared_shape(CellShape(mechanism.quantity.cell_ms, mechanism.period, window_ms))


def _register(slot: Slot, windows: Windows, policies: PolicySet, cohort: Cohort) -> Register | None:
    """Return what judges the readings of a slot, for a flow that takes differences of them."""
    device, name = slot.device, slot.observed_property
    rule = CounterRule.of(policies.profiles[device.profile].fields[name], policies.properties[name].ladder[0])
    if rule is None or cohort.statistic != "delta":
        return None
    if slot.register is None:
        slot.register = Register(windows.counters, (device.contributor, device.id, name), rule)
    return slot.register


def least_terms(held: list[Terms]) -> Terms | None:
    """Return a contributor's terms over all of its devices that feed a cohort: the least on every axis, since the earliest."""
    if len(held) < 2:  # nearly always, and asked of thousands at once
        return held[0] if held else None
    first = min(held, key=lambda terms: terms.since_ms)
    others = {(terms.profile, terms.zone): terms for terms in reversed([first, *held])}
    if len(others) == 1:
        return first
    return replace(
        first,
        disclosure=_shared_disclosure(meet(*(terms.disclosure for terms in held))),
        expires_ms=min(terms.expires_ms for terms in held),
        several=tuple(others.values()),
    )


def _terms(found: Outcome, since_ms: int, device: Device, policy_entry: int, consent_entries: tuple[int, ...]) -> Terms:
    return Terms(
        disclosure=_shared_disclosure(found.disclosure),
        since_ms=since_ms,
        expires_ms=found.expires_ms,
        policy_entry=policy_entry,
        consent_entries=consent_entries,
        profile=device.profile,
        zone=device.zone,
    )


@lru_cache(maxsize=8192)
def shared_cohort(cohort: Cohort) -> Cohort:
    """Return one shared object for all equal cohorts: thousands of devices share a few."""
    return cohort


@lru_cache(maxsize=1024)
def _shared_shape(shape: CellShape) -> CellShape:
    """Return one shared object for all equal shapes."""
    return shape


@lru_cache(maxsize=8192)
def _shared_step(step: Decimal) -> float:
    """Return one shared number for all equal ones."""
    return float(step)


@lru_cache(maxsize=64)
def _shared_entries(entries: tuple[int, ...]) -> tuple[int, ...]:
    """Return one shared tuple for the flows of a device, which are compiled one after another."""
    return entries


@lru_cache(maxsize=8192)
def _shared_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one shared tuple for all equal ones: thousands of slots share a few."""
    return names


@lru_cache(maxsize=8192)
def _shared_disclosure(disclosure: Disclosure) -> Disclosure:
    """Return one shared object for all equal disclosures."""
    return disclosure
