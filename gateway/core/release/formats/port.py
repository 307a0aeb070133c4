"""What the form of a bundle must offer: a record's bytes, how many fit, and the bundle that they make.

``gateway.core.release.draft`` encodes each record once and knows the size of a bundle by addition before anything is sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.recipient.records import Record
from gateway.recipient.wire import MAX_BUNDLE_BYTES, MAX_LOG_INDEX


class BundleFormat(Protocol):
    """The form of one recipient's bundles."""

    def encode(self, record: Record) -> bytes:
        """Return a record as it stands in a bundle."""
        ...

    @property
    def is_sealed(self) -> bool:
        """Return whether only the recipient can read it, so that its size may not tell what is in it."""
        ...

    def capacity(self, records: int, padded_to: int = MAX_BUNDLE_BYTES) -> int:
        """Return how many bytes so many encoded records may come to in one bundle, whatever its log index.

        Args:
            records: How many they are.
            padded_to: The padded size of the bundle; one of ``PUBLICATION_SIZES_BYTES``.
        """
        ...

    def seal(self, records: Sequence[bytes], log_index: int, padded_to: int | None = None) -> bytes:
        """Return the bundle of these encoded records for the release entry at this log index.

        Args:
            records: Records by ``encode``: at least one, unless the size is given.
            log_index: Index of the release entry that accounts for it.
            padded_to: The bundle's exact size, whatever is in it; None is the least that holds the records. Open data have none.
        Raises:
            ValueError: If there is no record, or more than fit.
        """
        ...


def check_contents(records: Sequence[bytes], log_index: int, padded_to: int | None = None) -> None:
    """Refuse an empty bundle of no given size, and an impossible log index; every form does so first.

    Raises:
        ValueError: If there is no record, or the index is out of range.
    """
    if not records and padded_to is None:
        raise ValueError("a bundle has at least one record")
    if not 0 <= log_index <= MAX_LOG_INDEX:
        raise ValueError(f"log index {log_index} is out of range")
