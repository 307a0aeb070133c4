"""`/rules`: every change of the rules, and whether it tells more of people; `/rules/<entry>`: each of them in words and numbers.

When a set came into force and its number come from the record's entries, what differs from the sets in the record's folder, by
``consent.core.review.diff``. Nothing is asked of the gateway. A set that is absent or damaged is said to be, and the next one is
compared with the last that can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consent.core.review.reach import Direction
from consent.portal.answers import Answer, NoSuchPage, Page, Parameter, Route
from consent.portal.changes.pair import SetsPair, readable_before
from consent.portal.changes.sections import ChangeSection
from consent.portal.changes.telling import Summary, first_sections, sections, summary
from consent.portal.record import RulesChange
from consent.portal.site import Site
from consent.portal.visit import Visit

_A_PAGE: Final = 50
"""So many changes are shown at once."""
_ICONS: Final = {"rises": "gate-open", "falls": "gate-shut", "differs": "gate-half", "first": "gate-half", "unread": "ask"}


@dataclass(frozen=True, slots=True)
class ListedChange:
    """A change in the list.

    Attributes:
        kind: `rises`, `falls`, `differs`, `first` (nothing was in force before), or `unread` (the set cannot be read).
        more: Who is told more; a list in words, empty where nobody is.
        less: Likewise.
        is_wording: Nothing differs but words, and what tells nothing.
    """

    number: int
    url: str
    at_ms: int
    kind: str
    icon: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    is_wording: bool


@dataclass(frozen=True, slots=True)
class RulesView:
    """What the list shows.

    Attributes:
        count: How many changes there are after the first rules.
        first_ms: When the first rules came into force; 0 where there are none.
        changes: Newest first; a page of them.
        earlier: The address of the page with those before, or empty.
    """

    count: int
    first_ms: int
    changes: tuple[ListedChange, ...]
    earlier: str

    @property
    def latest(self) -> ListedChange | None:
        """The newest one shown."""
        return self.changes[0] if self.changes else None


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What the page of one change shows.

    Attributes:
        kind: As ``ListedChange`` has it.
        file: The address of the set; empty where it is not there.
        compared: The number of the change that it is compared with; None where it is the first that can be read.
        skipped: Whether a set between them cannot be read.
        earlier: The address of the change before, or empty; `later` that of the next one.
        in_force: Whether it is the one in force.
        icons: Direction → name of its drawing.
    """

    number: int
    at_ms: int
    kind: str
    file: str
    compared: int | None
    compared_ms: int
    skipped: bool
    sections: tuple[ChangeSection, ...]
    earlier: str
    later: str
    in_force: bool
    icons: Mapping[str, str]


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the list of changes, before the entry that the query names."""
    changes = site.record.changes
    before = int(parameters["before"]) if "before" in parameters else None
    shown = [at for at, change in enumerate(changes) if before is None or change.index < before]
    rest, page = shown[:-_A_PAGE], shown[-_A_PAGE:]
    view = RulesView(
        count=max(len(changes) - 1, 0),
        first_ms=changes[0].at_ms if changes else 0,
        changes=tuple([_listed(visit, changes, at) for at in reversed(page)]),
        earlier=visit.url("/rules", before=changes[page[0]].index) if rest else "",
    )
    return Page("rules.html", view)


def _listed(visit: Visit, changes: Sequence[RulesChange], at: int) -> ListedChange:
    change, found = changes[at], _summary(visit, changes, at)
    kind = _kind(change, found)
    more, less = ((), ()) if found is None else (found.more, found.less)
    is_wording = found is not None and found.is_wording
    url = visit.url(f"/rules/{change.index}")
    return ListedChange(change.index, url, change.at_ms, kind, _ICONS[kind], more, less, is_wording)


def _kind(change: RulesChange, found: Summary | None) -> str:
    if change.policies is None:
        return "unread"
    return "first" if found is None else str(found.direction)


def _summary(visit: Visit, changes: Sequence[RulesChange], at: int) -> Summary | None:
    new, before = changes[at].policies, readable_before(changes, at)
    if new is None or before is None or before.policies is None:
        return None
    return summary(visit, SetsPair.of(before.policies, new))


async def show_change(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with one change.

    Raises: NoSuchPage: there is no change of the rules at this entry.
    """
    changes, index = site.record.changes, int(parameters["entry"])
    at = next((place for place, change in enumerate(changes) if change.index == index), None)
    if at is None:
        raise NoSuchPage("change")
    change, before = changes[at], readable_before(changes, at)
    found: list[ChangeSection] = []
    if change.policies is not None:
        if before is None or before.policies is None:
            found = first_sections(visit, change.policies)
        else:
            found = sections(visit, SetsPair.of(before.policies, change.policies))
    kind = _kind(change, _summary(visit, changes, at))
    view = ChangeView(
        number=change.index,
        at_ms=change.at_ms,
        kind=kind,
        file="" if change.policies is None else f"/log/policies/{change.sha256.hex()}",
        compared=None if before is None else before.index,
        compared_ms=0 if before is None else before.at_ms,
        skipped=at > 0 and before is not changes[at - 1],
        sections=tuple(found),
        earlier=visit.url(f"/rules/{changes[at - 1].index}") if at else "",
        later=visit.url(f"/rules/{changes[at + 1].index}") if at + 1 < len(changes) else "",
        in_force=at == len(changes) - 1,
        icons={str(direction): _ICONS[direction] for direction in Direction},
    )
    return Page("change.html", view)


ROUTES = (
    Route("/rules", show, "Every change of the rules", parameters=(Parameter("before", "[0-9]{1,15}", "17", is_in_query=True),)),
    Route(
        "/rules/{entry}",
        show_change,
        "A change of the rules in words",
        parameters=(Parameter("entry", "0|[1-9][0-9]{0,14}", "17"),),
    ),
)
