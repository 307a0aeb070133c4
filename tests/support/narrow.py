"""Forms of bundles with less room than they have, so that a few records fill one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.inflight import ReadyBundle
from gateway.core.release.bundle import form_bundle
from gateway.core.release.formats.port import BundleFormat
from gateway.recipient.records import Record
from gateway.recipient.wire import MAX_BUNDLE_BYTES
from tests.support.gate import Gate

ROOM_FOR_ALL = 1 << 30


@dataclass(frozen=True)
class Narrow:
    """A form with less room than it has.

    Attributes:
        most: How many records it takes at most.
    """

    form: BundleFormat
    room_bytes: int
    most: int = ROOM_FOR_ALL

    def encode(self, record: Record) -> bytes:
        """Return the record in the form."""
        return self.form.encode(record)

    @property
    def is_sealed(self) -> bool:
        """Return whether the form is."""
        return self.form.is_sealed

    def capacity(self, records: int, padded_to: int = MAX_BUNDLE_BYTES) -> int:
        """Return the lesser capacity; that of publications smaller than the largest, which have a given size, stays as it is."""
        room_bytes = self.form.capacity(records, padded_to)
        return room_bytes if padded_to < MAX_BUNDLE_BYTES else min(self.room_bytes, room_bytes) if records <= self.most else 0

    def seal(self, records: Sequence[bytes], log_index: int, padded_to: int | None = None) -> bytes:
        """Return the bundle in the form."""
        return self.form.seal(records, log_index, padded_to)


def form_narrow(gate: Gate, room_bytes: int = ROOM_FOR_ALL, most: int = ROOM_FOR_ALL) -> ReadyBundle | None:
    """Form the office's next bundle with so much room, and commit it."""
    gate.commit()
    rows = [(number, content) for number, (_, content) in sorted(gate.outbox.items())]
    form = Narrow(gate.form_of("office"), room_bytes, most)
    unsent = form_bundle(gate.state, "office", rows, gate.now_ms, form)
    gate.commit()
    return unsent
