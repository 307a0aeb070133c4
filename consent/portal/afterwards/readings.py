"""`/my/readings`: what the gate still holds of the household's readings, in memory alone: drawn, as a table and as a file.

`/my/readings.csv` has the columns `time` (UTC, ISO 8601), `sensor` (its random number), `place`, `property`, `unit` (UCUM) and
`value`, one reading a line, as RFC 4180 has it. ``live`` sends what comes while the page is open.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from markupsafe import Markup

from consent.citizen_messages import OwnReadings, ReadingsAfter, ReadingsOf
from consent.portal.accounts.csv_file import safe_cell
from consent.portal.afterwards.own import ask_own
from consent.portal.answers import CSV, Answer, Page, Route, Who, file_of
from consent.portal.charts.line import Span, line
from consent.portal.my.telling import gate_now_ms
from consent.portal.sensors.units import begins_at_zero, symbol
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import place_title, property_title, sensor_title

COLUMNS: Final = ("time", "sensor", "place", "property", "unit", "value")
MOST_ROWS: Final = 200
"""A table shows so many readings; the file has all."""
_MOST_SERIES: Final = 24
_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000
_GAP_SLOTS: Final = 4
"""Readings further apart than so many slots are drawn apart."""


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """A reading as it is shown."""

    time: str
    value: str


@dataclass(frozen=True, slots=True)
class SeriesShown:
    """The readings of one property of one sensor.

    Attributes:
        key: Names it for the script that adds what comes.
        title: Of the property.
        unit: As it is written behind a number; empty for plain numbers.
        place: Where the sensor is.
        kind: What the sensor is called.
        chart: Empty where nothing of it can be drawn.
        latest: The last reading; None where there is none.
        rows: The latest, newest first; ``more`` others are in the file.
    """

    key: str
    title: str
    unit: str
    place: str
    kind: str
    chart: Markup
    latest: ReadingRow | None
    rows: tuple[ReadingRow, ...]
    more: int


@dataclass(frozen=True, slots=True)
class ReadingsView:
    """What the page shows.

    Attributes:
        hours: For how long readings are remembered.
        minutes: Of each so long, one reading is.
        since: Since when they are, where the gate was started within these hours; else empty.
        series: Those that have readings, and those that have none.
        live: The address that sends what comes from now on.
    """

    hours: int
    minutes: int
    since: str
    series: tuple[SeriesShown, ...]
    live: str


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page."""
    held = await _held(site, visit)
    now_ms = max([await gate_now_ms(site), *(each.readings[-1][0] for each in held.series if each.readings)])
    begin_ms = now_ms - held.hours * _HOUR_MS
    span = Span(begin_ms, now_ms, _GAP_SLOTS * held.slot_minutes * _MINUTE_MS)
    latest_ms = max((each.readings[-1][0] for each in held.series if each.readings), default=held.since_start_ms)
    return Page("readings.html", ReadingsView(
        hours=held.hours,
        minutes=held.slot_minutes,
        since=visit.moment(held.since_start_ms) if held.since_start_ms > begin_ms else "",
        series=tuple([_series(site, visit, each, span) for each in held.series[:_MOST_SERIES]]),
        live=visit.url("/my/readings/live", after=latest_ms),
    ))  # fmt: skip


async def download(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with all of them, as a file."""
    return file_of(csv_of(await _held(site, visit)).encode(), CSV, "readings.csv")


async def _held(site: Site, visit: Visit) -> OwnReadings:
    return await ask_own(site, visit, "readings.show", ReadingsAfter(), OwnReadings)


def csv_of(held: OwnReadings) -> str:
    """Return the file of all readings that are held."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for each in held.series:
        head = each.device.hex(), each.zone, each.property, each.unit
        for at_ms, value in each.readings:
            number = number_of(value)
            writer.writerow([_iso(at_ms), *map(safe_cell, head), safe_cell(value) if number is None else f"{number:f}"])
    return file.getvalue()


def number_of(value: str) -> Decimal | None:
    """Return a reading as a number; None where its text is none."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def value_shown(visit: Visit, value: str) -> str:
    """Return a reading the reader's way, with as many digits as it came with."""
    number = number_of(value)
    if number is None:
        return value
    return visit.number(float(number), max(0, -int(number.as_tuple().exponent)))


def key_of(each: ReadingsOf) -> str:
    """Return what names a series in a page and in what is sent to it."""
    return f"{each.device.hex()}.{each.property}"


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _series(site: Site, visit: Visit, each: ReadingsOf, span: Span) -> SeriesShown:
    policies, unit = site.record.policies, symbol(each.unit)
    title = each.property if policies is None else property_title(visit, policies, each.property)
    place = each.zone if policies is None else place_title(visit, policies, each.zone)
    rows = tuple(_rows(visit, each.readings))
    points = [(at_ms, float(number)) for at_ms, value in each.readings if (number := number_of(value)) is not None]
    label = ""
    if rows:
        label = visit.text("readings", "label", title=title, value=f"{rows[0].value} {unit}".strip(), time=rows[0].time)
    return SeriesShown(
        key=key_of(each),
        title=title,
        unit=unit,
        place=place,
        kind=sensor_title(visit, policies, each.profile),
        chart=line(points, span, unit=unit, label=label, visit=visit, from_zero=begins_at_zero(each.unit))
        if points
        else Markup(),
        latest=rows[0] if rows else None,
        rows=rows[:MOST_ROWS],
        more=max(0, len(rows) - MOST_ROWS),
    )


def _rows(visit: Visit, readings: Sequence[tuple[int, str]]) -> Iterator[ReadingRow]:
    for at_ms, value in reversed(readings):
        yield ReadingRow(visit.moment(at_ms), value_shown(visit, value))


ROUTES: Final = (
    Route(
        "/my/readings.csv",
        download,
        "The household's readings that the gate still holds",
        CSV,
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
    Route("/my/readings", show, "What the household's sensors say", needs_gate=True, who=Who.SIGNED_IN),
)
