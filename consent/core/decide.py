"""The decision: how much of a subject's data a flow may reveal, with the reason, and what bounds each axis.

The effective disclosure is the meet of what the flow asks, the city's ceiling, the neighbourhood's ceiling, every resident's
consent, and the device profile's cap. Anything unknown, absent or no longer valid gives ``BOTTOM``. A decision depends on its
arguments alone, so an auditor who has them reaches the same one.

There are many citizens, and a change of policies decides for all of them. So the meet of all but the consents is computed once
and cached with the policies, as a ``_Setting``; each resident's limits then lower it axis by axis; and what bounds which axis is
computed only on demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from math import inf
from typing import Final

import msgspec

from consent.core.consents.records import Consent, Status
from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity, Space, Time, meet_axes
from consent.core.policies.notice import FlowTerms
from consent.core.policies.policy import Flow, Limits, PolicySet

PERMITTED: Final = ""
"""The reason of a decision that withholds nothing."""


class Owner(StrEnum):
    """Whose a device is, by the operator's word; whose its readings are, the device's subject says."""

    CITY = "city"
    RESIDENT = "resident"


_STANDING: Final = {
    Status.GIVEN: PERMITTED,
    Status.RENEWED: PERMITTED,
    Status.REQUESTED: "requested",
    Status.REFUSED: "refused",
    Status.WITHDRAWN: "withdrawn",
    Status.EXPIRED: "expired",
    Status.INVALIDATED: "invalidated",
    Status.PAUSED: "paused",
    Status.REVOKED: "revoked",
}

FORMER_EPSILON: Final = "former-epsilon"
"""How bounds name the axis of budgets that were an ε."""

_UNBOUNDED: Final[dict[str, object]] = {
    "identity": TOP.identity,
    "time": TOP.time,
    "space": TOP.space,
    "group": TOP.group,
    "retention": TOP.retention_days,
    "budget": TOP.budget,
    FORMER_EPSILON: TOP.former_epsilon,
}

_MOST_TOLD: Final = 1024
"""How many terms a setting knows at most."""

_CLOSED: Final = "closed"
"""Why a meet is no disclosure where some axis is at its least; ``_closed_by`` tells whose doing it is."""

_AGGREGATE: Final = Identity.AGGREGATE  # looking up members of an enumeration is slow

Bounds = tuple[tuple[str, tuple[str, ...]], ...]
"""(axis, those who together bound it); an axis that nobody bounds is absent."""

Precision = tuple[tuple[str, Decimal], ...]
"""As in ``Disclosure``."""


class _Setting(msgspec.Struct, frozen=True):
    """What policies permit a flow, for devices of one profile in one neighbourhood, before any consent.

    Attributes:
        sources: What it is the meet of, by the names of ``Decision.bounds``.
        least: Their meet, axis by axis.
        terms: What a resident would consent to.
        limits: The city's, whose rungs a consent's budget is lowered to.
        told: How consents to some terms are judged, by the identity of those terms, which are kept beside it.
        by_consent: Whether the flow's purpose rests on consent.
        figures: Whether the flow draws any.
    """

    sources: dict[str, Disclosure]
    least: Disclosure
    terms: FlowTerms
    limits: Limits
    told: dict[int, tuple[tuple[FlowTerms, ...], str]]
    by_consent: bool
    figures: bool

    def bounds(self, consents: Sequence[Consent | None]) -> Bounds:
        """Return what bounds each axis of the meet with these consents."""
        given = {
            f"consent:{n}": on_rung(binding_limits(each.limits), self.limits)
            for n, each in enumerate(consents)
            if each is not None
        }
        sources = self.sources | given
        return bounds_of(sources, meet_axes(*sources.values()))


class _Refusal(msgspec.Struct, frozen=True):
    """The case that some consent is absent or does not hold."""

    setting: _Setting
    now_ms: int

    def bounds(self, consents: Sequence[Consent | None]) -> Bounds:
        """Return which consents those are: they bound the first axis at its least."""
        refusing = [f"consent:{n}" for n, each in enumerate(consents) if each is None or _fault(self.setting, each, self.now_ms)]
        return (("identity", tuple(refusing)),)


class Decision(msgspec.Struct, frozen=True):
    """What a flow may get of a subject.

    Attributes:
        disclosure: The effective disclosure; ``BOTTOM`` where anything is withheld.
        reason: Empty where permitted, else one of `no-consent`, `requested`, `refused`, `withdrawn`, `paused`, `expired`,
            `invalidated`, `revoked`, `ceiling`, `class-cap`, `not-aggregable` (only figures are permitted, and the flow
            draws none), `budget` (less is permitted than the least rung of μ), `no-subject-consent` (a device without a
            subject under a purpose that needs consent), `resident-owned` (a resident's own device under a public task),
            `has-subject` (a device of the city's about a subject under one), `unknown-flow`, `unknown-zone`.
        bounds: What bounds each axis: `ask`, `ceiling`, `neighbourhood:<id>`, `consent:<n>` (the n-th of
            the consents given), `class-cap`. Removing all that are named raises the axis; removing any other does not.
        since_ms: When the latest of the residents' present terms took force; 0 without a subject.
        expires_ms: When the first of the residents' consents ends; None where none does.
    """

    disclosure: Disclosure
    reason: str
    held: Bounds | _Setting | _Refusal
    since_ms: int
    expires_ms: int | None
    consents: tuple[Consent | None, ...] = ()

    @property
    def has_subject(self) -> bool:
        """Return whether residents' consents count; False for a device without a subject."""
        return bool(self.consents)

    @property
    def bounds(self) -> Bounds:
        """Return what bounds each axis, computed on each call: only explanations ask."""
        return self.held if isinstance(self.held, tuple) else self.held.bounds(self.consents)


def decide(
    policies: PolicySet,
    flow: str,
    consents: Sequence[Consent | None] | None,
    zone: str,
    cap: Disclosure,
    now_ms: int,
    owner: Owner = Owner.RESIDENT,
) -> Decision:
    """Decide what a flow may get of one device's subject.

    Args:
        flow: The flow's id.
        consents: One for each resident, None for one without a consent; None as a whole for a device without a subject.
        zone: The block where the device stands.
        cap: The most that its profile lets it reveal.
        now_ms: The gateway's clock.
        owner: Whose the device is; where it is left out, the owner of whose devices less is permitted.
    """
    asked = policies.flows.get(flow)
    if asked is None:
        return _withheld("unknown-flow")
    place = policies.zones.get(zone)
    if place is None:
        return _withheld("unknown-zone")
    setting = _setting(policies, asked, place.neighbourhood or "", cap)
    if not setting.by_consent:
        excluded = _excluded_from_public_task(consents is not None, owner)
        if excluded:
            return _withheld(excluded)
    elif consents is None:
        return _withheld("no-subject-consent")
    if consents is not None and not consents:
        return _withheld("no-consent")
    return _weigh(setting, tuple(consents or ()), now_ms)


def _excluded_from_public_task(has_subject: bool, owner: Owner) -> str:
    """Return why a device is not read for a public task; empty where it is: the city owns it, and its readings are about nobody.

    Reading a device that somebody owns takes that person's consent (ePrivacy directive, article 5(3)), whatever it measures;
    and what is about somebody is read by their consent, whoever owns the device.
    """
    if owner is not Owner.CITY:
        return "resident-owned"
    return "has-subject" if has_subject else ""


def standing(policies: PolicySet, flow: Flow, consent: Consent, now_ms: int) -> str:
    """Return why a consent does not hold for a flow at this moment; empty where it does."""
    return _fault(_setting(policies, flow, "", TOP), consent, now_ms)


def _fault(setting: _Setting, consent: Consent, now_ms: int) -> str:
    """Return why a consent does not hold in a setting; empty where it does."""
    said = _STANDING[consent.status]
    if said:
        return said
    if consent.expiry_ms is not None and now_ms >= consent.expiry_ms:
        return "expired"
    known = setting.told.get(id(consent.terms))
    return _disagreement(setting, consent) if known is None else known[1]


def _disagreement(setting: _Setting, consent: Consent) -> str:
    """Return why the terms of a consent do not cover what is asked, if so; cached, since thousands have the same terms."""
    present, agreed = setting.terms, consent.terms_of(setting.terms.flow)
    covered = agreed is not None and present.asks_no_more_than(agreed)
    reason = PERMITTED if covered else "no-consent" if agreed is None else "invalidated"
    if len(setting.told) >= _MOST_TOLD:
        setting.told.clear()
    setting.told[id(consent.terms)] = (consent.terms, reason)
    return reason


def binding_limits(limits: Disclosure) -> Disclosure:
    """Return a consent's limits as they bind: a demand for a group or budget, which only figures have, permits figures only."""
    identity = _binding_identity(limits)
    return limits if identity is limits.identity else replace(limits, identity=identity)


def _binding_identity(limits: Disclosure) -> Identity:
    identity = limits.identity
    if identity <= _AGGREGATE:
        return identity
    return _AGGREGATE if limits.group > 1 or limits.budget < inf or limits.former_epsilon < inf else identity


def _withheld(reason: str) -> Decision:
    return Decision(BOTTOM, reason, (), 0, None)


def _setting(policies: PolicySet, flow: Flow, neighbourhood: str, cap: Disclosure) -> _Setting:
    """Return what policies permit before any consent; cached with them, like the terms of their flows."""
    setting: _Setting | None = policies.settings.get((flow.id, neighbourhood, cap))
    if setting is None:
        setting = policies.settings[flow.id, neighbourhood, cap] = _new_setting(policies, flow, neighbourhood, cap)
    return setting


def _new_setting(policies: PolicySet, flow: Flow, neighbourhood: str, cap: Disclosure) -> _Setting:
    limits = policies.limits
    sources = {"ask": flow.ask, "ceiling": on_rung(policies.ceiling, limits), "class-cap": on_rung(cap, limits)}
    if neighbourhood:
        sources[f"neighbourhood:{neighbourhood}"] = on_rung(policies.neighbourhoods.get(neighbourhood, TOP), limits)
    by_consent = policies.rests_on_consent(flow)
    return _Setting(sources, meet_axes(*sources.values()), policies.terms[flow.id], limits, {}, by_consent, bool(flow.statistic))


def on_rung(point: Disclosure, limits: Limits) -> Disclosure:
    """Return a point with its budget lowered to a rung: of few levels each is many households'."""
    rung = limits.rung(point.budget)
    return point if rung == point.budget else replace(point, budget=rung)


def _weigh(setting: _Setting, consents: tuple[Consent | None, ...], now_ms: int) -> Decision:
    """Meet setting and consents, axis by axis, as long as every consent holds, and decide by the result."""
    least, since_ms, expires_ms = setting.least, 0, None
    identity, time, space, precision = least.identity, least.time, least.space, least.precision
    group, retention_days, budget, former_epsilon = least.group, least.retention_days, least.budget, least.former_epsilon
    for consent in consents:
        fault = "no-consent" if consent is None else _fault(setting, consent, now_ms)
        if consent is None or fault:
            return Decision(BOTTOM, fault, _Refusal(setting, now_ms), 0, None, consents)
        limits = consent.limits
        bound = limits.identity if identity <= _AGGREGATE else _binding_identity(limits)
        if bound < identity:
            identity = bound
        if limits.time < time:
            time = limits.time
        if limits.space < space:
            space = limits.space
        if limits.precision:
            precision = _coarser(precision, limits.precision)
        if limits.group > group:
            group = limits.group
        if limits.retention_days < retention_days:
            retention_days = limits.retention_days
        if limits.budget != inf:  # also where it is above the least so far: its rung may not be
            budget = min(budget, setting.limits.rung(limits.budget))
        if limits.former_epsilon < former_epsilon:
            former_epsilon = limits.former_epsilon
        if consent.since_ms > since_ms:
            since_ms = consent.since_ms
        if consent.expiry_ms is not None and (expires_ms is None or consent.expiry_ms < expires_ms):
            expires_ms = consent.expiry_ms
    point, fault = _point_at(identity, time, space, precision, group, retention_days, budget, former_epsilon, setting.figures)
    if not fault:
        return Decision(point, PERMITTED, setting, since_ms, expires_ms, consents)
    reason = _closed_by(setting.bounds(consents), point) if fault == _CLOSED else fault
    return Decision(BOTTOM, reason, setting, since_ms, expires_ms, consents)


@lru_cache(maxsize=8192)
def _point_at(
    identity: Identity,
    time: Time,
    space: Space,
    precision: Precision,
    group: int,
    retention_days: int,
    budget: float,
    former_epsilon: float,
    figures: bool,
) -> tuple[Disclosure, str]:
    """Return the point with these levels, one object for all who share it, and why it cannot be honoured, if so."""
    point = Disclosure(identity, time, space, precision, group, retention_days, budget, former_epsilon)
    if point.is_bottom:
        return point, _CLOSED
    if identity is _AGGREGATE and not figures:
        return point, "not-aggregable"
    return point, PERMITTED


@lru_cache(maxsize=1024)
def _coarser(one: Precision, other: Precision) -> Precision:
    steps = dict(one)
    for name, step in other:
        steps[name] = max(step, steps.get(name, step))
    return tuple(sorted(steps.items()))


def bounds_of(sources: dict[str, Disclosure], least: Disclosure) -> Bounds:
    """Return for each axis of ``least``, their meet, which sources hold it there; an axis that nobody bounds is absent."""
    bounded = {source: _bounded_axes(point) for source, point in sources.items()}
    return tuple(
        (axis, tuple([source for source, axes in bounded.items() if axes.get(axis) == value]))
        for axis, value in _bounded_axes(least).items()
    )


@lru_cache(maxsize=8192)
def _bounded_axes(point: Disclosure) -> dict[str, object]:
    """Return the axes on which a point reveals less than ``TOP``, precision by property. Callers must not change it."""
    axes: dict[str, object] = {"identity": point.identity, "time": point.time, "space": point.space}
    axes |= {f"precision.{name}": step for name, step in point.precision}
    axes |= {
        "group": point.group,
        "retention": point.retention_days,
        "budget": point.budget,
        FORMER_EPSILON: point.former_epsilon,
    }
    return {axis: value for axis, value in axes.items() if value != _UNBOUNDED.get(axis)}


def _closed_by(bounds: Bounds, least: Disclosure) -> str:
    """Return the reason that names what brought the meet down to nothing, the law first."""
    levels: dict[str, float] = {"identity": least.identity, "time": least.time, "space": least.space}
    levels.update({"retention": least.retention_days, "budget": least.budget, FORMER_EPSILON: least.former_epsilon})
    closed = {axis: sources for axis, sources in bounds if levels.get(axis, 1) <= 0}
    if closed.keys() == {"budget"}:
        return "budget"
    holders = {source for sources in closed.values() for source in sources}
    if any(source == "ceiling" or source.startswith("neighbourhood:") for source in holders):
        return "ceiling"
    return "class-cap" if "class-cap" in holders else "refused"
