"""How far a way out is open: by law, for so many homes, or not at all, as far as the gateway's rounded numbers prove it.

Numbers of homes come from ``PublicFlows`` and are rounded down to ``HOMES_STEP``: of `permitted = 10` there may be 14. The count
that a figure needs has noise besides. So no number alone proves that a gate is shut: it is said only where nothing has left for
30 days, which is known of figures. What leaves of homes one by one is counted so coarsely that nothing and a little look alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from consent.core.disclosure import Identity
from consent.core.policies.policy import Flow, PolicySet
from consent.portal.visit import Visit
from consent.portal.ways.most_told import MostTold
from consent.public_messages import HOMES_STEP, FlowServed


class Openness(StrEnum):
    """How far; each is a sentence of the part `ways`, and a drawing."""

    BY_LAW = "by-law"
    BY_RULES = "by-rules"
    UNKNOWN = "unknown"
    ALL = "all"
    HOMES = "homes"
    FEW = "few"
    TOO_FEW = "too-few"


_DRAWINGS = {
    Openness.BY_LAW: "gate-open",
    Openness.BY_RULES: "gate-shut",
    Openness.UNKNOWN: "why",
    Openness.ALL: "gate-open",
    Openness.HOMES: "gate-half",
    Openness.FEW: "gate-half",
    Openness.TOO_FEW: "gate-shut",
}

_EXPLAINED = {Openness.BY_RULES, Openness.UNKNOWN, Openness.TOO_FEW}
"""Those that a sentence explains."""


@dataclass(frozen=True, slots=True)
class HowFarOpen:
    """How far a way out is open, in words.

    Attributes:
        icon: The icon that shows it.
        text: The one thing to know, such as `Open for about 30 of 40 homes`.
        more: A sentence about it; empty where nothing is to be added.
    """

    opening: Openness
    icon: str
    text: str
    more: str


def opening_of(policies: PolicySet, flow: Flow, told: Sequence[MostTold], served: FlowServed | None) -> Openness:
    """Return how far a flow is open; ``served`` is None where the gateway is away, or has not spoken of it."""
    if told and all(row.reason for row in told):
        return Openness.BY_RULES
    if not policies.rests_on_consent(flow):
        return Openness.BY_LAW
    if served is None:
        return Openness.UNKNOWN
    if has_left_nothing(policies, flow, served) and served.permitted < flow.ask.group:
        return Openness.TOO_FEW
    if served.permitted:
        return Openness.ALL if served.permitted >= served.asked else Openness.HOMES
    return Openness.FEW


def is_one_by_one(policies: PolicySet, flow: Flow) -> bool:
    """Return whether a flow tells of homes one by one: its numbers are rounded down so far that 0 may be some."""
    return policies.rests_on_consent(flow) and flow.ask.identity is not Identity.AGGREGATE


def has_left_nothing(policies: PolicySet, flow: Flow, served: FlowServed) -> bool:
    """Return whether it is known that nothing has left by a flow in the last 30 days."""
    return not served.records and not is_one_by_one(policies, flow)


def how_far_open(
    visit: Visit, policies: PolicySet, flow: Flow, told: Sequence[MostTold], served: FlowServed | None
) -> HowFarOpen:
    """Put into words how far a flow is open."""
    opening = opening_of(policies, flow, told, served)
    gaps = {
        "permitted": visit.number(0 if served is None else served.permitted),
        "asked": visit.number(0 if served is None else served.asked),
        "group": visit.number(flow.ask.group),
        "step": visit.number(HOMES_STEP),
    }
    more = f"opening-more.{opening}" if opening in _EXPLAINED else "nothing-left"
    is_told = opening in _EXPLAINED or (served is not None and has_left_nothing(policies, flow, served))
    return HowFarOpen(
        opening,
        _DRAWINGS[opening],
        visit.text("ways", f"opening.{opening}", **gaps),
        visit.text("ways", more, **gaps) if is_told else "",
    )
