"""Open data: one line of JSON."""

from __future__ import annotations

from gateway.core.release.formats.open_data import OpenData
from gateway.recipient.wire import PADDED_SIZES_BYTES
from tests.support.recipients import ADDRESS, record


def test_open_data_same_input_same_bytes() -> None:
    """Open data is one line of JSON, the same each time."""
    form = OpenData(ADDRESS)
    encoded = [form.encode(one) for one in map(record, range(3))]
    data = form.seal(encoded, 7)
    assert data == form.seal(encoded, 7)
    assert b"\n" not in data
    assert len(data) not in PADDED_SIZES_BYTES
