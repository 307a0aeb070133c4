"""The outcome: what follows from a decision for one observed property: released at which level and terms, or withheld and why.

``decide`` says how much a flow may get of a subject. What follows from that is computed here, once, for all who must
agree: the gateway compiles its plans from it, replay checks every release against it, and explanations and reviews of policies
read it. Only the tests' oracle computes it independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf
from typing import Final, NamedTuple

import msgspec

from consent.core.consents.records import Consent
from consent.core.decide import Decision, Owner, decide
from consent.core.disclosure import BOTTOM, WINDOW_MS, Disclosure, Identity
from consent.core.periods import Period
from consent.core.policies.policy import Flow, PolicySet

NEVER_MS: Final = 1 << 62
"""Stands for an end that never comes, where times are compared."""

WINDOW_MS_BY_LABEL: Final = {level.label: length_ms for level, length_ms in WINDOW_MS.items()}
"""As ``WINDOW_MS``, by how records write the level; an instant has no window."""

_MOST_LEVELS: Final = 8192
"""How many levels, and how many reasons, are kept with policies at most."""

_AGGREGATE: Final = Identity.AGGREGATE  # looking up members of an enumeration is slow


class Level(NamedTuple):
    """The level at which a property is released, axis by axis, as cohorts, records and the log write it.

    Attributes:
        step: The step of precision, in the property's unit.
        cell: The place that is released instead of the device's own.
    """

    identity: str
    time: str
    space: str
    step: str
    cell: str

    @property
    def precision(self) -> tuple[str, str, str]:
        """Return the levels of time, space and precision, as records list them."""
        return self.time, self.space, self.step


UNSUPPORTED: Final = "unsupported"
"""Why something is withheld that policies in force ask for, and that policies may no longer ask."""

NO_LEVEL: Final = Level("", "", "", "", "")
"""The level of what is withheld."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What becomes of one property's readings for a flow.

    Attributes:
        reason: Why they are withheld; empty where they are not. Those of ``Decision``, and `unsupported` (policies ask it and may
            no longer), `no-noise` (under a budget that was an ε), `not-aggregable` (the flow draws no figures about subjects),
            `group` (a larger one is demanded than the flow asks for), `retention` (less is permitted than its records state),
            `budget` (so little is permitted that the clip leaves nothing beside the presence).
        disclosure: The effective disclosure; ``BOTTOM`` where they are withheld.
        level: The level at which they are released; ``NO_LEVEL`` where they are withheld.
        statistic: How they become one figure; empty where each is released by itself, or where they are withheld.
        decided_since_ms: When the latest of the residents' present terms took force; 0 without a subject.
        expires_ms: When the first of the residents' consents ends; ``NEVER_MS`` where none does.
        period: Of figures about subjects, from whose beginnings they count; None where they are withheld or become none.
    """

    reason: str
    disclosure: Disclosure
    level: Level
    statistic: str
    decided_since_ms: int
    expires_ms: int
    period: Period | None = None

    @property
    def identity(self) -> Identity:
        """Return the level of identity."""
        return self.disclosure.identity

    @property
    def group(self) -> int:
        """Return the least number of subjects in a figure."""
        return self.disclosure.group

    @property
    def is_single(self) -> bool:
        """Return whether each reading is released by itself, rather than in a figure over a window."""
        return self.disclosure.identity is Identity.PER_RECORD and not self.statistic

    def since_ms(self, flow_since_ms: int, residents_since_ms: int, added_ms: int = 0) -> int:
        """Return since when it holds: nothing from earlier may be released.

        Figures about subjects are of whole periods: what begins within one counts from the next.

        Args:
            flow_since_ms: Since when the flow has been as it is.
            residents_since_ms: When the subject's residents last changed; 0 without a subject.
            added_ms: When the device was registered, where that is known.
        """
        since_ms = max(self.decided_since_ms, flow_since_ms, residents_since_ms, added_ms)
        return since_ms if self.period is None else self.period.first_whole_ms(since_ms)


def outcome(
    policies: PolicySet, flow: Flow, observed_property: str, decision: Decision, zone: str, *, as_meant: bool = False
) -> Outcome:
    """Return what follows from a decision.

    Args:
        flow: What was decided about.
        observed_property: One of its properties.
        decision: The decision for the flow and a device that measures the property.
        zone: The block where the device stands.
        as_meant: What followed while policies might still ask all that these ask, and figures about subjects had no noise: for
            those who read an old log.
    """
    if decision.reason:
        return withheld(decision.reason)
    is_figure = _is_figure_of_subjects(decision)
    if not as_meant:
        reason = unsupported_reason(policies, flow, observed_property, decision)
    else:
        reason = _no_noise(decision.disclosure) if is_figure else ""
    if reason:
        return withheld(reason)
    return Outcome(
        "",
        decision.disclosure,
        level_of(policies, observed_property, decision.disclosure, zone),
        flow.statistic_of(observed_property),
        decision.since_ms,
        NEVER_MS if decision.expires_ms is None else decision.expires_ms,
        flow.period if is_figure and not as_meant else None,
    )


@lru_cache(maxsize=256)
def withheld(reason: str) -> Outcome:
    """Return the outcome for readings that are withheld, one object for all of a reason."""
    return Outcome(reason, BOTTOM, NO_LEVEL, "", 0, NEVER_MS)


def unsupported_reason(policies: PolicySet, flow: Flow, observed_property: str, decision: Decision) -> str:
    """Return why what is permitted is withheld nevertheless; empty where it is not. Cached: thousands of households share it."""
    if not decision.has_subject:
        return ""
    reasons: dict[tuple[str, str, Disclosure], str] = policies.reasons
    key = flow.id, observed_property, decision.disclosure
    reason = reasons.get(key)
    if reason is None:
        if len(reasons) >= _MOST_LEVELS:
            reasons.clear()
        reason = reasons[key] = _reason_of_subjects(policies, flow, observed_property, decision.disclosure)
    return reason


def _reason_of_subjects(policies: PolicySet, flow: Flow, observed_property: str, point: Disclosure) -> str:
    if (flow.id, observed_property) in policies.withheld_of_subjects:
        return UNSUPPORTED
    if point.identity is not _AGGREGATE:
        return ""
    return _no_noise(point) or _no_figure(policies, flow, observed_property, point)


def _is_figure_of_subjects(decision: Decision) -> bool:
    return decision.disclosure.identity is _AGGREGATE and decision.has_subject


def _no_noise(point: Disclosure) -> str:
    """Return `no-noise` for a figure about subjects under a budget that was an ε; else empty."""
    return "no-noise" if point.former_epsilon < inf else ""


def _no_figure(policies: PolicySet, flow: Flow, observed_property: str, point: Disclosure) -> str:
    """Return why a subject stands in no figure; empty where it does.

    What a figure's record states, and whether there is one, must not depend on who is in it: whoever demands more than that is
    left out, rather than that all others follow.
    """
    mechanism = policies.mechanisms.get((flow.id, observed_property))
    if mechanism is None:
        return "not-aggregable"
    if point.group > flow.ask.group:
        return "group"
    if point.retention_days < policies.least_retention_days[flow.id]:
        return "retention"
    return "" if mechanism.admits(point.budget) else "budget"


def supported(policies: PolicySet, flow_id: str, names: Sequence[str], *, has_subject: bool) -> list[str]:
    """Return those of a flow's properties that may still be asked of a device with, or without, a subject."""
    return [name for name in names if not has_subject or (flow_id, name) not in policies.withheld_of_subjects]


