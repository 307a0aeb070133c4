"""Minimise: floors values and times to the permitted steps, as whole numbers of steps.

From here on a value is an integer count of its property's finest step, so that sums are exact in any order, and
coarser levels are integer divisions. That makes coarsening coherent: coarsening a coarsened value gives the same
as coarsening once (section *Laws* of the tests).
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import floor

MAX_STEPS = 2**53
"""Beyond this many steps a double can no longer distinguish neighbours, and sums would outgrow what stores hold."""
LEAST_STEPS = -MAX_STEPS

_MOST, _LEAST = float(MAX_STEPS), float(LEAST_STEPS)
"""The same as floats: Python takes several times as long to compare a float with so large an int, for each reading."""

_TOLERANCE = 1e-6

_ENERGY_UNIT = 2**20
_LEAST_LEVEL_DB = -60
_GREATEST_LEVEL_DB = 300
_ENERGY_CONTEXT = Context(prec=40)


def floor_steps(value: float, step: float) -> int:
    """Return the largest n with n·step <= value, where value and step mean the decimals they were written as.

    Binary numbers miss most decimals: 0.3 / 0.1 is 2.9999999999999996, and 0.3 is three steps all the same. So a quotient
    within a millionth of a step below a whole number counts as that number. Rounding in value, step and quotient adds up
    to less than that for all quotients under three billion, and no sensor resolves a millionth of the step it is rounded to.

    Returns:
        n; for a value beyond ``MAX_STEPS`` steps, or not a number, a number beyond ``MAX_STEPS``.
    """
    quotient = value / step
    if _LEAST <= quotient <= _MOST:
        return floor(quotient + _TOLERANCE)
    return -MAX_STEPS - 1 if quotient < 0 else MAX_STEPS + 1


def coarsen_steps(n: int, ratio: int) -> int:
    """Floor a number of steps to a step that is ``ratio`` times as large."""
    return n // ratio


def floor_time_ms(time_ms: int, window_ms: int) -> int:
    """Return the start of the window that contains a time; windows are counted from the Unix epoch."""
    return time_ms - time_ms % window_ms


def shown_value(n: int, step: Decimal, *, is_first_step: bool) -> float:
    """Return the figure shown for n steps, in the property's unit.

    A floored value is half a step too low on average, so the middle of the step is shown; except for the first step, in
    which readings arrive.
    """
    return float(n * step if is_first_step else n * step + step / 2)


@lru_cache(maxsize=8192)
def energy(level_steps: int, step: Decimal) -> int:
    """Return the energy of a level in decibel, round(10^(L/10) · 2^20), so that levels can be added exactly.

    Levels are limited to -60 … 300 dB: below, no energy would be left, and above there is no sound. Decimal arithmetic
    gives the same integer on every machine, which the C library's ``pow`` does not guarantee.
    """
    with localcontext(_ENERGY_CONTEXT):
        level = min(max(level_steps * step, Decimal(_LEAST_LEVEL_DB)), Decimal(_GREATEST_LEVEL_DB))
        return int((Decimal(10) ** (level / 10) * _ENERGY_UNIT).to_integral_value())


def level_db(mean: Fraction) -> float:
    """Return the level in decibel of a mean of energies, which is at least 1.

    Energies are rounded to integers, so that a mean of equal levels comes back within a millionth of 0.1 dB from 14 dB
    up, and ``floor_steps`` finds their step again.
    """
    with localcontext(_ENERGY_CONTEXT):
        return float((Decimal(mean.numerator) / mean.denominator / _ENERGY_UNIT).log10() * 10)
