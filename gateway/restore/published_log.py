"""The published log as a restore reads it: its checkpoint, signed by our own key, and the entries up to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from gateway.audit.log.checkpoint import SignedHead
from gateway.audit.log.handover import KEYS_NAME, Handover, HandoverError, parse_handovers
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import FileError, LogReader, LogUnreachableError, Source
from gateway.audit.log.tiles import LogWriter, tile_spans
from gateway.errors import CorruptionError


class PublishedLog:
    """A log whose checkpoint our own key has signed, in a folder or behind a URL.

    Attributes:
        reader: Reads its files.
        name: What the operator calls it.
        head: The checkpoint.
    """

    def __init__(self, source: Source, name: str, head: SignedHead) -> None:
        """Take the files up to a checkpoint."""
        self.reader = LogReader(source)
        self.name = name
        self.head = head

    @classmethod
    def open(cls, source: Source, name: str, keys: Sequence[Verifier]) -> PublishedLog:
        """Read the checkpoint.

        Raises: CorruptionError: there is none, or another key has signed it.
        """
        try:
            return cls(source, name, SignedHead.open(LogReader(source).checkpoint(), keys))
        except LogUnreachableError as error:
            raise CorruptionError(
                f"`{name}`: no checkpoint can be read here, and restoring demands the current published log: "
                f"name a copy of it with `--log` ({error})"
            ) from error
        except ValueError as error:
            raise CorruptionError(f"`{name}`: the published checkpoint is not this log's: {error}") from error

    def up_to(self, head: SignedHead) -> PublishedLog | None:
        """Return the same files up to another checkpoint of ours, where they lead to it; otherwise None."""
        further = PublishedLog(self.reader.source, self.name, head)
        try:
            for _ in further.entries():
                pass
        except CorruptionError:
            return None
        return further

    @property
    def size(self) -> int:
        """Return how many entries the checkpoint covers."""
        return self.head.checkpoint.size

    def entries(self) -> Iterator[bytes]:
        """Yield the entries.

        Raises: CorruptionError: a file is absent or damaged; at the end, where the entries do not lead to the checkpoint's root.
        """
        checkpoint = self.head.checkpoint
        writer = LogWriter(checkpoint.origin, self.size)
        for index, width in tile_spans(self.size, 0):
            try:
                bundle = self.reader.bundle(index, width)
            except FileError as error:
                raise CorruptionError(f"`{self.name}`: {error}") from error
            for entry in bundle.entries:
                writer.append(entry)
                yield entry
        if writer.root() != checkpoint.root:
            raise CorruptionError(f"`{self.name}`: the published entries do not lead to the checkpoint's root")

    def handovers(self) -> tuple[Handover, ...]:
        """Return the handovers of its key.

        Raises: CorruptionError: they do not hold.
        """
        try:
            return parse_handovers(self.reader.handovers())
        except (FileError, HandoverError) as error:
            raise CorruptionError(f"`{self.name}`: `{KEYS_NAME}`: {error}") from error

    def labels(self, index: int) -> bytes:
        """Return the label file of a release.

        Raises: CorruptionError: it is absent.
        """
        try:
            return self.reader.labels(index)
        except FileError as error:
            raise CorruptionError(f"`{self.name}`: {error}") from error

    def policies(self, digest: bytes) -> bytes | None:
        """Return a policy set, packed, by its SHA-256; None where it is absent or another one."""
        try:
            packed = self.reader.policies(digest)
        except FileError:
            return None
        return packed if sha256(packed).digest() == digest else None
