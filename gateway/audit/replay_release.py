"""One release held against what was in force: every record and every subject's part in it, decided again from the fold.

A part is not read but made again: from the fold, the plan of the device that it names, and the pairs that it counts. Only where
its bytes are others is it taken apart to say what is wrong, so that a hundred thousand releases take seconds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf

from consent.core.decide import decide
from consent.core.disclosure import Identity
from consent.core.encoding import disclosure_map
from consent.core.policy import Flow, PolicySet
from gateway.audit.entries import Entry
from gateway.audit.openings import Opening, Part
from gateway.audit.payloads import Contribution, ReleasePayload, ReleaseRecord
from gateway.audit.replay_fold import Fold

PlanKey = tuple[str, str, str, str, tuple[int, ...]]
"""(flow, observed property, device class, zone, indices of the consents)"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a device's readings of one property may become for one flow, or why nothing.

    Attributes:
        record: (identity, level of time, space and precision, cell) of the records that it allows.
        group: How many subjects have to stand in a figure.
        expires_ms: From when on it has to be decided anew.
    """

    reason: str
    disclosure: dict[str, object]
    record: tuple[str, tuple[str, str, str], str]
    group: int
    since_ms: int
    expires_ms: float


class ReleaseAudit:
    """Checks releases against a fold.

    Attributes:
        unknown: Whether what was found last may be due to a consent whose opening is not at hand.
    """

    def __init__(self, fold: Fold) -> None:
        self.unknown = False
        self._fold = fold
        self._plans: dict[PlanKey, Plan] = {}
        self._plans_of = -1
        self._drawn: dict[object, int] = {}
        self._keys: dict[int, list[object]] = {}

    def check(self, entry: Entry, opening: Opening) -> list[str]:
        """Return what is wrong with a release; nothing where every part follows from what was in force."""
        self.unknown = False
        policies = self._fold.policies
        if policies is None:
            return ["no policies are in force that could permit it"]
        if self._plans_of != self._fold.policy_entry:
            self._plans, self._plans_of = {}, self._fold.policy_entry
        first, *others = opening.parts
        if not isinstance(first, Part):
            return ["the part of the bundle is erased"]
        payload = ReleasePayload.decode(first.data)
        members: defaultdict[int, list[Contribution]] = defaultdict(list)
        for part in others:
            if isinstance(part, Part):
                one = Contribution.decode(part.data)
                members[one.record].append(one)
        found = []
        for number, record in enumerate(payload.records):
            stood = members[number]
            problems = self._record(policies, payload.recipient, record)
            problems += self._members(policies, entry, record, stood, opening.erased_count)
            problems += self._twice(entry.sequence, record, stood)
            found += [f"record {number}: {problem}" for problem in problems]
        return found

    def void(self, index: int) -> None:
        """Take back a release: what was in it may be released again."""
        for key in self._keys.pop(index, ()):
            self._drawn.pop(key, None)

    def _record(self, policies: PolicySet, recipient: str, record: ReleaseRecord) -> list[str]:
        """Return what is wrong with a record by itself."""
        flow = policies.flows.get(record.flow)
        if flow is None or record.property not in flow.properties:
            return [f"no flow `{record.flow}` of `{record.property}` is in force"]
        found = []
        if flow.recipient != recipient:
            found.append(f"flow `{flow.id}` is not for `{recipient}`")
        if record.statistic != str(flow.statistic.get(record.property, "")):
            found.append(f"`{record.statistic}` is not the statistic of flow `{flow.id}`")
        return found

    def _members(
        self, policies: PolicySet, entry: Entry, record: ReleaseRecord, stood: list[Contribution], erased: int
    ) -> list[str]:
        """Return what is wrong with a record's subjects, or with its having none."""
        flow = policies.flows.get(record.flow)
        if flow is None or record.property not in flow.properties:
            return []
        if not stood:
            return [] if erased or self._public(policies, entry, flow, record) else ["it rests on no consent and is not public"]
        found, group = [], 0
        for one in stood:
            problem, plan = self._member(policies, entry, flow, record, one)
            found += [f"{problem}"] if problem else []
            group = max(group, plan.group if plan else 0)
        if record.identity == Identity.AGGREGATE.label and not erased and len({one.subject for one in stood}) < group:
            found.append(f"`{len(stood)}` subjects where at least `{group}` have to stand together")
        return found

    def _member(
        self, policies: PolicySet, entry: Entry, flow: Flow, record: ReleaseRecord, one: Contribution
    ) -> tuple[str, Plan | None]:
        """Return what is wrong with one subject's part, and the plan that it should follow."""
        fold = self._fold
        if fold.is_gone(one.subject):
            return "it holds a subject that was erased before", None
        if one.policy != fold.policy_entry:
            return f"it rests on policies `{one.policy}`, in force are `{fold.policy_entry}`", None
        standing = fold.standing(one.subject, flow)
        if one.consents != standing:
            self.unknown = self.unknown or bool(fold.unopened)
            return f"it rests on consents {_listed(one.consents)}, what counts is {_listed(standing)}", None
        plan = self._plan(policies, entry, flow, record.property, one)
        if plan.reason:
            return f"a subject's data was withheld from it: {plan.reason}", plan
        if one.disclosure != plan.disclosure:
            return "a subject's disclosure is not what policies and consents give", plan
        if (record.identity, record.level, record.cell) != plan.record:
            return "it is told at another level than a subject permits", plan
        since_ms = max(plan.since_ms, fold.residents_since_ms(one.subject))
        begins_ms, ends_ms = record.window
        if since_ms > begins_ms and (record.statistic or since_ms >= max(ends_ms, begins_ms + 1)):
            return "it reaches back to before a subject permitted it", plan
        return "", plan

    def _plan(self, policies: PolicySet, entry: Entry, flow: Flow, name: str, one: Contribution) -> Plan:
        key = (flow.id, name, one.profile, one.zone, one.consents)
        plan = self._plans.get(key)
        if plan is None or entry.time_ms >= plan.expires_ms:
            plan = self._plans[key] = self._decide(policies, entry, flow, name, one)
        return plan

    def _decide(self, policies: PolicySet, entry: Entry, flow: Flow, name: str, one: Contribution) -> Plan:
        profile = policies.profiles.get(one.profile)
        if profile is None or name not in profile.fields:
            return _withheld(f"no class `{one.profile}` reports `{name}`")
        consents = self._fold.consents(one.subject, flow)
        decision = decide(policies, flow.id, consents, one.zone, profile.cap, entry.time_ms)
        if decision.reason:
            return _withheld(decision.reason)
        point = decision.disclosure
        if point.budget != inf:
            return _withheld("no-noise")
        step = dict(point.precision).get(name, policies.properties[name].ladder[0])
        level = (point.time.label, point.space.label, f"{step:f}")
        place = (point.identity.label, level, policies.cell(one.zone, point.space))
        expires_ms = inf if decision.expires_ms is None else decision.expires_ms
        return Plan("", disclosure_map(point), place, point.group, decision.since_ms, expires_ms)

    def _public(self, policies: PolicySet, entry: Entry, flow: Flow, record: ReleaseRecord) -> bool:
        """Say whether some device of the city's own may have told a record."""
        told = (record.identity, record.level, record.cell)
        for profile in policies.profiles.values():
            if record.property not in profile.fields:
                continue
            for zone in policies.zones:
                point = decide(policies, flow.id, None, zone, profile.cap, entry.time_ms).disclosure
                if point.is_bottom:
                    continue
                step = dict(point.precision).get(record.property, policies.properties[record.property].ladder[0])
                level = (point.time.label, point.space.label, f"{step:f}")
                if told == (point.identity.label, level, policies.cell(zone, point.space)):
                    return True
        return False

    def _twice(self, index: int, record: ReleaseRecord, stood: list[Contribution]) -> list[str]:
        """Return what was released before; single readings have nothing by which to tell."""
        if not record.statistic:
            return []
        what = (record.flow, record.property, record.identity, record.level, record.cell, record.window)
        public = not stood
        keys = [(*what, None)] if record.identity == Identity.AGGREGATE.label else [(*what, one.subject) for one in stood]
        found = []
        for key in () if public and record.identity != Identity.AGGREGATE.label else keys:
            former = self._drawn.setdefault((key, public), index)
            if former != index:
                found.append(f"what is in it was released before, by entry `{former}`")
            else:
                self._keys.setdefault(index, []).append((key, public))
        return found


def _withheld(reason: str) -> Plan:
    return Plan(reason, {}, ("", ("", "", ""), ""), 0, 0, inf)


def _listed(indices: tuple[int, ...]) -> str:
    return "`" + ", ".join(map(str, indices)) + "`" if indices else "none"
