"""One release checked against what was in force: every record and draw, and every subject's part in it, is decided again.

`entitlement` decides what parts rest on, `draws` checks a draw by itself, `standing`, `publications` and `quantity_days` hold the
draws of a log against each other. A release of a version before draws is checked by the rules of then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from consent.core.decide import Owner, decide
from consent.core.disclosure import DAY_MS, Identity
from consent.core.outcome import outcome
from consent.core.policies.policy import Flow
from consent.core.policies.quantity import Mechanism
from gateway.audit.log.earlier_payloads import PRESENT_FORM, decode_release
from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import CITY_OWNED, Contribution, PublicationPart, ReleasedDraw, ReleaseRecord
from gateway.audit.replay.draws import bounds, draw_problems, kind_of, least_group
from gateway.audit.replay.entitlement import CheckedRelease, Entitlement, ReleasedPart, length_ms, level_of
from gateway.audit.replay.in_force import InForceAt
from gateway.audit.replay.publications import PublicationOrder
from gateway.audit.replay.quantity_days import LateFinding, QuantityDays, ToldCohort
from gateway.audit.replay.standing import CohortStanding

UNSTATED: Final = "unstated"


class ReleasedFigure(NamedTuple):
    """What a record is about; two records with the same are versions of one."""

    flow: str
    property: str
    identity: str
    level: tuple[str, str, str]
    cell: str
    window: tuple[int, int]

    @classmethod
    def of(cls, told: ReleaseRecord | ReleasedDraw) -> ReleasedFigure:
        """Return what a record, or a draw, is about."""
        window = told.span if isinstance(told, ReleasedDraw) else told.window
        identity = Identity.AGGREGATE.label if isinstance(told, ReleasedDraw) else told.identity
        return cls(told.flow, told.property, identity, told.level, told.cell, window)


class Shortfall(NamedTuple):
    """A record or draw in which too few subjects are left, unless enough others were erased.

    Attributes:
        what: The record or draw, as problems name it.
        group: How many have to stand in it.
        told: The number that recipients were told, which is why; None where the group is that of a flow.
    """

    what: str
    subjects: int
    group: int
    told: int | None = None

    def problem(self, erased: int) -> str:
        """Return what is wrong where so many subjects at most were erased."""
        if self.told is not None:
            stood = f"`{self.subjects}` stand in it, and `{erased}` that were erased"
            return f"{self.what}: `{self.told}` subjects were told, and {stood}"
        if not self.subjects and not erased and not self.what.startswith("draw"):
            return f"{self.what}: it rests on no consent and is not public"
        return (
            f"{self.what}: `{self.subjects}` subjects, and `{erased}` that were erased, "
            f"where at least `{self.group}` have to stand together"
        )


class ReleaseAudit:
    """Checks releases against what is in force.

    Attributes:
        shortfalls: The records of the last release that are in order only if subjects were erased from them.
        unsupported: Whether the release checked last holds what policies may no longer ask: an earlier version released it.
        told_exactly: Whether the release checked last told of a quantity of which exact figures are told.
        public: Records of no subject by the owner that they state, `UNSTATED` in releases of versions that knew none.
    """

    def __init__(self, fold: InForceAt) -> None:
        self.shortfalls: list[Shortfall] = []
        self.unsupported = self.told_exactly = False
        self.public: Counter[str] = Counter()
        self._fold = fold
        self._entitlement = Entitlement(fold)
        self._drawn: dict[object, tuple[int, int]] = {}  # what was released -> index of the entry, number of the record
        self._keys: dict[int, list[object]] = {}
        self._standing = CohortStanding()
        self._publications = PublicationOrder()
        self._days = QuantityDays(fold.changed)
        self._exact: frozenset[str] = frozenset()  # the quantities of which policies in force have exact figures told

    @property
    def unknown(self) -> bool:
        """Whether the last problem may be due to a consent whose opening is missing."""
        return self._entitlement.unknown

    @property
    def several_places(self) -> int:
        """How often a subject stood in more than one cohort of a flow, property and period."""
        return self._standing.several_places

    def take_policies(self) -> None:
        """Take the policies that have just come into force."""
        policies = self._fold.policies
        self._publications.take_policies(policies)
        exact = [] if policies is None else [one.quantity.id for one in policies.mechanisms.values() if one.is_exact]
        self._exact = frozenset(exact)

    def pass_over(self) -> None:
        """Pass over a release whose opening is missing, or a restoration, behind which publications begin anew."""
        self._publications.pass_over()

    def settle(self, now_ms: int) -> Iterator[LateFinding]:
        """Yield what shows of earlier releases by an entry's time."""
        return self._days.settle(now_ms)

    def check(self, entry: Entry, opening: Opening) -> list[str]:
        """Return what is wrong with a release; empty where every part follows from what was in force."""
        self.unsupported, self.told_exactly, self.shortfalls = False, False, []
        self._entitlement.begin()
        policies = self._fold.policies
        if policies is None:
            return ["no policies are in force that could permit it"]
        if opening.first is None:
            return ["the part of the bundle is erased"]
        payload = decode_release(opening.first)
        members: defaultdict[int, list[ReleasedPart]] = defaultdict(list)
        for part in opening.parts[1:]:
            if isinstance(part, Part):
                one = self._entitlement.cut(part.data)
                members[one.share.record].append(one)
        as_meant = payload.form < PRESENT_FORM
        release = CheckedRelease(entry.sequence, policies, entry.time_ms, payload, opening.erased_count, as_meant)
        records = len(payload.records)
        found = ["a part is of no record in it"] if members and max(members) >= records + len(payload.draws) else []
        found += self._publication(release)
        for number, record in enumerate(payload.records):
            stood = members[number]
            problems = self._record(release, record) + self._members(release, number, record, stood)
            problems += self._twice((entry.sequence, number), record, stood)
            found += [f"record {number}: {problem}" for problem in problems]
        for number, draw in enumerate(payload.draws):
            found += [f"draw {number}: {problem}" for problem in self._draw(release, number, draw, members[records + number])]
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

        def permits(told: ReleaseRecord | ReleasedDraw, one: Contribution) -> bool:
            policies = self._fold.policies
            flow = None if policies is None else policies.flows.get(told.flow)
            if policies is None or flow is None or self._fold.is_gone(one.subject):
                return False
            standing = self._fold.standing(one.subject, flow)
            part = ReleasedPart(one.subject, one, b"", b"")
            plan = self._entitlement.plan(policies, entry.time_ms, flow, told.property, part, standing, as_meant=False)
            return not plan.outcome.reason

        return permits

    def void(self, index: int) -> None:
        """Void a release, so that its content may be released again."""
        for key in self._keys.pop(index, ()):
            self._drawn.pop(key, None)
        self._standing.void(index)
        self._publications.void(index)
        self._days.void(index)

    def _publication(self, release: CheckedRelease) -> list[str]:
        """Return what is wrong with a release as part of a publication, or as one of none."""
        payload, part = release.payload, release.payload.publication
        if part is None:
            return ["figures about subjects are in it, and it is part of no publication"] if payload.draws else []
        found = self._publications.take(release.entry, self._fold.policy_entry, payload.recipient, part)
        if payload.records:
            found.append("it is part of a publication, and holds records of other kinds")
        return found

    def _record(self, release: CheckedRelease, record: ReleaseRecord) -> list[str]:
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

    def _members(self, release: CheckedRelease, number: int, record: ReleaseRecord, stood: list[ReleasedPart]) -> list[str]:
        """Return what is wrong with the parts of a record's subjects, and note where some must have been erased."""
        flow = release.policies.flows.get(record.flow)
        if flow is None or record.property not in flow.properties:
            return []
        aggregate = record.identity == Identity.AGGREGATE.label
        if not release.as_meant and aggregate and record.owner != CITY_OWNED:
            return ["a figure about subjects leaves in a draw of a publication, and nowhere else"]
        if not stood:
            return self._without_members(release, flow, number, record)
        if record.owner == CITY_OWNED:
            return ["it states that it is of no subject, and has a part about one"]
        found = self._no_longer_asked(release, flow, record)
        group = 0
        for one in stood:
            problem, plan = self._entitlement.member(release, flow, record, one)
            if problem:
                found.append(problem)
            group = max(group, plan.outcome.group if plan and not plan.outcome.reason else 0)
        subjects = {one.subject for one in stood}
        if aggregate and len(subjects) < group:
            self.shortfalls.append(Shortfall(f"record {number}", len(subjects), group))
        if not release.as_meant and record.statistic:
            self._take_total(release, record, subjects)
        return found

    def _without_members(self, release: CheckedRelease, flow: Flow, number: int, record: ReleaseRecord) -> list[str]:
        """Return what is wrong with a record without subjects, and note where some must have been erased."""
        public, states_owners = self._public(release, flow, record), release.payload.states_owners
        if record.owner == CITY_OWNED or (public and not states_owners and not release.erased):
            self.public[CITY_OWNED if record.owner == CITY_OWNED else UNSTATED] += 1
            return [] if public else ["it rests on no consent and is not public"]
        if states_owners and not release.erased:
            return ["it rests on no consent, and does not state whose devices have told it"]
        # about subjects, of whom no part is left
        found = self._no_longer_asked(release, flow, record) if states_owners else []
        if states_owners or not public:  # before records stated their owner, a public one may as well be of no subject
            least = flow.ask.group if record.identity == Identity.AGGREGATE.label else 1
            self.shortfalls.append(Shortfall(f"record {number}", 0, max(1, least)))
        return found

    def _no_longer_asked(self, release: CheckedRelease, flow: Flow, told: ReleaseRecord | ReleasedDraw) -> list[str]:
        """Note that policies may no longer ask for what is told of subjects; return it as a problem where they might not then."""
        asked = [one for one in release.policies.unsupported if (one.flow, one.observed_property) == (flow.id, told.property)]
        self.unsupported = self.unsupported or bool(asked)
        wrong = any(one.since_form <= release.payload.form for one in asked)
        return ["it holds what policies may no longer ask"] if wrong else []

    def _draw(self, release: CheckedRelease, number: int, draw: ReleasedDraw, stood: list[ReleasedPart]) -> list[str]:
        """Return what is wrong with a draw and who stands in it, and note where some must have been erased."""
        policies, payload = release.policies, release.payload
        flow, mechanism = policies.flows.get(draw.flow), policies.mechanisms.get((draw.flow, draw.property))
        if flow is None or mechanism is None:
            return [f"no flow `{draw.flow}` draws figures of `{draw.property}` about subjects"]
        found = [] if flow.recipient == payload.recipient else [f"flow `{flow.id}` is not for `{payload.recipient}`"]
        found += self._no_longer_asked(release, flow, draw)
        by_itself = list(draw_problems(policies, flow, mechanism, draw))
        found += by_itself
        part = payload.publication
        if part is not None and not self._is_published_now(part, mechanism, draw):
            found.append("its span is not the one that is published")
        for one in stood:
            problem, _ = self._entitlement.member(release, flow, draw, one)
            if problem:
                found.append(problem)
        if (given := sum([one.share.n for one in stood])) > draw.n:
            found.append(f"its subjects gave `{given}` pairs, it states `{draw.n}`")
        subjects = {one.subject for one in stood}
        found += self._standing.take(release.entry, draw, stood)
        if mechanism.is_exact:
            self._take_exact(release, draw, mechanism, subjects)
        if by_itself:
            return found
        least, most = bounds(policies, flow, mechanism, draw)
        if len(subjects) > most:
            found.append(f"`{draw.told}` subjects were told, and `{len(subjects)}` stand in it, where at most `{most}` can")
        elif len(subjects) < least:
            by_group = mechanism.is_exact and least == least_group(policies, flow, mechanism)
            self.shortfalls.append(Shortfall(f"draw {number}", len(subjects), least, None if by_group else draw.told))
        return found

    def _is_published_now(self, part: PublicationPart, mechanism: Mechanism, draw: ReleasedDraw) -> bool:
        """Return whether a draw is of the span that is published, or, where publications begin, of one before it."""
        if part.kind != kind_of(mechanism):
            return False
        return draw.span[1] == part.end or (self._publications.begins and draw.span[1] < part.end)

    def _take_exact(self, release: CheckedRelease, draw: ReleasedDraw, mechanism: Mechanism, subjects: set[bytes]) -> None:
        """Enter who stands in an exact draw."""
        cohort = ToldCohort(draw.flow, draw.property, draw.level, draw.cell, is_exact=True)
        self._enter(release, mechanism.quantity.id, draw.span[0], cohort, subjects)

    def _take_total(self, release: CheckedRelease, record: ReleaseRecord, subjects: set[bytes]) -> None:
        """Enter whose total a record is, where exact figures of its quantity are told beside it."""
        quantity = release.policies.quantity_of.get(record.property)
        if quantity is None or quantity.id not in self._exact:
            return
        cohort = ToldCohort(record.flow, record.property, record.level, record.cell, is_exact=False)
        self._enter(release, quantity.id, record.window[0], cohort, subjects)

    def _enter(self, release: CheckedRelease, quantity: str, at_ms: int, cohort: ToldCohort, subjects: set[bytes]) -> None:
        day_ms, least = at_ms // DAY_MS * DAY_MS, release.policies.limits.exact_group
        self.told_exactly = True
        self._days.take(release.entry, quantity, day_ms, least, cohort, subjects, release.erased)

    def _public(self, release: CheckedRelease, flow: Flow, record: ReleaseRecord) -> bool:
        """Return whether a record may come from one of the city's own devices."""
        policies, told = release.policies, level_of(record)
        for profile in policies.profiles.values():
            if record.property not in profile.fields:
                continue
            for zone in policies.zones:
                decision = decide(policies, flow.id, None, zone, profile.cap, release.now_ms, Owner.CITY)
                found = outcome(policies, flow, record.property, decision, zone, as_meant=release.as_meant)
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


def _is_of_its_level(record: ReleaseRecord) -> bool:
    """Return whether a record's time is one step of its level; or, for a reading of which only a span is known, several."""
    begins_ms, ends_ms = record.window
    level_ms, spans_ms = length_ms(record), ends_ms - begins_ms
    if record.statistic:
        return spans_ms == level_ms and (not level_ms or begins_ms % level_ms == 0)
    return spans_ms >= level_ms and (not level_ms or begins_ms % level_ms == spans_ms % level_ms == 0)
