"""The rows of a comparison of policies: equal changes are merged, and counts single nobody out.

The number of subjects behind a row is given in steps of the city's floor for figures, so that subtracting two rows reveals
nothing. A row that rests on consents is about the subjects who gave them: where they are fewer than the floor, it gives flow,
axis and direction but no profile, zone or level; and it names only zones in which there are enough of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from consent.core.review.reach import NOTHING, Direction

LEAST_FLOOR: Final = 5
"""Counts are never told finer than this, also where the city has no floor of its own."""


class Whose(StrEnum):
    """Whose data a change is about."""

    STANDING = "as consents stand"
    AGREEING = "whoever agrees"
    FIGURES = "whoever agrees to figures only"
    PUBLIC = "devices without a subject"


@dataclass(frozen=True, slots=True)
class Count:
    """A number between ``least`` and ``most``."""

    least: int
    most: int

    @classmethod
    def of(cls, members: int, floor: int) -> Count:
        """Return a number of subjects in steps of ``floor``; zero may be given exactly."""
        if members == 0:
            return cls(0, 0)
        least = members - members % floor
        return cls(max(least, 1), least + floor - 1)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one axis of a flow.

    Attributes:
        profile: The device profile; empty where it is withheld.
        zones: Where, as far as that is revealed.
        everywhere: Whether that is all zones.
        axis: As ``decide`` names it, or `all` where something begins or ceases to leave.
        old: Its former level, as policies write it; empty where it is withheld.
        new: Its later level.
        count: How many subjects, or devices without one, are registered there; None where no registry is known.
    """

    direction: Direction
    whose: Whose
    flow: str
    profile: str
    zones: tuple[str, ...]
    everywhere: bool
    axis: str
    old: str
    new: str
    count: Count | None

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "direction": self.direction.value,
            "whose": self.whose.value,
            "flow": self.flow,
            "profile": self.profile,
            "zones": list(self.zones),
            "everywhere": self.everywhere,
            "axis": self.axis,
            "old": self.old,
            "new": self.new,
            "count": None if self.count is None else [self.count.least, self.count.most],
        }


@dataclass(frozen=True, slots=True)
class Alike:
    """What the changes merged into one row have in common."""

    direction: Direction
    whose: Whose
    flow: str
    profile: str
    axis: str
    old: str
    new: str


def _of_few(alike: Alike) -> Alike:
    """Remove what reveals the consents of few: levels follow from consents, a reason why nothing leaves from policies."""
    old, new = [label if label.startswith(NOTHING) else "" for label in (alike.old, alike.new)]
    return replace(alike, profile="", old=old, new=new)


class Rows:
    """Collects changes, zone by zone."""

    def __init__(self, zones: Iterable[str], floor: int, *, counting: bool) -> None:
        """Begin with no change.

        Args:
            zones: All zones.
            floor: The least number of subjects that a figure of the city may be about.
            counting: Whether the registry is known.
        """
        self._zones = frozenset(zones)
        self._floor = max(floor, LEAST_FLOOR)
        self._counting = counting
        self._found: dict[Alike, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))

    def add(self, alike: Alike, members: dict[str, frozenset[bytes]]) -> None:
        """Add a change; ``members`` are those concerned, by zone."""
        for zone, those in members.items():
            self._found[alike][zone] |= those

    def has(self, alike: Alike, zone: str) -> bool:
        """Return whether a change has been recorded for a zone."""
        return zone in self._found.get(alike, ())

    def changes(self) -> list[Change]:
        """Return the rows: increases first, then by flow."""
        rows: list[Change] = []
        few: dict[Alike, set[bytes]] = defaultdict(set)
        for alike, zones in self._found.items():
            members = set().union(*zones.values())
            if alike.whose is Whose.STANDING and len(members) < self._floor:
                few[_of_few(alike)] |= members
            else:
                rows.append(self._row(alike, self._told(alike, zones), members))
        rows += [self._row(alike, (), members) for alike, members in few.items()]
        order = list(Direction)
        whose = list(Whose)
        return sorted(
            rows, key=lambda r: (order.index(r.direction), r.flow, whose.index(r.whose), r.profile, r.axis, r.old, r.new, r.zones)
        )

    def _told(self, alike: Alike, zones: dict[str, set[bytes]]) -> tuple[str, ...]:
        """Return the zones of a row that may be named."""
        if alike.whose is not Whose.STANDING:
            return tuple(sorted(zones))
        return tuple(sorted(zone for zone, members in zones.items() if len(members) >= self._floor))

    def _row(self, alike: Alike, zones: tuple[str, ...], members: set[bytes]) -> Change:
        count = None
        if self._counting:
            n = len(members)
            count = Count(n, n) if alike.whose is Whose.PUBLIC else Count.of(n, self._floor)
        everywhere = self._zones == set(zones)
        return Change(
            alike.direction, alike.whose, alike.flow, alike.profile, zones, everywhere, alike.axis, alike.old, alike.new, count
        )
