"""The journal: what has been folded into the accumulators since the last snapshot, in order, one blob per batch.

After a crash the same methods that folded it the first time fold it again (``gateway.core.recovery``), so that recovery runs
the code of every day. A segment begins with a snapshot of the accumulators and is sealed under a random key of its own;
beginning the next one and destroying that key is how the past is forgotten. Nothing withheld is ever written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.core.plans import Slot, WindowTarget
from gateway.core.windows.windows import Cohort

SEGMENT_BYTES = 16 * 1024 * 1024
"""Past this size a new segment is begun with a fresh snapshot."""

DEFINE, TAKE, PURGE, WATERMARK, CLOSE, VOID, WHOLE_SINCE = range(7)
"""Kinds of journal record; each is a list that begins with its kind."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Journal:
    """The records of the batch under way, and which slots the open segment knows by number."""

    __slots__ = ("_defined", "_records", "_watermark_ms", "segment_bytes")

    def __init__(self) -> None:
        self._watermark_ms = -1
        self._records: list[list[Any]] = []
        self._defined: list[Slot] = []
        self.segment_bytes = 0

    def define(self, slot: Slot) -> int:
        """Give a slot its number in the open segment, and write down what its readings feed."""
        slot.ref = len(self._defined)
        self._defined.append(slot)
        targets = [_target_state(target) for target in slot.targets if isinstance(target, WindowTarget)]
        self._records.append([DEFINE, slot.ref, slot.device.id, slot.observed_property, slot.seen is not None, targets])
        return slot.ref

    @property
    def has_records(self) -> bool:
        """Whether the batch under way holds anything."""
        return bool(self._records)

    def note(self, kind: int, *values: Any) -> None:
        """Write a record of ``kind``."""
        self._records.append([kind, *values])

    def take(self, readings: list[int], sequences: list[Any], watermark_ms: int) -> None:
        """Write down a batch of readings: flat triples (slot, time, first steps) and (device, boot, sequence)."""
        self._note_watermark(watermark_ms)
        self.note(TAKE, readings, sequences)

    def purge(self, contributor: bytes, keep: Mapping[Cohort, int], watermark_ms: int) -> None:
        """Write down that a contributor has left the windows in which it no longer belongs."""
        self._note_watermark(watermark_ms)
        self.note(PURGE, contributor, [[list(cohort), since_ms] for cohort, since_ms in keep.items()])

    def _note_watermark(self, watermark_ms: int) -> None:
        """Write the watermark where something follows that depends on it, and only there: an idle gateway writes nothing."""
        if watermark_ms != self._watermark_ms:
            self._watermark_ms = watermark_ms
            self.note(WATERMARK, watermark_ms)

    def take_batch(self) -> bytes:
        """Return the records since the last call, encoded; empty when there are none."""
        if not self._records:
            return b""
        blob = _encode(self._records)
        self._records = []
        self.segment_bytes += len(blob)
        return blob

    def begin_segment(self, watermark_ms: int) -> None:
        """Forget what the new segment's snapshot tells, and the numbers of slots: the segment defines them anew."""
        self._records = []
        for slot in self._defined:
            slot.ref = -1
        self._defined = []
        self._watermark_ms = watermark_ms
        self.segment_bytes = 0


def decode_batch(blob: bytes) -> list[list[Any]]:
    """Return the records of a batch."""
    records: list[list[Any]] = _decode(blob) if blob else []
    return records


def _target_state(target: WindowTarget) -> list[Any]:
    return [list(target.cohort), target.contributor, target.terms.since_ms, target.terms.expires_ms]
