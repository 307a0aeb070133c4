"""What changes for one flow, in sentences: what it newly gets, gets no more, gets more or less finely, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from consent.core.explain.phrases import PRECISION, Phrases
from consent.core.policies.policy import Flow, PolicySet, Purpose, Recipient, Zone
from consent.core.profiles.profile import Profile
from consent.core.review.reach import ALL_AXES, Direction
from consent.core.review.rows import Change, Whose
from consent.core.review.rules import Rule
from consent.portal.changes.levels import level_text, reach_in, told_text
from consent.portal.changes.pair import SetsPair
from consent.portal.changes.sections import ChangeRow
from consent.portal.visit import Visit
from consent.portal.ways.most_told import kept_days, most_told
from consent.portal.ways.words import how_finely, kept, properties_of, title_of

_Titled = Profile | Purpose | Recipient | Zone
_WHOSE: Final = {Whose.AGREEING: "agreeing", Whose.FIGURES: "figures", Whose.PUBLIC: "city"}


class _Alike(NamedTuple):
    """What the changes that share a row have in common; no zones are all of them."""

    direction: Direction
    text: str
    whose: Whose
    zones: tuple[str, ...]


def asked_rows(visit: Visit, policies: PolicySet, flow: Flow) -> Iterator[ChangeRow]:
    """Yield what a flow asks that was not there before."""
    told = most_told(policies, flow)
    what = properties_of(visit, policies, flow.properties)
    if not told or told[0].reason:
        yield ChangeRow(Direction.RISES, visit.text("change", "new-shut", what=what))
        return
    most = told[0]
    yield ChangeRow(
        Direction.RISES,
        visit.text(
            "change",
            "new",
            what=what,
            identity=Phrases(visit.language).say(f"identity.{most.disclosure.identity.label}"),
            how=how_finely(visit, policies, most),
            kept=kept(visit, kept_days(policies, flow, most.disclosure)),
            purpose=visit.title(policies.purposes[flow.purpose].title) or flow.purpose,
        ),
        visit.text("change", "whose.agreeing" if policies.rests_on_consent(flow) else "whose.city"),
    )


def ended_rows(visit: Visit) -> Iterator[ChangeRow]:
    """Yield that a flow is there no more."""
    yield ChangeRow(Direction.FALLS, visit.text("change", "gone"))


def decision_rows(visit: Visit, pair: SetsPair, changes: Iterable[Change]) -> Iterator[ChangeRow]:
    """Yield what is decided otherwise for a flow; sensors of several kinds for which the same changes share a row."""
    merged: dict[_Alike, list[str]] = {}
    for change in changes:
        zones = () if change.everywhere else change.zones
        alike = _Alike(change.direction, _sentence(visit, pair, change), change.whose, zones)
        merged.setdefault(alike, []).append(change.profile)
    for alike, profiles in merged.items():
        yield ChangeRow(alike.direction, alike.text, _about(visit, pair, alike, profiles))


def _sentence(visit: Visit, pair: SetsPair, change: Change) -> str:
    old, new, axis = reach_in(pair.old, change), reach_in(pair.new, change), change.axis
    if axis == ALL_AXES:
        if change.direction is Direction.RISES:
            return visit.text("change", "begins", told=told_text(visit, pair.new, new))
        return visit.text("change", "ceases", told=told_text(visit, pair.old, old))
    before, after = dict(old.steps).get(axis), dict(new.steps).get(axis)
    gaps = {
        "old": "" if before is None else level_text(visit, pair.old, change.flow, axis, before),
        "new": "" if after is None else level_text(visit, pair.new, change.flow, axis, after),
    }
    if not axis.startswith(PRECISION):
        return visit.text("change", f"axis.{axis}.{change.direction}", **gaps)
    name = axis.removeprefix(PRECISION)
    gaps["what"] = title_of(visit, (pair.old if after is None else pair.new).properties[name])
    key = "added" if before is None else "removed" if after is None else change.direction
    return visit.text("change", f"axis.precision.{key}", **gaps)


def _about(visit: Visit, pair: SetsPair, alike: _Alike, profiles: list[str]) -> str:
    """Return whose sensors, of which kinds and where."""
    phrases = Phrases(visit.language)
    about = [visit.text("change", f"whose.{_WHOSE[alike.whose]}")]
    kinds = [_titled(visit, profile, pair.new.profiles, pair.old.profiles) for profile in dict.fromkeys(profiles)]
    about.append(visit.text("change", "kinds", kinds=phrases.listed(kinds)))
    if alike.zones:
        where = phrases.listed([_titled(visit, zone, pair.new.zones, pair.old.zones) for zone in alike.zones])
        about.append(visit.text("change", "where", where=where))
    return " · ".join(about)


def rule_rows(visit: Visit, pair: SetsPair, flow: str, rules: Iterable[Rule]) -> Iterator[ChangeRow]:
    """Yield what differs in a flow besides decisions: purpose, recipient, what it reads, and how its figures are made."""
    old, new = pair.old.flows[flow], pair.new.flows[flow]
    for rule in rules:
        part = rule.key.removeprefix(f"flow.{flow}.")
        yield ChangeRow(rule.direction, _of_rule(visit, pair, old, new, part, rule))


def _of_rule(visit: Visit, pair: SetsPair, old: Flow, new: Flow, part: str, rule: Rule) -> str:
    key, _, name = part.partition(".")
    match key:
        case "purpose":
            gaps = [_titled(visit, flow.purpose, each.purposes) for each, flow in ((pair.old, old), (pair.new, new))]
        case "recipient":
            gaps = [_titled(visit, flow.recipient, each.recipients) for each, flow in ((pair.old, old), (pair.new, new))]
        case "properties":
            is_added = rule.direction is Direction.RISES
            known = (pair.new if is_added else pair.old).properties[rule.new if is_added else rule.old]
            return visit.text("change", f"flow.properties.{rule.direction}", what=title_of(visit, known))
        case "statistic":
            gaps = [visit.text("change", f"statistic.{each.statistic_of(name) or 'single'}") for each in (old, new)]
            what = title_of(visit, pair.new.properties[name])
            return visit.text("change", "flow.statistic", what=what, old=gaps[0], new=gaps[1])
        case "noise":
            return visit.text("change", f"flow.noise.{rule.direction}")
        case "period":
            return visit.text("change", f"flow.period.{new.period}")
        case "publish":
            return visit.text("change", f"flow.publish.{new.publish}")
        case _:
            return visit.text("change", "flow.clip")
    return visit.text("change", f"flow.{key}", old=gaps[0], new=gaps[1])


def _titled(visit: Visit, name: str, *tables: Mapping[str, _Titled]) -> str:
    """Return the title of what the first table has that knows it; the name where none does."""
    known = next((table[name] for table in tables if name in table), None)
    return (visit.title(known.title) if known is not None else "") or name
