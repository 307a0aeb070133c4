"""Own readings of the last day, a bar for each as often as they come: what the gateway still holds, and only the reader sees.

A meter's total is shown as what was used between two readings, anything else as it was read. What the gateway has forgotten,
since it was started anew, stays empty and is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from markupsafe import Markup

from consent.citizen_messages import OwnReadings, ReadingsAfter, ReadingsOf
from consent.core.disclosure import DAY_MS
from consent.core.policies.policy import Statistic
from consent.portal.asking.asked import AskedQuestion
from consent.portal.charts.bars import bars
from consent.portal.charts.meaning import Meaning
from consent.portal.my.telling import signed_in
from consent.portal.sensors.units import begins_at_zero, symbol
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import property_title

_SLOTS_MS: Final = (900_000, 1_800_000, 3_600_000)
"""What a bar stands for: the shortest in which a reading usually comes. A day has room for 96."""
_MOST_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class OwnChart:
    """The readings of one property of one sensor.

    Attributes:
        sentence: What the drawing shows.
        rows: (moment, value with its unit), oldest first.
    """

    title: str
    sentence: str
    chart: Markup
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OwnView:
    """Own readings.

    Attributes:
        charts: Of those sensors that spoke.
        until: Up to when; empty where there are none.
        forgotten: Before this moment the gateway remembers nothing, and that is within the day; else empty.
        silent: Since when nothing was heard, where there are no readings; empty where nothing was heard since the start.
        started: When the gateway was started.
    """

    charts: tuple[OwnChart, ...]
    until: str
    forgotten: str
    silent: str
    started: str


async def own_readings(site: Site, visit: Visit, asked: AskedQuestion) -> OwnView:
    """Return the last day of what the reader's sensors say for one question."""
    token = signed_in(visit).token
    held = await site.citizens.ask("readings.show", ReadingsAfter(), OwnReadings, session=token)
    return own_view(visit, asked, held)


def own_view(visit: Visit, asked: AskedQuestion, held: OwnReadings) -> OwnView:
    """Return the same of what the gateway holds."""
    series = [each for each in held.series if each.property in asked.shown.properties and each.readings]
    slot_ms = slot_of(series)
    last_ms = max((each.readings[-1][0] for each in series), default=0)
    end_ms = (last_ms // slot_ms + 1) * slot_ms
    heard_ms = asked.shown.heard_ms
    return OwnView(
        charts=tuple(_charts(visit, asked, series, end_ms, slot_ms)),
        until=visit.moment(end_ms) if series else "",
        forgotten=visit.moment(held.since_start_ms) if held.since_start_ms > end_ms - DAY_MS and series else "",
        silent=visit.moment(heard_ms) if heard_ms else "",
        started=visit.moment(held.since_start_ms),
    )


def _charts(visit: Visit, asked: AskedQuestion, series: Sequence[ReadingsOf], end_ms: int, slot_ms: int) -> Iterator[OwnChart]:
    for each in series:
        title, unit = property_title(visit, asked.policies, each.property), symbol(each.unit)
        is_total = asked.flow.statistic.get(each.property) is Statistic.DELTA
        slots = slots_of(each.readings, end_ms, slot_ms, is_total=is_total)
        there = [(at_ms, value) for at_ms, value in slots if value is not None]
        if not there:
            continue
        low, high = min(value for _, value in there), max(there, key=lambda one: one[1])
        sentence = visit.text(
            "question",
            "own.sentence",
            what=title,
            low=visit.number(low),
            high=f"{visit.number(high[1])} {unit}".rstrip(),
            time=visit.time(high[0]),
        )
        chart = bars(
            [(visit.time(at_ms), value) for at_ms, value in slots],
            unit=unit,
            label=sentence,
            visit=visit,
            meaning=Meaning.HELD,
            from_zero=begins_at_zero(each.unit),
        )
        rows = tuple((visit.moment(at_ms), f"{visit.number(value)} {unit}".rstrip()) for at_ms, value in there)
        yield OwnChart(title, sentence, chart, rows)


def slot_of(series: Sequence[ReadingsOf]) -> int:
    """Return what a bar stands for, in milliseconds: one length for all series, so that their days begin together."""
    gaps = [
        median(later - earlier for (earlier, _), (later, _) in pairwise(each.readings)) for each in series if each.readings[1:]
    ]
    usual = max(gaps, default=0)
    return next((slot for slot in _SLOTS_MS if usual <= slot), _SLOTS_MS[-1])


def slots_of(readings: Sequence[tuple[int, str]], end_ms: int, slot_ms: int, *, is_total: bool) -> list[tuple[int, float | None]]:
    """Return the day before ``end_ms`` in slots: (beginning, value), None where nothing was read.

    Args:
        readings: (time in ms, value as text), oldest first.
        is_total: They are a counter's: a slot has what it grew by since the reading before; a fall is none.
    """
    read = [(at_ms, value) for at_ms, text in readings if (value := number_of(text)) is not None]
    if is_total:
        read = [(at_ms, round(value - before, _MOST_DIGITS)) for (_, before), (at_ms, value) in pairwise(read) if value >= before]
    found = {at_ms // slot_ms: value for at_ms, value in read}
    first = (end_ms - DAY_MS) // slot_ms
    return [(slot * slot_ms, found.get(slot)) for slot in range(first, end_ms // slot_ms)]


def number_of(text: str) -> float | None:
    """Return the number of a reading; None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None
