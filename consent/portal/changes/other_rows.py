"""What changes in the rules besides single flows, in sentences: recipients, limits, values, sensors, places and the city."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from consent.core.canonical import bounded_map
from consent.core.disclosure import TOP, Disclosure
from consent.core.explain.phrases import Phrases
from consent.core.policies.policy import PolicySet
from consent.core.review.reach import Direction
from consent.core.review.rules import Rule
from consent.portal.changes.pair import SetsPair
from consent.portal.changes.sections import ChangeRow
from consent.portal.visit import Visit
from consent.portal.ways.words import title_of

RECIPIENTS, PURPOSES, FIGURES, VALUES, SENSORS, PLACES, CITY, LIMITS, OTHER = (
    *("recipients", "purposes", "figures", "values", "sensors", "places", "city", "limits", "other"),
)
SECTIONS: Final = (RECIPIENTS, PURPOSES, FIGURES, VALUES, SENSORS, PLACES, LIMITS, CITY, OTHER)
"""In the order in which they are shown; their titles are `section.<name>`."""

_READ: Final = (
    (re.compile(r"match|compression|each|hub\.id|jmespath"), "messages"),
    (re.compile(r"repeat\..*"), "repeat"),
    (re.compile(r"time.*|sequence.*"), "time"),
    (re.compile(r"codec|authentication"), "form"),
    (re.compile(r"fields\..*"), "values"),
)
"""Parts of a device profile → which sentence tells of them."""


def other_rows(visit: Visit, pair: SetsPair, rule: Rule) -> tuple[str, ChangeRow]:
    """Return the section of a rule that is no flow's, and its row."""
    for pattern, section, said in _SAID:
        found = re.fullmatch(pattern, rule.key)
        if found is not None:
            return section, ChangeRow(rule.direction, said(visit, pair, (*found.groups(), rule.direction)))
    return OTHER, ChangeRow(rule.direction, visit.text("change", "rule.other"))


_Sentence = Callable[[Visit, SetsPair, tuple[str, ...]], str]
"""(visit, pair, what the key names and the direction) → a sentence."""


