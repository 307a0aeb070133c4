"""Clipping: a household's cells, in whole numbers, so that together with its presence they reach no further than its bound.

Presence is never scaled: the cells alone are shortened, to the norm that presence leaves of the bound, so that the number of
households is counted without bias. Only whole numbers are compared, so the bound holds to the last digit, whatever was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt
from operator import mul
from typing import Final

_SCALE_BITS: Final = 32


def squared_reach(bound: Fraction, presence: int, cohorts: int = 1) -> int:
    """Return the squared norm that presence leaves for the cells, rounded down; negative where it leaves none.

    Args:
        bound: The household's L2 norm over all its cohorts together, in first steps.
        presence: The weight of presence, in whole first steps.
        cohorts: Between how many cohorts the bound is shared out, each the same part of its square.
    """
    squared = bound * bound / cohorts
    return squared.numerator // squared.denominator - presence * presence


def clip(cells: Sequence[int], reach: int) -> Sequence[int]:
    """Return the cells, each shortened by the same factor, toward 0, if their squared norm is above ``reach``.

    The squared norm of what is returned is at most ``reach``.
    """
    norm = sum(map(mul, cells, cells))
    if norm <= reach:
        return cells
    factor = isqrt((reach << 2 * _SCALE_BITS) // norm)  # ⌊√(reach/norm) · 2³²⌋: never above the factor itself
    return [cell * factor >> _SCALE_BITS if cell >= 0 else -(-cell * factor >> _SCALE_BITS) for cell in cells]
