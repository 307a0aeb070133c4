"""What may become of each device's readings, compiled: topic → plan → slot → targets.

Policies, consents and the registry are compiled into these plans when any of them changes, so that the hot path is one
dictionary look-up and no decision is taken twice. A plan belongs to one device; a slot to one of its observed properties; a
target to one flow that the property may feed. What must not leave is compiled too, as reasons to be counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from consent.core.consents.book import Book
from consent.core.decide import Owner, decide
from consent.core.disclosure import DAY_MS, Disclosure, meet
from consent.core.outcome import WINDOW_MS_BY_LABEL, Outcome, outcome
from consent.core.policies.policy import Flow, PolicySet
from gateway.core.ingest.mac0 import Mac0Key
from gateway.core.ingest.memory import Admissions, DeviceMemory
from gateway.core.ingest.minimise import floor_time_ms
from gateway.core.ingest.remembered import RememberedTimes
from gateway.core.ingest.rules import AdmissionRules
from gateway.core.model import Decoder, Reading, Reject
from gateway.core.windows.accumulators import BASELINE, EXPIRED, LATE, PARTIAL, RECORDED, UNDATED, Accumulator
from gateway.core.windows.windows import Cohort, Windows

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
        generation: Counts the device's keys; a new one revokes the old.
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
    def contributor(self) -> bytes:
        """The contributor that its readings count for, once in a window: its subject, or the device itself where it has none."""
        return self.subject or self.id


@dataclass(frozen=True, slots=True)
class Terms:
    """What a contribution or record rests on: the decision, the log entries behind it, and the device that it was made for.

    Attributes:
        several: Where a subject's devices of several profiles or blocks contribute to one figure, the terms of each; these terms
            are their meet.
    """

    disclosure: Disclosure
    since_ms: int
    expires_ms: int
    policy_entry: int
    consent_entries: tuple[int, ...]
    profile: str = ""
    zone: str = ""
    several: tuple[Terms, ...] = ()

    def same_between(self, earliest_ms: int, latest_ms: int) -> bool:
        """Return whether they neither begin nor end to hold between two times."""
        return not (earliest_ms < self.since_ms <= latest_ms or earliest_ms < self.expires_ms <= latest_ms)


class WindowTarget:
    """A flow that takes a slot's readings into tumbling windows."""

    __slots__ = (
        "_add",
        "_from_ms",
        "_offset_ms",
        "_until_ms",
        "_windows",
        "cohort",
        "contributor",
        "meter",
        "terms",
        "window_ms",
    )

    def __init__(self, windows: Windows, cohort: Cohort, contributor: bytes, meter: bytes, terms: Terms) -> None:
        """Feed ``windows``; the length of each is that of the cohort's time level."""
        self._windows = windows
        self.cohort = cohort
        self.contributor = contributor
        self.meter = meter
        self.terms = terms
        self.window_ms = WINDOW_MS_BY_LABEL[cohort.time]
        self._offset_ms = 1 if cohort.statistic == "delta" else 0  # a counter's window is (start, end], any other [start, end)
        self.forget()

    def forget(self) -> None:
        """Drop the cached window; it is looked up again at the next reading."""
        self._from_ms = self._until_ms = 0

    def take(self, t_ms: int, n: int) -> int:
        """Add a reading of ``n`` first steps to its window; return what became of the pair."""
        if self._from_ms <= t_ms < self._until_ms:
            return self._add(self.meter, t_ms, n)
        return self._seek(t_ms, n)

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Add a reading that came between two times, if both lie in one window and under the same terms."""
        offset_ms, window_ms = self._offset_ms, self.window_ms
        one_window = floor_time_ms(earliest_ms - offset_ms, window_ms) == floor_time_ms(latest_ms - offset_ms, window_ms)
        return self.take(latest_ms, n) if one_window and self.terms.same_between(earliest_ms, latest_ms) else UNDATED

    def _seek(self, t_ms: int, n: int) -> int:
        start_ms = floor_time_ms(t_ms - self._offset_ms, self.window_ms)
        end_ms = start_ms + self.window_ms
        if end_ms <= self._windows.watermark_ms:
            return LATE
        if t_ms >= self.terms.expires_ms:
            return EXPIRED
        if start_ms < self.terms.since_ms:
            if self._offset_ms and t_ms >= self.terms.since_ms:
                self._windows.baseline(self.cohort, self.contributor, self.meter, t_ms, n)
                return BASELINE
            return PARTIAL
        contribution: Accumulator = self._windows.contribution(self.cohort, start_ms, end_ms, self.contributor, self)
        self._add = contribution.add
        self._from_ms = start_ms + self._offset_ms
        self._until_ms = min(end_ms + self._offset_ms, self.terms.expires_ms)
        return self._add(self.meter, t_ms, n)


class RecordTarget:
    """A flow that takes a slot's readings one by one, as records."""

    __slots__ = ("_windows", "cohort", "contributor", "span_ms", "terms")

    def __init__(self, windows: Windows, cohort: Cohort, contributor: bytes, terms: Terms) -> None:
        """Make records whose times are coarsened to the cohort's time level."""
        self._windows = windows
        self.cohort = cohort
        self.contributor = contributor
        self.terms = terms
        self.span_ms = WINDOW_MS_BY_LABEL.get(cohort.time, 1)

    def take(self, t_ms: int, n: int) -> int:
        """Return what becomes of a reading; the caller makes the record."""
        if t_ms < floor_time_ms(self._windows.watermark_ms, DAY_MS) - DAY_MS:
            return LATE
        if t_ms < self.terms.since_ms:
            return PARTIAL
        return EXPIRED if t_ms >= self.terms.expires_ms else RECORDED

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Return what becomes of a reading that came between two times; its record states both."""
        return self.take(earliest_ms, n) if self.terms.same_between(earliest_ms, latest_ms) else UNDATED


Target = WindowTarget | RecordTarget


class Slot:
    """One observed property of one device."""

    __slots__ = ("considered", "device", "keep_ms", "observed_property", "ref", "seen", "step", "targets", "withheld")

    def __init__(self, device: Device, observed_property: str, step: float, seen: RememberedTimes | None) -> None:
        self.device = device
        self.observed_property = observed_property
        self.step = step
        self.seen = seen  # phenomenon times of readings that were kept; None where the device numbers its messages
        self.targets: list[Target] = []
        self.withheld: list[str] = []
        self.considered = 0
        self.keep_ms = 0  # how long a phenomenon time must be remembered
        self.ref = -1  # this slot's number in the open journal segment; -1 until it is first used there


class DevicePlan:
    """Everything that the hot path needs to know about a device."""

    __slots__ = (
        "asks_rules",
        "decode",
        "device",
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
        self.memory = memory
        self.decode = decode
        self.key = key
        self.rules = rules
        self.needs_sequence = rules.is_numbered and rules.is_plain  # the hot path takes these by itself
        self.asks_rules = not rules.is_plain
        self.most_behind_ms = rules.most_behind_ms
        self.most_ahead_ms = rules.most_ahead_ms
        self.slots = slots

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
        slot = slots[name] = Slot(device, name, float(first_step), seen)
        slot.considered = len(flows)
        for flow in flows:
            _decide_flow(slot, flow, force, book, windows, now_ms)
    return slots


def _decide_flow(slot: Slot, flow: Flow, force: InForce, book: Book, windows: Windows, now_ms: int) -> None:
    device, policies = slot.device, force.policies
    consents = None if device.subject is None else book.resolve(device.subject, flow)
    cap = policies.profiles[device.profile].cap
    decision = decide(policies, flow.id, consents, device.zone, cap, now_ms, device.owner)
    found = outcome(policies, flow, slot.observed_property, decision, device.zone)
    if found.reason:
        slot.withheld.append(found.reason)
        return
    entries = () if consents is None else tuple(sorted(book.entry_of(c) for c in consents if c is not None))
    residents_since_ms = 0 if device.subject is None else book.residents_since_ms(device.subject)
    since_ms = found.since_ms(force.flow_since_ms[flow.id], residents_since_ms, device.added_ms)
    terms = _terms(found, since_ms, device, force.entry, entries)
    cohort = shared_cohort(Cohort(flow.id, slot.observed_property, found.statistic, *found.level, public=device.subject is None))
    target: Target
    if found.is_single:
        target = RecordTarget(windows, cohort, device.contributor, terms)
        slot.keep_ms = max(slot.keep_ms, 2 * DAY_MS)  # of the current and the previous day
    else:
        target = WindowTarget(windows, cohort, device.contributor, device.id, terms)
        slot.keep_ms = max(slot.keep_ms, target.window_ms + 1)
    slot.targets.append(target)


def least_terms(held: list[Terms]) -> Terms | None:
    """Return a contributor's terms over all of its devices that feed a cohort: the least on every axis, since the earliest."""
    if not held:
        return None
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


@lru_cache(maxsize=8192)
def _shared_disclosure(disclosure: Disclosure) -> Disclosure:
    """Return one shared object for all equal disclosures."""
    return disclosure
