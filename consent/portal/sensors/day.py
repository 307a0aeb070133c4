"""What left of the city's own sensors in a zone on a day, property by property: a sentence, a chart by the hour, a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from consent.portal.charts.bars import bars
from consent.portal.gates.public import Gate, GateAwayError, GateRefusedError
from consent.portal.sensors.units import begins_at_zero, digits_of, symbol
from consent.portal.sensors.uses import PropertyUse, SensorUse
from consent.portal.visit import Visit, midnight_ms
from consent.portal.ways.words import title_of
from consent.public_messages import HourTold, PlaceTold, SeriesTold

PART: Final = "sensors"
"""The sentences that pages of places and of signs share."""

_HOURS: Final = 24
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class HourRow:
    """A row of the table: an hour's local beginning, its mean, and of how many readings."""

    time: str
    mean: str
    readings: str


@dataclass(frozen=True, slots=True)
class DayChart:
    """A day of one property.

    Attributes:
        title: The property's.
        sentence: What is highest and lowest, and when.
        chart: Two drawings, one of which is shown.
        caption: Of the table, with the unit.
        unit: Its symbol; empty for plain numbers.
        rows: The hours of which something left.
    """

    title: str
    sentence: str
    chart: Markup
    caption: str
    unit: str
    rows: tuple[HourRow, ...]


@dataclass(frozen=True, slots=True)
class PlaceDay:
    """A UTC day, and when it begins in local time; both empty where nothing is known of it."""

    day: str
    begins: str
    charts: tuple[DayChart, ...]


async def yesterday(gate: Gate, zone: str, uses: Iterable[SensorUse], visit: Visit) -> PlaceDay | None:
    """Return what left yesterday in a zone; without charts where the gateway knows of no such day, None where it is away."""
    try:
        return day_of(await gate.place(zone), uses, visit)
    except GateRefusedError:
        return PlaceDay("", "", ())
    except GateAwayError:
        return None


def day_of(told: PlaceTold, uses: Iterable[SensorUse], visit: Visit) -> PlaceDay:
    """Return a day's charts of what may leave by some uses, one for each use and property; what nothing left of has none."""
    shown = {(use.flow.id, each.known.id): each for use in uses for each in use.told}
    start_ms = midnight_ms(told.day)
    charts = tuple(
        _chart(series, shown[series.flow, series.observed_property], told.day, start_ms, visit)
        for series in told.series
        if (series.flow, series.observed_property) in shown and any(0 <= each.hour < _HOURS for each in series.hours)
    )
    return PlaceDay(visit.day(told.day), visit.time(start_ms), charts)


def _chart(series: SeriesTold, use: PropertyUse, day: str, start_ms: int, visit: Visit) -> DayChart:
    known, digits = use.known, digits_of(use.step)
    title, unit = title_of(visit, known), symbol(known.unit)
    by_hour = {each.hour: each for each in series.hours if 0 <= each.hour < _HOURS}

    def clock(hour: int) -> str:
        return visit.time(start_ms + hour * _HOUR_MS)

    def amount(value: float) -> str:
        return f"{visit.number(value, digits)}\N{NO-BREAK SPACE}{unit}" if unit else visit.number(value, digits)

    sentence = _sentence(list(by_hour.values()), clock, amount, visit)
    caption = visit.text(PART, "day.caption", what=f"{title}, {unit}" if unit else title, day=visit.day(day))
    values = [(clock(hour), by_hour[hour].mean if hour in by_hour else None) for hour in range(_HOURS)]
    return DayChart(
        title=title,
        sentence=sentence,
        chart=bars(values, unit=unit, label=f"{caption}. {sentence}", visit=visit, from_zero=begins_at_zero(known.unit)),
        caption=caption,
        unit=unit,
        rows=tuple(
            HourRow(clock(hour), visit.number(each.mean, digits), visit.number(each.readings))
            for hour, each in sorted(by_hour.items())
        ),
    )


def _sentence(hours: list[HourTold], clock: Callable[[int], str], amount: Callable[[float], str], visit: Visit) -> str:
    """Return what was least and most, and when; where all hours were alike, that alone."""
    lowest, highest = min(hours, key=lambda each: each.mean), max(hours, key=lambda each: each.mean)
    readings = visit.counted(PART, "day.readings", sum(each.readings for each in hours))
    if amount(lowest.mean) == amount(highest.mean):
        return visit.text(PART, "day.even", value=amount(lowest.mean), readings=readings)
    return visit.text(
        PART,
        "day.sentence",
        low=amount(lowest.mean),
        low_time=clock(lowest.hour),
        high=amount(highest.mean),
        high_time=clock(highest.hour),
        readings=readings,
    )
