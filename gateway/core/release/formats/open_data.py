"""Open data: one line of JSON for a recipient without a key. The bytes are specified in `gateway.recipient.records`."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.release.formats.port import check_contents
from gateway.recipient.records import Record, encode_open, encode_open_record
from gateway.recipient.wire import MAX_BUNDLE_BYTES, MAX_LOG_INDEX, Address


class OpenData:
    """Bundles for a recipient without a key: plain JSON, for data that is about nobody."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._room_bytes = MAX_BUNDLE_BYTES - len(encode_open(address, MAX_LOG_INDEX, ()))

    def encode(self, record: Record) -> bytes:
        """Return a record's JSON."""
        return encode_open_record(record)

    @property
    def is_sealed(self) -> bool:
        """Return that everybody may read it."""
        return False

    def capacity(self, records: int, padded_to: int = MAX_BUNDLE_BYTES) -> int:
        """Return how many bytes so many records may come to: a comma stands beside each, and nothing is padded."""
        return self._room_bytes - records

    def seal(self, records: Sequence[bytes], log_index: int, padded_to: int | None = None) -> bytes:
        """Return the bundle as one line of JSON.

        Raises:
            ValueError: If there is no record and no size, or more than fit.
        """
        check_contents(records, log_index, padded_to)
        data = encode_open(self.address, log_index, records)
        if len(data) > MAX_BUNDLE_BYTES:
            raise ValueError(f"{len(records)} records of {len(data)} bytes are more than one bundle holds")
        return data
