"""Levels of the axes on which a flow is told more or less, in the reader's words: from numbers, and no text for operators."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from consent.core.disclosure import TOP, Disclosure, Identity
from consent.core.explain.phrases import PRECISION, Phrases
from consent.core.policies.policy import PolicySet
from consent.core.review.population import agreeing
from consent.core.review.reach import AxisStep, Reach, reach_of
from consent.core.review.rows import Change, Whose
from consent.portal.visit import Visit
from consent.portal.ways.words import kept, title_of

_LIMITS: Final[dict[Whose, Disclosure]] = {Whose.AGREEING: TOP, Whose.FIGURES: replace(TOP, identity=Identity.AGGREGATE)}


def reach_in(policies: PolicySet, change: Change) -> Reach:
    """Return what one of two sets lets a flow have of whom a change is about: whoever agrees, or the city's own sensors."""
    limits = _LIMITS.get(change.whose)
    consents = None if limits is None else [agreeing(policies, change.flow, limits)]
    return reach_of(policies, change.flow, change.profile, change.zones[0], consents)


def level_text(visit: Visit, policies: PolicySet, flow: str, axis: str, step: AxisStep) -> str:
    """Return the level of an axis in words, as `by the hour`.

    Args:
        policies: Those under which it holds.
        axis: As ``reach`` names it.
        step: Its rank grows with what is told: of a step of precision and of a number of homes it is their negative.
    """
    phrases = Phrases(visit.language)
    if axis.startswith(PRECISION):
        return phrases.step(Decimal(repr(-step.rank)).normalize(), policies.properties[axis.removeprefix(PRECISION)].unit)
    match axis:
        case "identity":
            return phrases.say(f"identity.{step.label}")
        case "time":
            return phrases.say(f"time.{step.label}")
        case "space":
            return phrases.say(f"area.{step.label}")
        case "group":
            return visit.number(-int(step.rank))
        case "retention":
            return kept(visit, int(step.rank))
    return phrases.budget(step.rank, policies.flows[flow].period)


def told_text(visit: Visit, policies: PolicySet, reach: Reach) -> str:
    """Return what leaves, in a list: of what, and how finely."""
    phrases, levels = Phrases(visit.language), dict(reach.steps)
    names = [axis.removeprefix(PRECISION) for axis in levels if axis.startswith(PRECISION)]
    return visit.text(
        "change",
        "told",
        what=phrases.listed([title_of(visit, policies.properties[name]) for name in names]),
        identity=phrases.say(f"identity.{levels['identity'].label}"),
        time=phrases.say(f"time.{levels['time'].label}"),
        space=phrases.say(f"area.{levels['space'].label}"),
        kept=kept(visit, int(levels["retention"].rank)),
    )
