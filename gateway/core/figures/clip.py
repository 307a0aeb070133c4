"""Clipping: a household's cells, in whole numbers, so that together with its presence they reach no further than its bound.

Presence is never scaled: the cells alone are shortened, to the norm that presence leaves of the bound, so that the number of
households is counted without bias. Only whole numbers are compared, so the bound holds to the last digit, whatever was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import inf, isqrt
from operator import mul
from typing import Final

_SCALE_BITS: Final = 32


def squared_reach(clip: Fraction, presence: int) -> int:
    """Return the squared norm that presence leaves for the cells, rounded down; negative where it leaves none.

    Args:
        clip: The household's bound, in first steps.
        presence: The weight of presence, in whole first steps.
    """
    left = clip * clip - presence * presence
    return left.numerator // left.denominator


def scaled_clip(clip: Decimal, first_step: Decimal, mu: Fraction, own_mu: float) -> Fraction:
    """Return a household's bound in first steps: the draw's, times the household's μ ÷ the draw's, where it grants less.

    Args:
        clip: The bound of the draw, in the property's unit.
        first_step: Of the property.
        mu: Of the draw.
        own_mu: What the household permits; infinite where it sets no bound.
    """
    whole = Fraction(clip) / Fraction(first_step)
    if own_mu == inf:
        return whole
    return whole * min(Fraction(1), Fraction(str(own_mu)) / mu)


def clip(cells: Sequence[int], reach: int) -> Sequence[int]:
    """Return the cells, each shortened by the same factor, toward 0, if their squared norm is above ``reach``.

    The squared norm of what is returned is at most ``reach``.
    """
    norm = sum(map(mul, cells, cells))
    if norm <= reach:
        return cells
    factor = isqrt((reach << 2 * _SCALE_BITS) // norm)  # ⌊√(reach/norm) · 2³²⌋: never above the factor itself
    return [cell * factor >> _SCALE_BITS if cell >= 0 else -(-cell * factor >> _SCALE_BITS) for cell in cells]
