"""Values: the bounds on a contributor's value in a window, and the one figure that values combine to, floored once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from consent.core.disclosure import Time
from consent.core.policies.policy import PolicySet
from gateway.core.ingest.minimise import energy, floor_steps, level_db, shown_value
from gateway.core.windows.accumulators import Amount
from gateway.core.windows.windows import Cohort

Bounds = tuple[Amount, Amount]

TOLD_IN: Final = 5
"""Numbers of households are told rounded down to a multiple of this."""


def bounds(cohort: Cohort, policies: PolicySet) -> Bounds | None:
    """Return the property's bounds on a subject's value, in first steps (energies); counts have none."""
    prop = policies.properties[cohort.observed_property]
    clamp = prop.clamp_of(Time.named(cohort.time))
    if clamp is None or cohort.statistic == "count":
        return None
    low, high = (Fraction(bound) / Fraction(prop.ladder[0]) for bound in clamp)
    if cohort.statistic == "energy-mean":
        return energy(int(low), prop.ladder[0]), energy(int(high), prop.ladder[0])
    return _whole(low), _whole(high)


def _whole(amount: Fraction) -> Amount:
    """Return an amount as an int where it is a whole number: comparing ints costs a tenth as much."""
    return amount.numerator if amount.denominator == 1 else amount


def figure(cohort: Cohort, values: Sequence[Amount], policies: PolicySet) -> float:
    """Combine contributors' values, and floor the result once to the cohort's step.

    Returns: The figure in the property's unit: the middle of its step where the step is above the first and the
        statistic is not a count.
    """
    prop = policies.properties[cohort.observed_property]
    combined = _combined(cohort.statistic, values)
    if cohort.statistic == "count":
        return int(combined)
    step = Decimal(cohort.step)
    if cohort.statistic == "energy-mean":
        return shown_value(floor_steps(level_db(combined), float(step)), step, is_first_step=step == prop.ladder[0])
    return shown(combined, prop.ladder[0], step)


def shown(value: Fraction, first_step: Decimal, step: Decimal) -> float:
    """Return a value in first steps as the figure that is shown: floored to a step, in the property's unit."""
    n = math.floor(value * Fraction(first_step) / Fraction(step))
    return shown_value(n, step, is_first_step=step == first_step)


def told(households: Fraction | int) -> int:
    """Return a number of households as it is told: rounded down to fives, and not below 0."""
    return max(0, math.floor(households / TOLD_IN) * TOLD_IN)


def _combined(statistic: str, values: Sequence[Amount]) -> Fraction:
    if statistic == "min":
        return Fraction(min(values))
    if statistic == "max":
        return Fraction(max(values))
    total = Fraction(sum(values))
    return total / len(values) if statistic in ("mean", "energy-mean") else total
