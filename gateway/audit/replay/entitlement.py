"""What each subject's part in a release rests on, decided again from what was in force when the release was made.

A part begins with the record or draw, the device profile and the zone; many parts share these bytes, which are decoded once. It
ends with the consents and the disclosure; these bytes are not decoded but computed again and compared. Only where they differ is
the part decoded, to find what is wrong. In this way a hundred thousand releases take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from consent.core.canonical import disclosure_map
from consent.core.decide import Owner, decide
from consent.core.disclosure import Identity
from consent.core.outcome import NO_LEVEL, WINDOW_MS_BY_LABEL, Level, Outcome, outcome, withheld
from consent.core.periods import Period
from consent.core.policies.policy import Flow, PolicySet
from gateway.audit.log import canonical
from gateway.audit.log.earlier_payloads import AnyReleasePayload
from gateway.audit.log.payloads import (
    Contribution,
    ReleasedDraw,
    ReleaseRecord,
    contribution_beginning,
    contribution_end,
    cut_contribution,
)
from gateway.audit.replay.in_force import InForceAt

PlanKey = tuple[str, str, str, str, tuple[int, ...], bool]
"""(flow, observed property, device profile, zone, indices of what the residents say, whether by the rules of before)"""

_MOST_BEGINNINGS: Final = 10_000


class ReleasedPart(NamedTuple):
    """A subject's part in a record or draw, cut into the pieces that are compared."""

    subject: bytes
    share: Contribution
    end: bytes
    data: bytes


class CheckedRelease(NamedTuple):
    """The release that is being checked: where it stands, what was in force, what it says, and how many parts it has lost.

    Attributes:
        as_meant: Whether it is by the rules of a version before this one.
    """

    entry: int
    policies: PolicySet
    now_ms: int
    payload: AnyReleasePayload
    erased: int
    as_meant: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome for a device's readings of one property in one flow, and the bytes with which such a part ends."""

    outcome: Outcome
    end: bytes


class Entitlement:
    """Decides what parts rest on.

    Attributes:
        unknown: Whether the last problem may be due to a consent whose opening is missing.
    """

    def __init__(self, fold: InForceAt) -> None:
        self.unknown = False
        self._fold = fold
        self._plans: dict[PlanKey, Plan] = {}
        self._plans_of = -1
        self._shares: dict[bytes, Contribution] = {}
        self._told: ReleaseRecord | ReleasedDraw | None = None  # whose parts are being checked: thousands of one
        self._level, self._latest_ms = NO_LEVEL, 0  # at which it is told, and since when at the latest each has to permit it

    def begin(self) -> None:
        """Begin with the next release."""
        self.unknown = False
        if self._plans_of != self._fold.policy_entry:
            self._plans, self._plans_of = {}, self._fold.policy_entry

    def cut(self, data: bytes) -> ReleasedPart:
        """Return the pieces of a part; its beginning is decoded only when first seen."""
        beginning, subject, end = cut_contribution(data)
        share = self._shares.get(beginning)
        if share is None:
            if len(self._shares) >= _MOST_BEGINNINGS:
                self._shares.clear()
            share = self._shares[beginning] = contribution_beginning(beginning)
        return ReleasedPart(subject, share, end, data)

    def member(
        self, release: CheckedRelease, flow: Flow, told: ReleaseRecord | ReleasedDraw, one: ReleasedPart
    ) -> tuple[str, Plan | None]:
        """Return what is wrong with one subject's part, or nothing, and the plan that it should follow."""
        fold = self._fold
        if fold.is_gone(one.subject):
            return "it holds a subject that was erased before", None
        if one.share.policy != fold.policy_entry:
            return f"it rests on policies `{one.share.policy}`, in force are `{fold.policy_entry}`", None
        standing = fold.standing(one.subject, flow)
        plan = self.plan(release.policies, release.now_ms, flow, told.property, one, standing, as_meant=release.as_meant)
        if one.end != plan.end:
            return self._misled(one, standing, plan), plan
        if told is not self._told:
            self._told, self._level, self._latest_ms = told, level_of(told), _latest_since_ms(told)
        if self._level != plan.outcome.level:
            return "it is told at another level than a subject permits", plan
        since_ms = plan.outcome.since_ms(fold.flow_since_ms.get(flow.id, 0), fold.residents_since_ms(one.subject))
        if since_ms > self._latest_ms:
            return "it reaches back to before a subject permitted it", plan
        return "", plan

    def plan(
        self,
        policies: PolicySet,
        now_ms: int,
        flow: Flow,
        name: str,
        one: ReleasedPart,
        standing: tuple[int, ...],
        *,
        as_meant: bool,
    ) -> Plan:
        """Return the plan of a part's device; one that permits is cached until one of its consents expires."""
        key = (flow.id, name, one.share.profile, one.share.zone, standing, as_meant)
        plan = self._plans.get(key)
        if plan is None or now_ms >= plan.outcome.expires_ms:
            plan = self._decide(policies, now_ms, flow, name, one, standing, as_meant=as_meant)
            if not plan.outcome.reason:
                self._plans[key] = plan
        return plan

    def _decide(
        self,
        policies: PolicySet,
        now_ms: int,
        flow: Flow,
        name: str,
        one: ReleasedPart,
        standing: tuple[int, ...],
        *,
        as_meant: bool,
    ) -> Plan:
        share = one.share
        profile = policies.profiles.get(share.profile)
        if profile is None or name not in profile.fields:
            return Plan(withheld(f"no class `{share.profile}` reports `{name}`"), b"")
        consents = self._fold.consents(one.subject, flow)
        # no part states an owner: what is about a subject is read by consent, whoever owns the device
        decision = decide(policies, flow.id, consents, share.zone, profile.cap, now_ms, Owner.CITY)
        found = outcome(policies, flow, name, decision, share.zone, as_meant=as_meant)
        if found.reason:
            return Plan(found, b"")
        return Plan(found, contribution_end(standing, canonical.encode(disclosure_map(found.disclosure))))

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


def level_of(told: ReleaseRecord | ReleasedDraw) -> Level:
    """Return the level at which a record, or the figures of a draw, are told."""
    identity = told.identity if isinstance(told, ReleaseRecord) else Identity.AGGREGATE.label
    return Level(identity, *told.level, told.cell)


def length_ms(told: ReleaseRecord | ReleasedDraw) -> int:
    """Return how long a step of its time level is; an instant has no length."""
    return WINDOW_MS_BY_LABEL.get(told.level[0], 0)


def _latest_since_ms(told: ReleaseRecord | ReleasedDraw) -> int:
    """Return since when at the latest a subject has to have permitted it; of a draw, the whole period lies behind that."""
    if isinstance(told, ReleasedDraw):
        return Period(told.period).start_ms(told.span[0])
    begins_ms = told.window[0]
    return begins_ms if told.statistic else begins_ms + max(length_ms(told), 1) - 1


def _listed(indices: tuple[int, ...]) -> str:
    return "`" + ", ".join(map(str, indices)) + "`" if indices else "none"
