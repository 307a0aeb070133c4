"""How records are shown: to programs with their counter, to people in a line."""

from __future__ import annotations

import msgspec
from hypothesis import given

from gateway.core.release.formats.open_data import OpenData
from gateway.recipient.display import json_records, readable_records
from gateway.recipient.opening import OpenedBundle, open_bundle
from gateway.recipient.records import Record, encode_open_record
from tests.support import recipients
from tests.support.recipients import ADDRESS, PRIVATE_KEY, content_key, record, sealed


def test_json_records_of_a_sealed_bundle_have_content_key_and_counter() -> None:
    """With which somebody can tell whether all have come."""
    (values,) = json_records(open_bundle(sealed(7), PRIVATE_KEY))
    assert {key: values[key] for key in ("log_index", "content_key", "counter")} == {
        "log_index": 7,
        "content_key": content_key().key_id.hex(),
        "counter": 0,
    }


def test_json_records_of_open_data_have_none() -> None:
    """Open data is under no key."""
    (values,) = json_records(open_bundle(OpenData(ADDRESS).seal([encode_open_record(record())], 5), None))
    assert values.keys().isdisjoint({"content_key", "counter"})


@given(recipients.records)
def test_any_record_that_was_decoded_can_be_shown(record: Record) -> None:
    """As one printable line, and as JSON."""
    bundle = OpenedBundle(ADDRESS, 7, bytes(32), (record,))
    (line,) = readable_records(bundle)
    assert line.isprintable()
    assert msgspec.json.decode(msgspec.json.encode(list(json_records(bundle))))[0]["cell"] == record.cell
