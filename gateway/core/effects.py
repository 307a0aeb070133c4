"""What a step of the pipeline asks of the edges: rows to commit in one transaction, and what may be done once it is durable.

The core only adds to the ``Commit`` under way; ``gateway.edge.store`` writes it, and the application acknowledges, sends
and publishes afterwards, never before.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final, Self

from gateway.errors import CorruptionError

PIECE_BYTES: Final = 1 << 16
"""An opening that is no longer stays as it is; of any other so much is compressed, or restored, at a time."""
_QUICKLY: Final = 1
"""The level at which zlib takes a third as long as by default; salts and ids are most of what remains, at any level."""
_ZLIB: Final = b"\x78"
"""How a stream of zlib begins, and no opening does."""


@dataclass(frozen=True, slots=True)
class PackedOpening:
    """An opening as it is held and stored: that of a large city's day has 12 MB, and a quarter of it when compressed.

    Attributes:
        content: The bytes of its file, or a zlib stream of them.
    """

    content: bytes

    @classmethod
    def of(cls, written: Iterable[bytes]) -> Self:
        """Pack the bytes of an opening as they come: they are never together."""
        packed, compressor, gathered, is_long = BytesIO(), zlib.compressobj(_QUICKLY), bytearray(), False
        for data in written:
            gathered += data
            if len(gathered) > PIECE_BYTES:
                is_long = True
                packed.write(compressor.compress(gathered))
                gathered.clear()
        if not is_long:
            return cls(bytes(gathered))
        packed.write(compressor.compress(gathered))
        packed.write(compressor.flush())
        return cls(packed.getvalue())  # the buffer itself: pieces that are joined are there twice

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the opening's file, piece by piece.

        Raises: CorruptionError: some of them are not there.
        """
        if not self.content.startswith(_ZLIB):
            yield self.content
            return
        stream = zlib.decompressobj()
        for at in range(0, len(self.content), PIECE_BYTES):
            yield stream.decompress(self.content[at : at + PIECE_BYTES])
        if not stream.eof:
            raise CorruptionError("an opening is stored in part only")

    def whole(self) -> bytes:
        """Return the bytes of the opening's file."""
        return b"".join(self.pieces())


@dataclass(frozen=True, slots=True)
class LogRow:
    """An entry of the log, with the opening of its commitment and, for a release, its labels file."""

    index: int
    kind: str
    content: bytes
    opening: PackedOpening
    labels: bytes | None = None


@dataclass(frozen=True, slots=True)
class BundleRow:
    """A bundle for a recipient, kept until it is acknowledged upstream."""

    index: int
    recipient: str
    sink: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Records that wait for a bundle; ``number`` orders them, ``content`` is sealed when stored."""

    number: int
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """The new, shorter opening of the entry at a log index, which replaces the stored one."""

    index: int
    opening: PackedOpening


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """A subject's row, encoded; None deletes it."""

    id: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim code's row, found by the code's hash, encoded; None deletes it."""

    code_hash: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device's row, found by its place (see ``registry.row_key``), encoded; None deletes it."""

    place: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """An encoded consent, by the index of its log entry."""

    index: int
    subject: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """Encoded policies, by the index of the log entry that put them in force."""

    index: int
    sha256: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class PublicRow:
    """A tally of the public's numbers: of a UTC day, or of an hour.

    Attributes:
        number: Of the day or hour since the epoch.
        content: As counted, encoded.
        shown: As it is shown from now on; None where that stays as it is.
    """

    is_day: bool
    number: int
    content: bytes
    shown: bytes | None


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """A handover of the log's key, by the index of its entry: the note that `log.keys` holds."""

    index: int
    note: bytes


@dataclass(frozen=True, slots=True)
class RootKeyRow:
    """The root key under which everything is to be sealed: its number, and the log index of its entry."""

    generation: int
    index: int


@dataclass(slots=True)
class Commit:
    """Everything that one transaction makes durable."""

    marks: bytes = b""
    """Of the batch's frames, as ``ingest.marks`` packs them."""
    journal: bytes = b""
    snapshot: bytes | None = None
    """Of a journal segment, a new one or one that has begun and all of whose parts are stored; the earlier ones are dropped."""
    begins_segment: bool = False
    """Begins a journal segment whose snapshot follows in parts; the earlier ones are needed until it is there."""
    parts: list[bytes] = field(default_factory=list)
    """Of the snapshot of the segment that has begun, in the order of their records in the journal."""
    log: list[LogRow] = field(default_factory=list)
    head: bytes | None = None
    """A signed checkpoint of the log as it is after ``log``."""
    bundles: list[BundleRow] = field(default_factory=list)
    bundles_done: list[int] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    outbox_done: list[int] = field(default_factory=list)
    subjects: list[SubjectRow] = field(default_factory=list)
    claims: list[ClaimRow] = field(default_factory=list)
    devices: list[DeviceRow] = field(default_factory=list)
    consents: list[ConsentRow] = field(default_factory=list)
    consents_gone: list[bytes] = field(default_factory=list)
    """Ids of subjects all of whose consent rows are deleted."""
    openings: list[OpeningRow] = field(default_factory=list)
    """Openings that an erasure has shortened."""
    openings_settled: list[int] = field(default_factory=list)
    """Log indices of entries that later ones have superseded, so that no later release can rest on them."""
    openings_settled_ms: dict[int, int] = field(default_factory=dict)
    """Log indices of openings whose retention counts from another moment: what an erasure has emptied, and its list."""
    erases: bool = False
    """What is deleted must leave no trace: a journal segment is to begin, waiting rows are to be resealed, and free space
    scrubbed."""
    policies: list[PolicyRow] = field(default_factory=list)
    handovers: list[HandoverRow] = field(default_factory=list)
    root_key: RootKeyRow | None = None
    public: list[PublicRow] = field(default_factory=list)
    public_since: int = 0
    """Tallies of earlier days are deleted; a number since the epoch."""
    ledger: bytes = b""
    uses_reserve: bool = False
    """May use the reserved disk space: it changes who may see what, or records what is missing."""

    @property
    def rows(self) -> int:
        """Return how many rows of the log, of households and of claim codes it holds: what long work makes many of."""
        return len(self.log) + len(self.subjects) + len(self.claims)

    @property
    def stores_segment(self) -> bool:
        """Return whether it makes anything of a journal segment's snapshot durable."""
        return self.begins_segment or self.snapshot is not None or bool(self.parts)

    def is_empty(self) -> bool:
        """Return whether there is nothing to make durable but the ledger."""
        return self == Commit(ledger=self.ledger)
