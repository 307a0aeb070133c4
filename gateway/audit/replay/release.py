"""One release checked against what was in force: every record, and every subject's part in it, is decided again.

A subject's part begins with the record, the device profile and the zone; many parts share these bytes, which are decoded once. It
ends with the consents and the disclosure; these bytes are not decoded but computed again and compared. Only where they differ is
the part decoded, to find what is wrong. In this way a hundred thousand releases take seconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from consent.core.canonical import disclosure_map
from consent.core.decide import Owner, decide
from consent.core.disclosure import Identity
from consent.core.outcome import UNSUPPORTED, WINDOW_MS_BY_LABEL, Level, Outcome, outcome, withheld
from consent.core.policies.policy import Flow, PolicySet
from gateway.audit.log import canonical
from gateway.audit.log.earlier_payloads import AnyReleasePayload, decode_release
from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import (
    CITY_OWNED,
    Contribution,
    ReleasedDraw,
    ReleaseRecord,
    contribution_beginning,
    contribution_end,
    cut_contribution,
)
from gateway.audit.replay.in_force import InForceAt

PlanKey = tuple[str, str, str, str, tuple[int, ...]]
"""(flow, observed property, device profile, zone, indices of what the residents say)"""

UNSTATED: Final = "unstated"
_MOST_BEGINNINGS: Final = 10_000


class ReleasedFigure(NamedTuple):
    """What a record is about; two records with the same are versions of one."""

    flow: str
    property: str
    identity: str
    level: tuple[str, str, str]
    cell: str
    window: tuple[int, int]

    @classmethod
    def of(cls, record: ReleaseRecord | ReleasedDraw) -> ReleasedFigure:
        """Return what a record, or a draw, is about."""
        if isinstance(record, ReleasedDraw):
            return cls(record.flow, record.property, Identity.AGGREGATE.label, record.level, record.cell, record.span)
        return cls(record.flow, record.property, record.identity, record.level, record.cell, record.window)


class ReleasedPart(NamedTuple):
    """A subject's part in a record, cut into the pieces that are compared."""

    subject: bytes
    share: Contribution
    end: bytes
    data: bytes


class Shortfall(NamedTuple):
    """A record for which too few subjects are left, unless enough others were erased."""

    record: int
    subjects: int
    group: int

    def problem(self, erased: int) -> str:
        """Return what is wrong where so many subjects at most were erased."""
        if not self.subjects and not erased:
            return f"record {self.record}: it rests on no consent and is not public"
        return (
            f"record {self.record}: `{self.subjects}` subjects, and `{erased}` that were erased, "
            f"where at least `{self.group}` have to stand together"
        )