def _recipient(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    name, part, _ = found
    recipient = pair.new.recipients[name]
    key = {".sink": "way"}.get(part, "key")
    if key == "key" and (pair.old.recipients[name].public_key_file is None or recipient.public_key_file is None):
        key = "opened" if recipient.public_key_file is None else "sealed"
    return visit.text("change", f"recipient.{key}", recipient=visit.title(recipient.title) or name)


def _purpose(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    name, part, _ = found
    purpose = pair.new.purposes[name]
    title = visit.title(purpose.title) or name
    if part == "dpv":
        return visit.text("change", "purpose.dpv", purpose=title)
    return visit.text("change", f"purpose.{purpose.legal_basis}", purpose=title)


def _property(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    name, part, direction = found
    old, new = pair.old.properties[name], pair.new.properties[name]
    phrases, what = Phrases(visit.language), title_of(visit, new)
    if part == ".unit":
        return visit.text("change", "property.unit", what=what)
    if part == ".ladder" and direction != Direction.DIFFERS:
        steps = [phrases.amount(each.ladder[0], each.unit) for each in (old, new)]
        return visit.text("change", f"property.ladder.{direction}", what=what, old=steps[0], new=steps[1])
    key = {".ladder": "ladder.differs", ".clamp": f"clamp.{direction}"}.get(part, f"counted.{direction}")
    return visit.text("change", f"property.{key}", what=what)


def _limit(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    phrases, old, new = Phrases(visit.language), pair.old.limits, pair.new.limits
    match found[0]:
        case "mu_day":
            levels = [
                visit.text("change", "limit.no-noise") if each is None else phrases.budget(float(each))
                for each in (old.mu_day, new.mu_day)
            ]
        case "exact_group":
            levels = [visit.number(each.exact_group) for each in (old, new)]
        case _:
            levels = [phrases.listed([visit.number(rung) for rung in each.mu_rungs]) for each in (old, new)]
    return visit.text("change", f"limit.{found[0]}", old=levels[0], new=levels[1])


def _quantity(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    name, part, _ = found
    quantity = pair.new.quantities[name]
    return visit.text("change", f"quantity.{part}", what=visit.title(quantity.title) or name)


def _profile(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    name, part, _ = found
    kind = visit.title(pair.new.profiles[name].title) or name
    said = next((key for pattern, key in _READ if pattern.fullmatch(part)), "form")
    if said != "values":
        return visit.text("change", f"read.{said}", kind=kind)
    field = part.split(".")[1]
    known = pair.new.properties.get(field) or pair.old.properties.get(field)
    return visit.text("change", "read.values", kind=kind, what=field if known is None else title_of(visit, known))


def _district(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    zones, direction = found[0].split(","), found[1]
    names = [visit.title(pair.new.zones[zone].title) or zone for zone in zones]
    return visit.text("change", f"district.{direction}", where=Phrases(visit.language).listed(names))


def _city(visit: Visit, pair: SetsPair, found: tuple[str, ...]) -> str:
    values = [getattr(each.city, found[0]) for each in (pair.old, pair.new)]
    return visit.text("change", f"city.{found[0]}", old=values[0], new=values[1])


_SAID: Final[tuple[tuple[str, str, _Sentence], ...]] = (
    (r"recipient\.([^. ]+)(\.public_key_file|\.sink| public key)", RECIPIENTS, _recipient),
    (r"purpose\.([^.]+)\.(legal_basis|dpv)", PURPOSES, _purpose),
    (r"property\.([^.,]+)(\.unit|\.ladder|\.clamp|, counted in)", VALUES, _property),
    (r"limits\.(mu_day|exact_group|mu_rungs)", FIGURES, _limit),
    (r"quantity\.([^.]+)\.(cell|clip|presence)", FIGURES, _quantity),
    (r"devices/(.+)\.toml: (.+)", SENSORS, _profile),
    (r"zone\.(.+)\.district", PLACES, _district),
    (r"city\.(name|jurisdiction|storage_place|data_protection_officer)", CITY, _city),
)
"""(what a rule's key looks like, its section, its sentence)."""


def ceiling_rows(visit: Visit, pair: SetsPair) -> Iterator[ChangeRow]:
    """Yield which limits over all flows differ: the city's, and those of neighbourhoods.

    They tell nothing by themselves: what follows from them for each flow is told there.
    """
    yield from _bounds(visit, pair, visit.text("change", "ceiling.city"), pair.old.ceiling, pair.new.ceiling)
    for name in sorted(pair.old.neighbourhoods.keys() | pair.new.neighbourhoods.keys()):
        titles = pair.new.neighbourhood_titles.get(name) or pair.old.neighbourhood_titles.get(name) or {}
        whose = visit.text("change", "ceiling.neighbourhood", where=visit.title(titles) or name)
        points = [each.neighbourhoods.get(name, TOP) for each in (pair.old, pair.new)]
        yield from _bounds(visit, pair, whose, *points)


def _bounds(visit: Visit, pair: SetsPair, whose: str, old: Disclosure, new: Disclosure) -> Iterator[ChangeRow]:
    before, after = _bounds_in(visit, pair.old, old), _bounds_in(visit, pair.new, new)
    unbounded = visit.text("change", "ceiling.none")
    for axis in dict.fromkeys([*before, *after]):
        was, now = before.get(axis, unbounded), after.get(axis, unbounded)
        if was != now:
            yield ChangeRow(Direction.DIFFERS, visit.text("change", "ceiling.axis", whose=whose, axis=axis, old=was, new=now))


def _bounds_in(visit: Visit, policies: PolicySet, point: Disclosure) -> dict[str, str]:
    def title(name: str) -> tuple[str, str]:
        known = policies.properties.get(name)
        return (name, "") if known is None else (title_of(visit, known), known.unit)

    return dict(Phrases(visit.language).bounds(bounded_map(point), title))
