"""The journal: what has been folded into the accumulators since the last snapshot, in order, one blob per batch.

After a crash, the same methods that folded it the first time fold it again (``gateway.core.recovery``), so that recovery and
normal operation share one code path. A segment begins with a snapshot of the accumulators and is sealed under a random key of its
own; beginning the next one and destroying that key is how the past is forgotten. Nothing withheld is ever written here.

Each kind of record is a struct; stored, it is an array that begins with its kind's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.core.ingest.counters import CounterRule
from gateway.core.ingest.memory import Admissions
from gateway.core.plans import Slot
from gateway.core.windows.cells import CellShape
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import CellTarget, RecordTarget
from gateway.core.windows.windows import Kept

SEGMENT_BYTES = 16 * 1024 * 1024
"""Past this size a new segment is begun with a fresh snapshot."""


class DefinedTarget(msgspec.Struct, frozen=True, array_like=True):
    """A flow that a slot's readings feed.

    Attributes:
        shape: How they lie in cells, where its figures are about subjects; None where they go into windows.
    """

    cohort: Cohort
    contributor: bytes
    since_ms: int
    expires_ms: int
    shape: CellShape | None = None


class KeptCohort(msgspec.Struct, frozen=True, array_like=True):
    """A cohort to which a contributor still belongs, the time from which it does, and how its readings lie in cells."""

    cohort: Cohort
    since_ms: int
    shape: CellShape | None = None


class ClosedWindow(msgspec.Struct, frozen=True, array_like=True):
    """A window that was closed into a bundle.

    Attributes:
        gone: Contributors that left the open window.
        drawn: Those of them whose data are in the bundle.
    """

    cohort: Cohort
    start_ms: int
    end_ms: int
    gone: list[bytes]
    drawn: list[bytes]


class Define(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """The assignment of a number to a slot in the open segment.

    Attributes:
        remembers: Whether repeated readings of the device are recognised by their times.
        counts: How the register counts that is judged; its readings are then written as it showed them, refused ones too.
    """

    ref: int
    device: bytes
    observed_property: str
    remembers: bool
    targets: list[DefinedTarget]
    counts: CounterRule | None = None


class Take(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A batch of readings.

    Attributes:
        readings: Flat, in order of arrival: (slot, time, first steps); or, of readings that are not remembered by a time of their
            own, (-1 - slot, earliest time, latest time, first steps). Of a register that is judged, its parts in place of steps.
        sequences: Flat triples (device, boot, sequence).
    """

    readings: list[int]
    sequences: list[Any]


