"""Scales with round numbers: from what is to be shown to a few rules at values that people can read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_STEPS: Final = (1, 2, 5)
_SMALLEST: Final = 1e-9
"""Differences below this, in the unit of the numbers, are drawn as none."""
_LARGEST: Final = 1e15
"""Numbers beyond this are drawn as if they were absent: no sensor gives them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a chart begins and ends, and its rules.

    Attributes:
        ticks: Round values from the lowest to the highest, evenly spaced; both ends are among them.
        digits: How many digits behind the point tell them apart.
    """

    ticks: tuple[float, ...]
    digits: int

    @property
    def low(self) -> float:
        """The lowest value."""
        return self.ticks[0]

    @property
    def high(self) -> float:
        """The highest."""
        return self.ticks[-1]

    def part(self, value: float) -> float:
        """Return how far up a value is, from 0 to 1."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def is_shown(value: float | None) -> bool:
    """Return whether a value can be drawn: it is there, and a number that a sensor can give."""
    return value is not None and abs(value) <= _LARGEST


def scale_of(values: Iterable[float], *, from_zero: bool = True, most: int = 4) -> Scale:
    """Return a scale that holds all values.

    Args:
        values: What is drawn; none of them beyond what ``is_shown`` lets through.
        from_zero: It holds 0, so that twice the value is twice as high; else it begins at the round number below the lowest.
        most: The most rules besides the lowest.
    """
    shown = [*values, 0.0] if from_zero else list(values)
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    if high - low < max(_SMALLEST, abs(high) * 1e-6, abs(low) * 1e-6):
        low, high = (low, low + 1) if low >= 0 else (high - 1, high)
    exponent = math.floor(math.log10((high - low) / most))
    first, last, step = _rules(low, high, exponent, most)
    digits = max(0, -step[1])
    return Scale(tuple(round(index * step[0] * 10.0 ** step[1], digits) for index in range(first, last + 1)), digits)


def _rules(low: float, high: float, exponent: int, most: int) -> tuple[int, int, tuple[int, int]]:
    """Return the first and the last multiple of the finest step with few enough rules, and the step, as (m, e) for m × 10^e."""
    for e in itertools.count(exponent):
        for m in _STEPS:
            size = m * 10.0**e
            first, last = math.floor(low / size + 1e-9), math.ceil(high / size - 1e-9)
            if last - first <= most:
                return first, max(last, first + 1), (m, e)
    raise AssertionError  # the count has no end
