"""What the form of a bundle must offer: a record's bytes, how many fit, and the bundle that they make.

``gateway.core.release.draft`` encodes each record once and knows the size of a bundle by addition before anything is sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.recipient.records import Record
from gateway.recipient.wire import MAX_LOG_INDEX


class BundleFormat(Protocol):
    """The form of one recipient's bundles."""

    def encode(self, record: Record) -> bytes:
        """Return a record as it stands in a bundle."""
        ...

    def capacity(self, records: int) -> int:
        """Return how many bytes so many encoded records may come to in one bundle, whatever its log index."""
        ...

    def seal(self, records: Sequence[bytes], log_index: int) -> bytes:
        """Return the bundle of these encoded records for the release entry at this log index.

        Raises:
            ValueError: If there is no record, or more than fit.
        """
        ...


def check_contents(records: Sequence[bytes], log_index: int) -> None:
    """Refuse an empty bundle and an impossible log index; every form does so first.

    Raises:
        ValueError: If there is no record, or the index is out of range.
    """
    if not records:
        raise ValueError("a bundle has at least one record")
    if not 0 <= log_index <= MAX_LOG_INDEX:
        raise ValueError(f"log index {log_index} is out of range")
