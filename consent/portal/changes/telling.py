"""From the difference between two sets of rules to what the pages tell: sections, what tells more first, and a summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from consent.core.policies.policy import PolicySet
from consent.core.review.reach import Direction
from consent.core.review.rules import Rule
from consent.portal.changes.flow_rows import asked_rows, decision_rows, ended_rows, rule_rows
from consent.portal.changes.other_rows import LIMITS, SECTIONS, ceiling_rows, other_rows
from consent.portal.changes.pair import SetsPair
from consent.portal.changes.sections import ChangeRow, ChangeSection
from consent.portal.visit import Visit

_FLOW = "flow."


@dataclass(frozen=True, slots=True)
class Summary:
    """A change in a few words.

    Attributes:
        direction: Whether anything tells more; else less; else neither.
        more: Who is told more, or what tells more.
        less: Likewise.
        is_wording: Nothing differs but words, and what tells nothing.
    """

    direction: Direction
    more: tuple[str, ...]
    less: tuple[str, ...]
    is_wording: bool


def first_sections(visit: Visit, policies: PolicySet) -> list[ChangeSection]:
    """Return what the first rules ask: every flow is new."""
    return [
        ChangeSection(_flow_title(visit, policies, name), _recipient(visit, policies, name), True, tuple(rows))
        for name, flow in policies.flows.items()
        if (rows := list(asked_rows(visit, policies, flow)))
    ]


def sections(visit: Visit, pair: SetsPair) -> list[ChangeSection]:
    """Return what differs: what tells more first, flows before all else."""
    found = [*_flow_sections(visit, pair), *_other_sections(visit, pair)]
    order = list(Direction)
    return sorted(found, key=lambda section: order.index(section.direction))


def summary(visit: Visit, pair: SetsPair) -> Summary:
    """Return a change in a few words."""
    found = sections(visit, pair)
    difference = pair.difference
    falls = Direction.FALLS in {row.direction for section in found for row in section.rows}
    direction = Direction.RISES if difference.rises else Direction.FALLS if falls else Direction.DIFFERS
    more, less = [tuple(_named(visit, found, each)) for each in (Direction.RISES, Direction.FALLS)]
    return Summary(direction, more, less, not found)


def _named(visit: Visit, found: list[ChangeSection], direction: Direction) -> Iterator[str]:
    """Yield whom sections are about in which something tells more, or less."""
    for section in found:
        if direction in {row.direction for row in section.rows}:
            yield visit.text("rules", "item", title=section.title, who=section.who) if section.who else section.title


def _flow_sections(visit: Visit, pair: SetsPair) -> Iterator[ChangeSection]:
    rules: dict[str, list[Rule]] = defaultdict(list)
    for rule in pair.difference.rules:
        if rule.key.startswith(_FLOW):
            rules[rule.key.removeprefix(_FLOW).partition(".")[0]].append(rule)
    changed = {change.flow for change in pair.difference.changes} | rules.keys()
    for name in sorted(changed):
        policies = pair.new if name in pair.new.flows else pair.old
        rows = tuple(_flow_rows(visit, pair, name, rules[name]))
        yield ChangeSection(_flow_title(visit, policies, name), _recipient(visit, policies, name), True, rows)


def _flow_rows(visit: Visit, pair: SetsPair, name: str, rules: list[Rule]) -> Iterator[ChangeRow]:
    if name not in pair.old.flows:
        yield from asked_rows(visit, pair.new, pair.new.flows[name])
    elif name not in pair.new.flows:
        yield from ended_rows(visit)
    else:
        rows = [*decision_rows(visit, pair, [change for change in pair.difference.changes if change.flow == name])]
        rows += rule_rows(visit, pair, name, rules)
        order = list(Direction)
        yield from sorted(rows, key=lambda row: order.index(row.direction))


def _other_sections(visit: Visit, pair: SetsPair) -> Iterator[ChangeSection]:
    rows: dict[str, list[ChangeRow]] = defaultdict(list)
    for rule in pair.difference.rules:
        if not rule.key.startswith(_FLOW):
            section, row = other_rows(visit, pair, rule)
            rows[section].append(row)
    rows[LIMITS] += ceiling_rows(visit, pair)
    for name in SECTIONS:
        if rows[name]:
            unique = tuple(dict.fromkeys(rows[name]))
            yield ChangeSection(visit.text("change", f"section.{name}"), "", False, unique)


def _flow_title(visit: Visit, policies: PolicySet, name: str) -> str:
    return visit.title(policies.flows[name].title) or name


def _recipient(visit: Visit, policies: PolicySet, name: str) -> str:
    recipient = policies.recipients[policies.flows[name].recipient]
    return visit.title(recipient.title) or recipient.id
