"""The parts of a page on a change of the rules, for every kind of edit."""

from __future__ import annotations

from consent.core.review.reach import Direction
from consent.portal.changes.sections import ChangeRow, ChangeSection, direction_of

RISES, FALLS, DIFFERS = Direction


def test_the_gravest_direction_counts() -> None:
    assert direction_of([DIFFERS, FALLS, RISES]) is RISES
    assert direction_of([DIFFERS, FALLS]) is FALLS
    assert direction_of([DIFFERS]) is direction_of([]) is DIFFERS
    assert ChangeSection("t", "", False, (ChangeRow(DIFFERS, "a"), ChangeRow(FALLS, "b"))).direction is FALLS
