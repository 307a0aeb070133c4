"""A way out in words: what one record of it is, how finely it tells, and whose limits lower that.

Sentences are those of the part `ways`, and for levels the phrases that explanations and receipts use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from consent.core.disclosure import Disclosure, Identity
from consent.core.explain.phrases import Phrases
from consent.core.policies.policy import Flow, PolicySet, Statistic
from consent.core.policies.property import Property
from consent.portal.visit import Visit
from consent.portal.ways.most_told import MostTold, kept_days

_ABOUT_HOMES, _ABOUT_NOBODY = "homes", "city"
_DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Lowered:
    """Where less leaves.

    Attributes:
        where: Titles of the neighbourhoods.
        how: What leaves there at most, or that nothing does.
    """

    where: str
    how: str


def lead(visit: Visit, policies: PolicySet, flow: Flow, told: MostTold) -> str:
    """Return in one or two sentences what one record of a flow is."""
    by = _ABOUT_HOMES if policies.rests_on_consent(flow) else _ABOUT_NOBODY
    if told.reason:
        return visit.text("ways", "lead.nothing")
    identity, name = told.disclosure.identity, told.properties[0]
    statistic = flow.statistic.get(name)
    every = visit.text("ways", "every.week" if statistic is Statistic.TYPICAL_DAY else f"every.{told.disclosure.time.label}")
    if identity is Identity.AGGREGATE or (by == _ABOUT_NOBODY and statistic is not None):
        return visit.text(
            "ways",
            f"lead.{by}.figure",
            figure=visit.text("ways", f"figure.{statistic or Statistic.MEAN}"),
            every=every,
            of=visit.text("ways", f"of.{told.disclosure.space.label}"),
            group=visit.number(flow.ask.group),
        )
    return visit.text("ways", f"lead.{by}.{identity.label}", every=every)


def title_of(visit: Visit, known: Property) -> str:
    """Return a property's title, or its id where the rules give none."""
    return visit.title(known.title) or known.id


def property_title(visit: Visit, policies: PolicySet, name: str) -> str:
    """Return a property's title by its id; the id where the rules know it no more."""
    known = policies.properties.get(name)
    return name if known is None else title_of(visit, known)


def sensor_title(visit: Visit, policies: PolicySet | None, profile: str) -> str:
    """Return what sensors of a profile are called; its id where the rules cannot be read, or know it no more."""
    known = None if policies is None else policies.profiles.get(profile)
    return (visit.title(known.title) if known is not None else "") or profile


def place_title(visit: Visit, policies: PolicySet, place: str) -> str:
    """Return the name of a zone, a district or the city by its id; the id where the rules give none."""
    if place == policies.city.id:
        return policies.city.name
    zone = policies.zones.get(place)
    return visit.title(policies.districts.get(place, {}) if zone is None else zone.title) or place


def properties_of(visit: Visit, policies: PolicySet, names: Sequence[str]) -> str:
    """Return the titles of some properties as a list in a sentence."""
    return Phrases(visit.language).listed([title_of(visit, policies.properties[name]) for name in names])


def how_finely(visit: Visit, policies: PolicySet, told: MostTold) -> str:
    """Return how finely time, place and values are told."""
    phrases, point = Phrases(visit.language), told.disclosure
    steps = []
    for name in told.properties:
        known = policies.properties[name]
        step = phrases.step(known.rung(point.step(name)), known.unit)
        steps.append(step if len(told.properties) == 1 else f"{title_of(visit, known)} {step}")
    return visit.text(
        "ways",
        "how-finely",
        time=phrases.say(f"time.{point.time.label}"),
        space=phrases.say(f"area.{point.space.label}"),
        steps="; ".join(steps),
    )


def kept(visit: Visit, days: int) -> str:
    """Return a number of days, in years where it is a whole number of those."""
    years, rest = divmod(days, _DAYS_A_YEAR)
    return visit.counted("ways", "kept-days", days) if rest or not years else visit.counted("ways", "kept-years", years)


def lowered(visit: Visit, policies: PolicySet, flow: Flow, told: Sequence[MostTold]) -> list[Lowered]:
    """Return where less leaves than elsewhere; by neighbourhoods, whose ceilings are what differs."""
    phrases, first = Phrases(visit.language), told[0]
    found = []
    for row in told[1:]:
        titles = [visit.title(policies.neighbourhood_titles[name]) or name for name in row.neighbourhoods if name]
        if titles and _differs(policies, flow, first.disclosure, row):
            found.append(Lowered(phrases.listed(titles), _less(visit, policies, flow, first.disclosure, row)))
    return found


def _differs(policies: PolicySet, flow: Flow, most: Disclosure, row: MostTold) -> bool:
    """Return whether anybody could see that less leaves: days of keeping count only as records state them."""
    if row.reason or kept_days(policies, flow, row.disclosure) != kept_days(policies, flow, most):
        return True
    return replace(row.disclosure, retention_days=most.retention_days) != most


def _less(visit: Visit, policies: PolicySet, flow: Flow, most: Disclosure, row: MostTold) -> str:
    if row.reason:
        return visit.text("ways", "lowered.nothing")
    phrases, point = Phrases(visit.language), row.disclosure
    parts = []
    if point.time < most.time:
        parts.append(visit.text("ways", "lowered.time", time=phrases.say(f"time.{point.time.label}")))
    if point.space < most.space:
        parts.append(visit.text("ways", "lowered.space", space=phrases.say(f"area.{point.space.label}")))
    days = kept_days(policies, flow, point)
    if days < kept_days(policies, flow, most):
        parts.append(visit.text("ways", "lowered.kept", days=kept(visit, days)))
    return phrases.listed(parts) if parts else visit.text("ways", "lowered.otherwise")
