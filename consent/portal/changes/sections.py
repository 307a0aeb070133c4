"""What a page tells of a change of the rules: sections with rows, each of which tells more, less, or no more.

``telling`` makes them from a difference; a flow has a section of its own, everything else one for its kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consent.core.review.reach import Direction


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Something that differs.

    Attributes:
        text: A sentence.
        about: Of whose sensors and where; empty where it holds everywhere.
    """

    direction: Direction
    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSection:
    """Rows that belong together.

    Attributes:
        title: Of the flow, or of the kind of rule.
        who: Who gets it; empty where that is not one recipient.
        is_flow: Whether it is a flow's.
    """

    title: str
    who: str
    is_flow: bool
    rows: tuple[ChangeRow, ...]

    @property
    def direction(self) -> Direction:
        """Whether any of it tells more; else less; else neither."""
        return direction_of(row.direction for row in self.rows)


def direction_of(directions: Iterable[Direction]) -> Direction:
    """Return the gravest of some directions: more, then less, then neither."""
    found = set(directions)
    return next((each for each in Direction if each in found), Direction.DIFFERS)