def reason_besides(policies: PolicySet, flow_id: str, profile_id: str, decision: Decision) -> str:
    """Return why nothing that a flow may get of a device leaves nevertheless; empty where something does."""
    flow = policies.flows.get(flow_id)
    names = measured(policies, flow_id, profile_id)
    reasons = [] if flow is None else [unsupported_reason(policies, flow, name, decision) for name in names]
    return reasons[0] if reasons and all(reasons) else ""


def measured(policies: PolicySet, flow_id: str, profile_id: str) -> list[str]:
    """Return the properties that a flow asks for and devices of a profile measure; none where either is unknown."""
    flow, profile = policies.flows.get(flow_id), policies.profiles.get(profile_id)
    return [] if flow is None or profile is None else [name for name in flow.properties if name in profile.fields]


def decide_device(
    policies: PolicySet,
    flow_id: str,
    consents: Sequence[Consent | None] | None,
    zone: str,
    profile_id: str,
    now_ms: int,
    owner: Owner = Owner.RESIDENT,
) -> Decision:
    """Decide what a flow may get of a device, whatever it is.

    Returns: As ``decide``, and besides `unknown-class` where the policies have no such profile, `not-measured` where its
        devices measure nothing of what the flow asks for, and `unsupported` where all of that may no longer be asked.
    """
    profile = policies.profiles.get(profile_id)
    if profile is None:
        return Decision(BOTTOM, "unknown-class", (), 0, None)
    names = measured(policies, flow_id, profile_id)
    if flow_id in policies.flows and not names:
        return Decision(BOTTOM, "not-measured", (), 0, None)
    decision = decide(policies, flow_id, consents, zone, profile.cap, now_ms, owner)
    if decision.reason or supported(policies, flow_id, names, has_subject=decision.has_subject):
        return decision
    return msgspec.structs.replace(decision, disclosure=BOTTOM, reason=UNSUPPORTED)


def level_of(policies: PolicySet, observed_property: str, point: Disclosure, zone: str) -> Level:
    """Return the level at which a disclosure releases a property; cached with the policies: thousands of devices share it."""
    levels: dict[tuple[str, Disclosure, str], Level] = policies.levels
    level = levels.get((observed_property, point, zone))
    if level is None:
        if len(levels) >= _MOST_LEVELS:
            levels.clear()
        level = levels[observed_property, point, zone] = _new_level(policies, observed_property, point, zone)
    return level


def _new_level(policies: PolicySet, observed_property: str, point: Disclosure, zone: str) -> Level:
    step = policies.properties[observed_property].rung(point.step(observed_property))
    return Level(point.identity.label, point.time.label, point.space.label, f"{step:f}", policies.cell(zone, point.space))
