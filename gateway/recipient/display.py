"""How an opened bundle is shown: as JSON values, which the inbox stores too, or as one readable line for each record.

Everything shown has passed `records`: printable text, finite numbers, and times that a calendar has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.recipient.opening import OpenedBundle
from gateway.recipient.records import Record, record_to_json


def json_records(bundle: OpenedBundle) -> Iterator[dict[str, object]]:
    """Yield a bundle's records as JSON objects, each with the bundle's log index and, where it is sealed, its counter."""
    head: dict[str, object] = {"log_index": bundle.log_index}
    if bundle.counter is not None:
        head |= {"content_key": bundle.counter.key_id.hex(), "counter": bundle.counter.number}
    for record in bundle.records:
        yield head | record_to_json(record)


def readable_records(bundle: OpenedBundle) -> Iterator[str]:
    """Yield a line for each record of a bundle."""
    for record in bundle.records:
        yield _describe(bundle.log_index, record)


def _describe(log_index: int, record: Record) -> str:
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for ms in record.phenomenon_time)
    name = record.pseudonym or record.id
    fields = [
        f"{log_index:>8}",
        begin if begin == end else f"{begin}/{end}",
        record.flow,
        f"{record.observed_property} {record.result} {record.unit}",
        record.cell,
        "" if record.n is None else f"n={record.n}",
        "" if name is None else f"{record.identity} {name.hex()}",
    ]
    return "  ".join(field for field in fields if field)