class Purge(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """The removal of a contributor from the windows and tables in which it no longer belongs."""

    contributor: bytes
    keep: list[KeptCohort]


class Watermark(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The watermark, written before a record that depends on it."""

    watermark_ms: int


class FixedGuard(msgspec.Struct, frozen=True, array_like=True):
    """A guard on which a bundle rests: who stands in no exact figure of a quantity and day, where the bundle has fixed it."""

    quantity: str
    day_ms: int
    excluded: list[bytes]


class Close(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The closing of windows into the bundle at a log index; -1 where every window was suppressed."""

    index: int
    closed: list[ClosedWindow]
    guards: list[FixedGuard] = []


class Void(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The voiding of the bundle at a log index."""

    index: int


class WholeSince(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """The time before which windows that began miss readings."""

    since_ms: int


class Dry(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """The last moment at which the broker's queue was known to be dry."""

    at_ms: int


class Subscriptions(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """The filters that the gateway's session at the broker holds."""

    patterns: list[str]


class Dated(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """The numbers of a batch's readings, of devices that restart without telling.

    Attributes:
        numbers: Flat quadruples (device, boot, sequence, time or None).
    """

    numbers: list[Any]


class Arrived(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """The arrivals of a batch's messages, of devices whose repeats are told by them.

    Attributes:
        arrivals: Flat triples (device, arrival, digest of the payload).
    """

    arrivals: list[Any]


class ClosedSlice(msgspec.Struct, frozen=True, array_like=True):
    """A slice of a table of cells that was closed into a publication.

    Attributes:
        drawn: Contributors whose data are in the bundle; the data of all others in the slice are given up.
        struck: Numbers of cells, counted from the table's first, whose data are given up of all contributors.
    """

    cohort: Cohort
    start_ms: int
    first: int
    last: int
    drawn: list[bytes]
    struck: list[int] = []


class PublishPart(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """A part of a publication, in the bundle at a log index.

    Attributes:
        kind: `day`, `week` or `window`.
        end_ms: The end of the span that is published.
        part: Its number among the parts, from 0.
        is_last: Whether the next part is the first of the next publication.
        slices: What was closed into it.
        guards: Those that it rests on.
    """

    index: int
    recipient: str
    kind: str
    end_ms: int
    part: int
    is_last: bool
    slices: list[ClosedSlice]
    guards: list[FixedGuard]


class PublishFrom(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """From when on a recipient gets publications of a kind; -1 is no longer."""

    recipient: str
    kind: str
    from_ms: int


class Missed(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """A span of which the gateway may have missed readings."""

    from_ms: int
    until_ms: int


class BeginSegment(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """The beginning of a segment whose snapshot is stored in parts: what it holds is of this moment, or of a later one."""


class SnapshotPart(msgspec.Struct, frozen=True, array_like=True, tag=15):
    """The moment of which the next part of the snapshot is: of whom it holds something, it replaces what was folded before."""


JournalRecord = (
    Define
    | Take
    | Purge
    | Watermark
    | Close
    | Void
    | WholeSince
    | Dry
    | Subscriptions
    | Dated
    | Arrived
    | PublishPart
    | PublishFrom
    | Missed
    | BeginSegment
    | SnapshotPart
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[JournalRecord]).decode


class Journal:
    """The records of the batch under way, and which slots are numbered in the open segment.

    Slots are numbered through all segments of a run, so that nothing has to know them by their numbers and plans that have been
    replaced are freed; what is written counts from the first of the segment.

    Attributes:
        first_ref: The number that the open segment begins with: a slot with a lower one is not defined there yet.
    """

    __slots__ = ("_next_ref", "_records", "_watermark_ms", "first_ref", "is_beginning", "segment_bytes")

    def __init__(self) -> None:
        self.is_beginning = False
        """Whether parts of the open segment's snapshot are still to come: until then no window ends, and nothing is released."""
        self._watermark_ms = -1
        self._records: list[JournalRecord] = []
        self.first_ref = self._next_ref = 0
        self.segment_bytes = 0

    def define(self, slot: Slot) -> int:
        """Number a slot, and record what its readings feed; return its number in the open segment."""
        slot.ref = self._next_ref
        self._next_ref += 1
        ref = slot.ref - self.first_ref
        targets = [
            DefinedTarget(
                target.cohort,
                target.contributor,
                target.permission.since_ms,
                target.permission.expires_ms,
                target.shape if isinstance(target, CellTarget) else None,
            )
            for target in slot.targets
            if not isinstance(target, RecordTarget)
        ]
        rule = None if slot.register is None else slot.register.rule
        self._records.append(Define(ref, slot.device.id, slot.observed_property, slot.seen is not None, targets, rule))
        return ref

    @property
    def has_records(self) -> bool:
        """Whether the batch under way holds anything."""
        return bool(self._records)

    @property
    def records(self) -> int:
        """How many records the batch under way holds."""
        return len(self._records)

    def note(self, record: Close | Void | WholeSince | Dry | Subscriptions | PublishPart | PublishFrom | Missed) -> None:
        """Write a record that needs no watermark before it."""
        self._records.append(record)

    def take(self, readings: list[int], sequences: list[Any], watermark_ms: int) -> None:
        """Write a batch of readings, flat as in ``Take``."""
        self._note_watermark(watermark_ms)
        self._records.append(Take(readings, sequences))

    def admissions(self, admissions: Admissions) -> None:
        """Write what a batch admitted by other rules than numbers that every message states."""
        if admissions.dated:
            self._records.append(Dated(admissions.dated))
        if admissions.arrivals:
            self._records.append(Arrived(admissions.arrivals))

    def purge(self, contributor: bytes, keep: Mapping[Cohort, Kept], watermark_ms: int) -> None:
        """Write that a contributor has left the windows and tables in which it no longer belongs."""
        self._note_watermark(watermark_ms)
        self._records.append(Purge(contributor, [KeptCohort(cohort, *kept) for cohort, kept in keep.items()]))

    def _note_watermark(self, watermark_ms: int) -> None:
        """Write the watermark if it has changed, and only before a record that depends on it: an idle gateway writes nothing."""
        if watermark_ms != self._watermark_ms:
            self._watermark_ms = watermark_ms
            self._records.append(Watermark(watermark_ms))

    def take_batch(self) -> bytes:
        """Return the records since the last call, encoded; empty when there are none."""
        if not self._records:
            return b""
        blob = _encode(self._records)
        self._records = []
        self.segment_bytes += len(blob)
        return blob

    def begin_segment(self, watermark_ms: int) -> None:
        """Drop pending records, which the new segment's snapshot covers; the segment numbers slots anew."""
        self._records = []
        self._watermark_ms = watermark_ms
        self._number_anew()

    def begin_in_parts(self) -> None:
        """Begin a segment whose snapshot is stored in parts; what is pending stays: the former segment needs it."""
        self._records.append(BeginSegment())
        self.is_beginning = True
        self._number_anew()

    def note_part(self, *, is_last: bool = False) -> None:
        """Write that a part of the snapshot is of this moment."""
        self._records.append(SnapshotPart())
        self.is_beginning = not is_last

    def _number_anew(self) -> None:
        self.first_ref = self._next_ref
        self.segment_bytes = 0


def decode_batch(blob: bytes) -> list[JournalRecord]:
    """Return the records of a batch."""
    return _decode(blob) if blob else []
