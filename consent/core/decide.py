"""The decision: how much of a subject's data a flow may reveal, with the reason, and what bounds each axis.

The effective disclosure is the meet of what the flow asks, the city's ceiling, the neighbourhood's ceiling, every resident's
consent, and the device class's cap. Anything unknown, unsaid or no longer valid gives ``BOTTOM``. A decision depends on its
arguments alone, so an auditor who has them reaches the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf
from typing import Final

from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity, Time, meet_axes, normalise
from consent.core.notice import FlowTerms
from consent.core.policy import Flow, LegalBasis, PolicySet
from consent.core.records import Consent, Status

PERMITTED: Final = ""
"""The reason of a decision that withholds nothing."""

_STANDING: Final = {
    Status.REQUESTED: "requested",
    Status.REFUSED: "refused",
    Status.WITHDRAWN: "withdrawn",
    Status.EXPIRED: "expired",
    Status.INVALIDATED: "invalidated",
    Status.PAUSED: "paused",
    Status.REVOKED: "revoked",
}

_UNBOUNDED: Final[dict[str, object]] = {
    "identity": TOP.identity,
    "time": TOP.time,
    "space": TOP.space,
    "group": TOP.group,
    "retention": TOP.retention_days,
    "budget": TOP.budget,
}

Bounds = tuple[tuple[str, tuple[str, ...]], ...]
"""(axis, those who together bound it); an axis that nobody bounds is absent."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a flow may get of a subject.

    Attributes:
        disclosure: The effective disclosure; ``BOTTOM`` where anything is withheld.
        reason: Empty where permitted, else one of `no-consent`, `requested`, `refused`, `withdrawn`, `paused`, `expired`,
            `invalidated`, `revoked`, `ceiling`, `class-cap`, `not-aggregable` (only figures are permitted, and the flow
            draws none), `no-subject-consent` (a device without a subject under a purpose that needs consent), `has-subject`
            (a subject's device under a public task), `unknown-flow`, `unknown-zone`.
        bounds: For each axis who holds it where it is: `ask`, `ceiling`, `neighbourhood:<id>`, `consent:<n>` (the n-th of
            the consents given), `class-cap`. Removing all that are named raises the axis; removing any other does not.
        since_ms: When the latest of the residents' present terms took force; 0 without a subject.
        expires_ms: When the first of the residents' consents ends; None where none does.
    """

    disclosure: Disclosure
    reason: str
    bounds: Bounds
    since_ms: int
    expires_ms: int | None


def decide(
    policies: PolicySet,
    flow: str,
    consents: Sequence[Consent | None] | None,
    zone: str,
    cap: Disclosure,
    now_ms: int,
) -> Decision:
    """Decide what a flow may get of one device's subject.

    Args:
        flow: The flow's id.
        consents: One for each resident, None for one who has said nothing; None as a whole for a device without a subject.
        zone: The block where the device stands.
        cap: The most that its class may reveal.
        now_ms: The gateway's clock.
    """
    asked = policies.flows.get(flow)
    if asked is None:
        return _withheld("unknown-flow")
    place = policies.zones.get(zone)
    if place is None:
        return _withheld("unknown-zone")
    by_consent = policies.purposes[asked.purpose].legal_basis is LegalBasis.CONSENT
    if by_consent is (consents is None):
        return _withheld("no-subject-consent" if by_consent else "has-subject")
    if consents is not None:
        refusal = _refusal(policies, asked, consents, now_ms)
        if refusal is not None:
            return refusal
    neighbourhood = "" if place.neighbourhood is None else place.neighbourhood
    community = policies.neighbourhoods.get(neighbourhood, TOP)
    limits = tuple([c.limits for c in consents or () if c is not None])
    disclosure, reason, bounds = _weigh(asked.ask, policies.ceiling, neighbourhood, community, limits, cap, bool(asked.statistic))
    since_ms, expires_ms = _span(consents or ())
    return Decision(disclosure, reason, bounds, since_ms, expires_ms)


def _refusal(policies: PolicySet, flow: Flow, consents: Sequence[Consent | None], now_ms: int) -> Decision | None:
    """Return the decision to withhold if any resident's consent is absent or does not hold."""
    if not consents:
        return _withheld("no-consent")
    reasons = ["no-consent" if consent is None else standing(policies, flow, consent, now_ms) for consent in consents]
    if not any(reasons):
        return None
    refusing = tuple(f"consent:{number}" for number, reason in enumerate(reasons) if reason)
    return _withheld(next(reason for reason in reasons if reason), ("identity", refusing))


def standing(policies: PolicySet, flow: Flow, consent: Consent, now_ms: int) -> str:
    """Return why a consent does not hold for a flow at this moment; empty where it does."""
    if not consent.permits:
        return _STANDING[consent.status]
    if consent.expiry_ms is not None and now_ms >= consent.expiry_ms:
        return "expired"
    agreed = consent.terms_of(flow.id)
    if agreed is None:
        return "no-consent"
    return PERMITTED if _covered(policies.terms[flow.id], agreed) else "invalidated"


@lru_cache(maxsize=1024)
def _covered(present: FlowTerms, agreed: FlowTerms) -> bool:
    return present.asks_no_more_than(agreed)


def binding_limits(limits: Disclosure) -> Disclosure:
    """Return a consent's limits as they bind: who demands a group or a budget, which only figures have, permits figures only."""
    if limits.identity > Identity.AGGREGATE and (limits.group > 1 or limits.budget < inf):
        return replace(limits, identity=Identity.AGGREGATE)
    return limits


def _span(consents: Sequence[Consent | None]) -> tuple[int, int | None]:
    since_ms, expires_ms = 0, None
    for consent in consents:
        if consent is None:
            continue
        since_ms = max(since_ms, consent.since_ms)
        if consent.expiry_ms is not None:
            expires_ms = consent.expiry_ms if expires_ms is None else min(expires_ms, consent.expiry_ms)
    return since_ms, expires_ms


def _withheld(reason: str, *bounds: tuple[str, tuple[str, ...]]) -> Decision:
    return Decision(BOTTOM, reason, bounds, 0, None)


@lru_cache(maxsize=8192)
def _weigh(
    ask: Disclosure,
    ceiling: Disclosure,
    neighbourhood: str,
    community: Disclosure,
    limits: tuple[Disclosure, ...],
    cap: Disclosure,
    has_statistic: bool,
) -> tuple[Disclosure, str, Bounds]:
    """Return the meet of all that speak, why it withholds if it does, and who bounds each axis."""
    sources = {"ask": ask, "ceiling": ceiling, "class-cap": cap}
    if neighbourhood:
        sources[f"neighbourhood:{neighbourhood}"] = community
    sources |= {f"consent:{number}": binding_limits(each) for number, each in enumerate(limits)}
    least = meet_axes(*sources.values())
    bounds = bounds_of(sources, least)
    if least.is_bottom:
        return BOTTOM, _closed_by(bounds, least), bounds
    if least.identity is Identity.AGGREGATE and (least.time is Time.EXACT or not has_statistic):
        return BOTTOM, "not-aggregable", bounds
    return normalise(least), PERMITTED, bounds


def bounds_of(sources: dict[str, Disclosure], least: Disclosure) -> Bounds:
    """Return for each axis of ``least``, their meet, which sources hold it there; an axis that nobody bounds is absent."""
    bounded = {source: _bounded_axes(point) for source, point in sources.items()}
    return tuple(
        (axis, tuple([source for source, axes in bounded.items() if axes.get(axis) == value]))
        for axis, value in _bounded_axes(least).items()
    )


@lru_cache(maxsize=8192)
def _bounded_axes(point: Disclosure) -> dict[str, object]:
    """Return the axes on which a point reveals less than ``TOP``, precision by property. Not to be changed by callers."""
    axes: dict[str, object] = {"identity": point.identity, "time": point.time, "space": point.space}
    axes |= {f"precision.{name}": step for name, step in point.precision}
    axes |= {"group": point.group, "retention": point.retention_days, "budget": point.budget}
    return {axis: value for axis, value in axes.items() if value != _UNBOUNDED.get(axis)}


def _closed_by(bounds: Bounds, least: Disclosure) -> str:
    """Return the reason that names who brought the meet down to nothing, the law first."""
    levels: dict[str, float] = {"identity": least.identity, "time": least.time, "space": least.space}
    levels.update(retention=least.retention_days, budget=least.budget)
    holders = {source for axis, sources in bounds if levels.get(axis, 1) <= 0 for source in sources}
    if any(source == "ceiling" or source.startswith("neighbourhood:") for source in holders):
        return "ceiling"
    return "class-cap" if "class-cap" in holders else "refused"
