"""The public's numbers counted once more, from openings and from what recipients opened, whatever the gateway has stored."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from gateway.audit.log.earlier_payloads import AnyReleasePayload
from gateway.audit.log.entries import Entry
from gateway.core.public.tally import DayTally, HourTally, decode_day, decode_hour
from gateway.recipient.records import Record

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Left(NamedTuple):
    """Where a number was counted: day, flow, recipient, whose it is, identity, and what was counted."""

    day: int
    flow: str
    recipient: str
    owner: str
    identity: str
    what: str


class Release(NamedTuple):
    """A release of which nothing was voided: when its entry was written, and what it states."""

    time_ms: int
    payload: AnyReleasePayload


def recounted(releases: Iterable[Release]) -> Counter[Left]:
    """Return what left by day and flow: records, pairs, bundles with something of the flow, and figures by what was told."""
    counts: Counter[Left] = Counter()
    for time_ms, payload in releases:
        of_flows: dict[str, Left] = {}
        for record in payload.records:
            owner = "city" if record.owner == "city" else "resident"
            at = Left(time_ms // DAY_MS, record.flow, payload.recipient, owner, record.identity, "records")
            if owner == "city" and of_flows.get(record.flow, at).owner != "city":
                of_flows[record.flow] = at  # a bundle with both is one about nobody
            of_flows.setdefault(record.flow, at)
            counts[at] += 1
            counts[at._replace(what="pairs")] += record.n
        for draw in payload.draws:
            if draw.records:
                at = Left(time_ms // DAY_MS, draw.flow, payload.recipient, "resident", "aggregate", "records")
                of_flows.setdefault(draw.flow, at)
                counts[at] += draw.records
                counts[at._replace(what="pairs")] += draw.n
                counts[at._replace(what=f"told {draw.told}")] += draw.records
        counts.update(at._replace(what="bundles") for at in of_flows.values())
    return +counts


def as_counted(days: dict[int, DayTally]) -> Counter[Left]:
    """Return what a gateway has counted, in the same form."""
    counts: Counter[Left] = Counter()
    for number, day in days.items():
        for key, tally in day.flows.items():
            at = Left(number, key.flow, key.recipient, key.owner, key.identity, "records")
            counts[at] += tally.records
            counts[at._replace(what="pairs")] += tally.pairs
            counts[at._replace(what="bundles")] += tally.bundles
            counts.update({at._replace(what=f"told {homes}"): figures for homes, figures in tally.told.items()})
    return +counts


class Hour(NamedTuple):
    """Of which readings a mean is: hour since the epoch, flow, zone, property."""

    hour: int
    flow: str
    zone: str
    observed_property: str


def hours_recounted(records: Iterable[Record], zones: Iterable[str]) -> dict[Hour, tuple[int, float]]:
    """Return count and mean of records of single readings, by the hour in which they were taken; all must be the city's own."""
    found: dict[Hour, list[float]] = {}
    blocks = set(zones)
    for record in records:
        start_ms, end_ms = record.phenomenon_time
        hour = start_ms // HOUR_MS
        if (
            record.id is not None
            and not record.statistic
            and record.cell in blocks
            and max(start_ms, end_ms - 1) // HOUR_MS == hour
        ):
            found.setdefault(Hour(hour, record.flow, record.cell, record.observed_property), []).append(float(record.result))
    return {key: (len(values), round(sum(values) / len(values), 6)) for key, values in found.items()}


def hours_as_counted(hours: dict[int, HourTally], first_steps: Mapping[str, float]) -> dict[Hour, tuple[int, float]]:
    """Return what a gateway has counted, in the same form.

    Args:
        first_steps: By property, the step at which records show no middle.
    """
    found = {}
    for number, hour in hours.items():
        for key, mean in hour.series.items():
            middle = 0.0 if float(key.step) == first_steps[key.observed_property] else 0.5
            value = (mean.total / mean.count + middle) * float(key.step)
            found[Hour(number, key.flow, key.zone, key.observed_property)] = (mean.count, round(value, 6))
    return found


class StoredTallies(NamedTuple):
    """What lies in a gateway's database."""

    days: dict[int, DayTally]
    hours: dict[int, HourTally]
    shown: dict[int, DayTally]


def stored_tallies(database: Path) -> StoredTallies:
    """Read the tallies of a database in which nobody writes."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT is_day, number, content, shown FROM public_tally").fetchall()
    return StoredTallies(
        {number: decode_day(content) for is_day, number, content, _ in rows if is_day},
        {number: decode_hour(content) for is_day, number, content, _ in rows if not is_day},
        {number: decode_day(shown) for is_day, number, _, shown in rows if is_day and shown},
    )


def entries_of(database: Path) -> dict[int, Entry]:
    """Read the log's entries of a database in which nobody writes, by index."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return {index: Entry.decode(content) for index, content in connection.execute("SELECT entry_index, content FROM entry")}
