"""Targets that are missed, as ``docs/limits.md`` lists them: a number that is told is no failure, one that is not is."""

from __future__ import annotations

import re
from typing import Final

from tests.privacy.measured.findings import Finding
from tests.privacy.measured.measure import Result
from tests.privacy.measured.utility import Utility

_LISTED: Final = re.compile(r"`\./dev privacy` misses `([^`]+)`: (\d*\.?\d+)")
NEAR: Final = 0.02
"""How far a number may lie from what is listed; more is news."""


def listed(text: str) -> dict[str, float]:
    """Return what a page of limits lists: name → number, as in "`./dev privacy` misses `size`: .61"."""
    return {name: float(number) for name, number in _LISTED.findall(text)}


def name_of(one: Finding | Utility) -> str:
    """Return under which name something is listed."""
    return one.id if isinstance(one, Finding) else f"{one.mechanism} by the {one.publish}, {one.homes} homes, {one.hours} h"


def not_listed(result: Result, text: str) -> list[str]:
    """Return in a line each what is missed and not listed with its number."""
    known = listed(text)
    return [
        f"{name_of(one)}: {number:.3f}, at most {one.target:.3f}"
        for one in result.missed()
        for number in (one.p if isinstance(one, Finding) else one.rel_error,)
        if abs(known.get(name_of(one), float("inf")) - number) > NEAR
    ]


def no_longer_missed(result: Result, text: str) -> list[str]:
    """Return what is listed and met now: the line goes."""
    return sorted(set(listed(text)) - {name_of(one) for one in result.missed()})