class _Release(NamedTuple):
    """The release that is being checked: what was in force, when it was made, what it says, and how many parts it has lost."""

    policies: PolicySet
    now_ms: int
    payload: AnyReleasePayload
    erased: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome for a device's readings of one property in one flow, and the bytes with which such a part ends.

    Attributes:
        unsupported: Whether policies may no longer ask for it, so that only an earlier version released it.
    """

    outcome: Outcome
    end: bytes
    unsupported: bool = False


class ReleaseAudit:
    """Checks releases against what is in force.

    Attributes:
        unknown: Whether the last problem may be due to a consent whose opening is missing.
        shortfalls: The records of the last release that are in order only if subjects were erased from them.
        unsupported: Whether the release checked last holds what policies may no longer ask: an earlier version released it.
        public: Records of no subject by the owner that they state, `UNSTATED` in releases of versions that knew none.
    """

    def __init__(self, fold: InForceAt) -> None:
        self.unknown = False
        self.shortfalls: list[Shortfall] = []
        self.unsupported = False
        self.public: Counter[str] = Counter()
        self._fold = fold
        self._plans: dict[PlanKey, Plan] = {}
        self._plans_of = -1
        self._drawn: dict[object, tuple[int, int]] = {}  # what was released -> index of the entry, number of the record
        self._keys: dict[int, list[object]] = {}
        self._shares: dict[bytes, Contribution] = {}

    def check(self, entry: Entry, opening: Opening) -> list[str]:
        """Return what is wrong with a release; empty where every part follows from what was in force."""
        self.unknown, self.unsupported, self.shortfalls = False, False, []
        policies = self._fold.policies
        if policies is None:
            return ["no policies are in force that could permit it"]
        if self._plans_of != self._fold.policy_entry:
            self._plans, self._plans_of = {}, self._fold.policy_entry
        if opening.first is None:
            return ["the part of the bundle is erased"]
        payload = decode_release(opening.first)
        members: defaultdict[int, list[ReleasedPart]] = defaultdict(list)
        for part in opening.parts[1:]:
            if isinstance(part, Part):
                one = self._cut(part.data)
                members[one.share.record].append(one)
        release = _Release(policies, entry.time_ms, payload, opening.erased_count)
        found = ["a part is of no record in it"] if members and max(members) >= len(payload.records) else []
        for number, record in enumerate(payload.records):
            stood = members[number]
            problems = self._record(release, record) + self._members(release, number, record, stood)
            problems += self._twice((entry.sequence, number), record, stood)
            found += [f"record {number}: {problem}" for problem in problems]
        if self.unsupported and payload.states_owners:  # formed by a version that withholds it
            found.append("it holds what policies may no longer ask")
        return found + self._short(release.erased)

    def _short(self, erased: int) -> list[str]:
        """Return the records that erasure cannot explain: each erased part stood in one record, and was of one subject."""
        found = [each.problem(erased) for each in self.shortfalls if each.subjects + erased < each.group]
        lacking = sum(each.group - each.subjects for each in self.shortfalls)
        if not found and lacking > erased:
            found.append(f"its records lack `{lacking}` subjects, and `{erased}` parts are erased")
        return found

    def still_permits(self, entry: Entry) -> Callable[[ReleaseRecord | ReleasedDraw, Contribution], bool]:
        """Return a function that tells whether a subject's share in a record would be permitted as of an entry."""

        def permits(record: ReleaseRecord | ReleasedDraw, one: Contribution) -> bool:
            policies = self._fold.policies
            flow = None if policies is None else policies.flows.get(record.flow)
            if policies is None or flow is None or self._fold.is_gone(one.subject):
                return False
            standing = self._fold.standing(one.subject, flow)
            part = ReleasedPart(one.subject, one, b"", b"")
            return not self._plan(policies, entry.time_ms, flow, record.property, part, standing).outcome.reason

        return permits

    def void(self, index: int) -> None:
        """Void a release, so that its content may be released again."""
        for key in self._keys.pop(index, ()):
            self._drawn.pop(key, None)

    def _cut(self, data: bytes) -> ReleasedPart:
        """Return the pieces of a part; its beginning is decoded only when first seen."""
        beginning, subject, end = cut_contribution(data)
        share = self._shares.get(beginning)
        if share is None:
            if len(self._shares) >= _MOST_BEGINNINGS:
                self._shares.clear()
            share = self._shares[beginning] = contribution_beginning(beginning)
        return ReleasedPart(subject, share, end, data)

    def _record(self, release: _Release, record: ReleaseRecord) -> list[str]:
        """Return what is wrong with a record by itself."""
        flow, recipient = release.policies.flows.get(record.flow), release.payload.recipient
        if flow is None or record.property not in flow.properties:
            return [f"no flow `{record.flow}` of `{record.property}` is in force"]
        found = []
        if flow.recipient != recipient:
            found.append(f"flow `{flow.id}` is not for `{recipient}`")
        if record.statistic != flow.statistic_of(record.property):
            found.append(f"`{record.statistic}` is not the statistic of flow `{flow.id}`")
        if not _is_of_its_level(record):
            found.append(f"its window is none of level `{record.level[0]}`")
        return found

    def _members(self, release: _Release, number: int, record: ReleaseRecord, stood: list[ReleasedPart]) -> list[str]:
        """Return what is wrong with the parts of a record's subjects, and note where some must have been erased."""
        flow = release.policies.flows.get(record.flow)
        if flow is None or record.property not in flow.properties:
            return []
        if not stood:
            return self._without_members(release, flow, number, record)
        if record.owner == CITY_OWNED:
            return ["it states that it is of no subject, and has a part about one"]
        aggregate = record.identity == Identity.AGGREGATE.label
        found, group = [], 0
        for one in stood:
            problem, plan = self._member(release, flow, record, one)
            found += [problem] if problem else []
            group = max(group, plan.outcome.group if plan and not plan.outcome.reason else 0)
        subjects = len({one.subject for one in stood})
        if aggregate and subjects < group:
            self.shortfalls.append(Shortfall(number, subjects, group))
        return found

    def _without_members(self, release: _Release, flow: Flow, number: int, record: ReleaseRecord) -> list[str]:
        """Return what is wrong with a record without subjects, and note where some must have been erased."""
        public, states_owners = self._public(release, flow, record), release.payload.states_owners
        if record.owner == CITY_OWNED or (public and not states_owners and not release.erased):
            self.public[CITY_OWNED if record.owner == CITY_OWNED else UNSTATED] += 1
            return [] if public else ["it rests on no consent and is not public"]
        if states_owners and not release.erased:
            return ["it rests on no consent, and does not state whose devices have told it"]
        if states_owners:  # about subjects, of whom no part is left
            unsupported = (record.flow, record.property) in release.policies.withheld_of_subjects
            self.unsupported = self.unsupported or unsupported
        if states_owners or not public:  # before records stated their owner, a public one may as well be of no subject
            least = flow.ask.group if record.identity == Identity.AGGREGATE.label else 1
            self.shortfalls.append(Shortfall(number, 0, max(1, least)))
        return []

    def _member(self, release: _Release, flow: Flow, record: ReleaseRecord, one: ReleasedPart) -> tuple[str, Plan | None]:
        """Return what is wrong with one subject's part, or nothing, and the plan that it should follow."""
        fold = self._fold
        if fold.is_gone(one.subject):
            return "it holds a subject that was erased before", None
        if one.share.policy != fold.policy_entry:
            return f"it rests on policies `{one.share.policy}`, in force are `{fold.policy_entry}`", None
        standing = fold.standing(one.subject, flow)
        plan = self._plan(release.policies, release.now_ms, flow, record.property, one, standing)
        self.unsupported = self.unsupported or plan.unsupported
        if one.end != plan.end:
            return self._misled(one, standing, plan), plan
        if _level_of(record) != plan.outcome.level:
            return "it is told at another level than a subject permits", plan
        since_ms = plan.outcome.since_ms(fold.flow_since_ms.get(flow.id, 0), fold.residents_since_ms(one.subject))
        begins_ms, first_ms = record.window[0], max(_length_ms(record), 1)
        if since_ms > begins_ms and (record.statistic or since_ms >= begins_ms + first_ms):
            return "it reaches back to before a subject permitted it", plan
        return "", plan

    def _misled(self, one: ReleasedPart, standing: tuple[int, ...], plan: Plan) -> str:
        """Return why a part does not end with the bytes that its device's plan gives."""
        part = Contribution.decode(one.data)
        entries = tuple([index for index in standing if index >= 0])
        if part.consents != entries:
            self.unknown = self.unknown or bool(self._fold.unopened)
            return f"it rests on consents {_listed(part.consents)}, what counts is {_listed(entries)}"
        if plan.outcome.reason:
            return f"a subject's data was withheld from it: {plan.outcome.reason}"
        return "a subject's disclosure is not what policies and consents give"

    def _plan(
        self, policies: PolicySet, now_ms: int, flow: Flow, name: str, one: ReleasedPart, standing: tuple[int, ...]
    ) -> Plan:
        """Return the plan of a part's device; one that permits is cached until one of its consents expires."""
        key = (flow.id, name, one.share.profile, one.share.zone, standing)
        plan = self._plans.get(key)
        if plan is None or now_ms >= plan.outcome.expires_ms:
            plan = self._decide(policies, now_ms, flow, name, one, standing)
            if not plan.outcome.reason:
                self._plans[key] = plan
        return plan

    def _decide(
        self, policies: PolicySet, now_ms: int, flow: Flow, name: str, one: ReleasedPart, standing: tuple[int, ...]
    ) -> Plan:
        share = one.share
        profile = policies.profiles.get(share.profile)
        if profile is None or name not in profile.fields:
            return Plan(withheld(f"no class `{share.profile}` reports `{name}`"), b"")
        consents = self._fold.consents(one.subject, flow)
        # no part states an owner: what is about a subject is read by consent, whoever owns the device
        decision = decide(policies, flow.id, consents, share.zone, profile.cap, now_ms, Owner.CITY)
        found = outcome(policies, flow, name, decision, share.zone)
        unsupported = found.reason == UNSUPPORTED
        if unsupported:
            found = outcome(policies, flow, name, decision, share.zone, as_meant=True)
        if found.reason:
            return Plan(found, b"")
        return Plan(found, contribution_end(standing, canonical.encode(disclosure_map(found.disclosure))), unsupported)

    def _public(self, release: _Release, flow: Flow, record: ReleaseRecord) -> bool:
        """Return whether a record may come from one of the city's own devices."""
        policies, told = release.policies, _level_of(record)
        for profile in policies.profiles.values():
            if record.property not in profile.fields:
                continue
            for zone in policies.zones:
                decision = decide(policies, flow.id, None, zone, profile.cap, release.now_ms, Owner.CITY)
                found = outcome(policies, flow, record.property, decision, zone)
                if not found.reason and found.level == told:
                    return True
        return False

    def _twice(self, place: tuple[int, int], record: ReleaseRecord, stood: list[ReleasedPart]) -> list[str]:
        """Return what was already released before; single readings cannot be told apart and are not checked."""
        if not record.statistic:
            return []
        figure, public = ReleasedFigure.of(record), not stood
        whose = [None] if record.identity == Identity.AGGREGATE.label else [one.subject for one in stood]
        found = []
        for key in [(figure, subject, public) for subject in whose]:
            before = self._drawn.setdefault(key, place)
            if before != place:
                found.append(f"what is in it was released before, by entry `{before[0]}`")
            else:
                self._keys.setdefault(place[0], []).append(key)
        return found


def _length_ms(record: ReleaseRecord) -> int:
    """Return how long a step of a record's time level is; an instant has no length."""
    return WINDOW_MS_BY_LABEL.get(record.level[0], 0)


def _is_of_its_level(record: ReleaseRecord) -> bool:
    """Return whether a record's time is one step of its level; or, for a reading of which only a span is known, several."""
    begins_ms, ends_ms = record.window
    length_ms, spans_ms = _length_ms(record), ends_ms - begins_ms
    if record.statistic:
        return spans_ms == length_ms and (not length_ms or begins_ms % length_ms == 0)
    return spans_ms >= length_ms and (not length_ms or begins_ms % length_ms == spans_ms % length_ms == 0)


def _level_of(record: ReleaseRecord) -> Level:
    return Level(record.identity, *record.level, record.cell)


def _listed(indices: tuple[int, ...]) -> str:
    return "`" + ", ".join(map(str, indices)) + "`" if indices else "none"
