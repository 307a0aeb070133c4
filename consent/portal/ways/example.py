"""What one record of a flow looks like: made up from the rules, with a figure of the size, the step and the error of a real one.

The amounts are of nobody: a home is taken to use a fifth of what the rules let it count for (`clip`, evenly over the cells of a
day), or a reading to lie at a fortieth of its property's range. Errors are those that figures state, by ``consent.core.spread``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import sqrt
from typing import Final

from consent.core.disclosure import DAY_MS, WINDOW_MS, Identity, Space, Time
from consent.core.policies.policy import Flow, PolicySet, Statistic
from consent.core.policies.property import Property
from consent.core.policies.quantity import Mechanism
from consent.core.spread import error_of_homes, error_of_mean, error_of_sum, error_per_home
from consent.portal.ways.most_told import MostTold

CONFIDENCE: Final = 1.96
"""How many standard errors stand behind ±: noise alone is no larger in 95 of 100 cases."""

_HOUR_MS: Final = 3_600_000
_BEGINS_MS: Final = 18 * _HOUR_MS
_SHARE_OF_CLIP: Final = 0.2
_SHARE_OF_RANGE: Final = Decimal(40)
_HOMES: Final = 40
_PER_HOME: Final = (Statistic.TYPICAL_DAY, Statistic.MEAN)


@dataclass(frozen=True, slots=True)
class ExampleRecord:
    """A made-up record.

    Attributes:
        observed_property: What it tells.
        statistic: How it became one figure; empty where it is a reading by itself.
        value: The figure, in the property's unit, as a recipient would see it: floored, and the middle of its step.
        error: What stands behind ±, in the unit; None where it has no noise.
        homes: About how many homes it is; None where it is about one, or about nobody.
        homes_error: What stands behind ± of that number; None where it has no noise.
        begin_ms: The beginning of its time, since the beginning of its UTC day.
        end_ms: The end, likewise; equal to the beginning for an instant.
        place: The id of a district or zone; empty for the whole city.
        has_name: Whether it stands under a made-up name.
        is_weekly: Whether it is of a typical day of a week.
    """

    observed_property: str
    statistic: str
    value: Decimal
    error: float | None
    homes: int | None
    homes_error: float | None
    begin_ms: int
    end_ms: int
    place: str
    has_name: bool
    is_weekly: bool


def example_of(policies: PolicySet, flow: Flow, told: MostTold, homes: int = 0) -> ExampleRecord:
    """Return an example of what leaves.

    Args:
        told: What may leave at most; something may.
        homes: Among how many homes one was hidden of late; 0 where nobody knows.
    """
    name = told.properties[0]
    known, statistic = policies.properties[name], flow.statistic.get(name)
    mechanism = policies.mechanisms.get((flow.id, name)) if policies.rests_on_consent(flow) else None
    time = told.disclosure.time
    count = max(homes, flow.ask.group) or _HOMES
    if mechanism is None or told.disclosure.identity is not Identity.AGGREGATE:
        count, error, homes_error = 0, None, None
    else:
        error, homes_error = _error(mechanism, statistic, time, count), _error_of_count(mechanism, time)
    value = _value(policies, name, statistic, time, mechanism, count)
    begin_ms, end_ms = _span(time)
    return ExampleRecord(
        observed_property=name,
        statistic="" if statistic is None else str(statistic),
        value=shown(value, known, known.rung(told.disclosure.step(name)), is_count=statistic is Statistic.COUNT),
        error=error,
        homes=count or None,
        homes_error=homes_error,
        begin_ms=begin_ms,
        end_ms=end_ms,
        place=_place(policies, told.disclosure.space),
        has_name=told.disclosure.identity >= Identity.PER_EPOCH,
        is_weekly=statistic is Statistic.TYPICAL_DAY,
    )


def homes_error(policies: PolicySet, flow: Flow, told: MostTold) -> float | None:
    """Return what stands behind ± of the number of homes that a figure needs; None where that has no noise."""
    mechanism = policies.mechanisms.get((flow.id, told.properties[0])) if told.properties else None
    return None if mechanism is None else _error_of_count(mechanism, told.disclosure.time)


def shown(value: Decimal, known: Property, step: Decimal, *, is_count: bool = False) -> Decimal:
    """Return a value as recipients see it: floored to a step, and the middle of it shown where that is not the first."""
    floored = (value / step).to_integral_value(ROUND_FLOOR) * step
    return floored if is_count or step == known.ladder[0] else floored + step / 2


def _value(
    policies: PolicySet, name: str, statistic: Statistic | None, time: Time, mechanism: Mechanism | None, homes: int
) -> Decimal:
    known, quantity = policies.properties[name], policies.quantity_of.get(name)
    if statistic is Statistic.COUNT:
        return Decimal(homes or _HOMES)
    bounds = known.clamp_of(Time.MINUTE_1 if time is Time.EXACT else time)
    if statistic is None or (statistic is not Statistic.MEAN and quantity is None) or (quantity is None and bounds is not None):
        low, high = bounds or (Decimal(0), known.ladder[-1] * _SHARE_OF_RANGE)
        return low + (high - low) / _SHARE_OF_RANGE
    if quantity is None:
        return known.ladder[-1]
    clip = quantity.clip if mechanism is None else mechanism.clip
    in_a_cell = Decimal(float(clip) / sqrt(quantity.cells_a_day) * _SHARE_OF_CLIP)
    if statistic is Statistic.MEAN:
        centre = sum(bounds, Decimal(0)) / 2 if bounds else Decimal(0)
        return centre + in_a_cell
    each = in_a_cell * (WINDOW_MS.get(time, DAY_MS) // quantity.cell_ms)
    return each if statistic in _PER_HOME else each * (homes or 1)


def _error(mechanism: Mechanism, statistic: Statistic | None, time: Time, homes: int) -> float | None:
    if mechanism.is_exact:
        return None
    sigma, presence = sqrt(mechanism.variance(WINDOW_MS[time])), float(mechanism.quantity.presence)
    cells = WINDOW_MS[time] // mechanism.quantity.cell_ms
    offset = float(mechanism.clip) / sqrt(mechanism.quantity.cells_a_day) * _SHARE_OF_CLIP
    if statistic is Statistic.MEAN:
        return CONFIDENCE * error_of_mean(sigma, homes, cells, presence, offset)
    if statistic is Statistic.TYPICAL_DAY:
        return CONFIDENCE * error_per_home(sigma, homes, cells, presence, offset * cells)
    return CONFIDENCE * error_of_sum(sigma, cells)


def _error_of_count(mechanism: Mechanism, time: Time) -> float | None:
    if mechanism.is_exact:
        return None
    return CONFIDENCE * error_of_homes(sqrt(mechanism.variance(WINDOW_MS[time])), float(mechanism.quantity.presence))


def _span(time: Time) -> tuple[int, int]:
    if time is Time.EXACT:
        return _BEGINS_MS, _BEGINS_MS
    length_ms = WINDOW_MS[time]
    begin_ms = _BEGINS_MS // length_ms * length_ms
    return begin_ms, begin_ms + length_ms


def _place(policies: PolicySet, space: Space) -> str:
    if space is Space.CITY:
        return ""
    zone = next(iter(policies.zones.values()))
    return zone.district if space is Space.DISTRICT else zone.id
