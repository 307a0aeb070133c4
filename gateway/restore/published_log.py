"""The published log as a restore reads it: its checkpoint, signed by our own key, and the entries up to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.notes import Verifier, open_note
from gateway.audit.log.reader import FileError, LogReader
from gateway.audit.log.tiles import LogWriter, policies_path, tile_spans
from gateway.errors import CorruptionError

_LONGEST_POLICIES_BYTES: Final = 1 << 24


class PublishedLog:
    """A log folder whose checkpoint our own key has signed."""

    def __init__(self, folder: Path, vkey: str) -> None:
        """Read the checkpoint.

        Raises: CorruptionError: there is none, or another key has signed it.
        """
        self._folder = folder
        self._reader = LogReader(folder)
        try:
            note = open_note(self._reader.checkpoint(), [Verifier.parse(vkey)])
            self.checkpoint = Checkpoint.parse(note.text)
        except FileError as error:
            raise CorruptionError(
                f"`{folder}`: no checkpoint can be read here, and restoring demands the current published log"
            ) from error
        except ValueError as error:
            raise CorruptionError(f"`{folder}`: the published checkpoint is not this log's: {error}") from error

    @property
    def size(self) -> int:
        """Return how many entries the checkpoint covers."""
        return self.checkpoint.size

    def entries(self) -> Iterator[bytes]:
        """Yield the entries.

        Raises: CorruptionError: a file is absent or damaged; at the end, where the entries do not lead to the checkpoint's root.
        """
        writer = LogWriter(self.checkpoint.origin, self.size)
        for index, width in tile_spans(self.size, 0):
            try:
                bundle = self._reader.bundle(index, width)
            except FileError as error:
                raise CorruptionError(f"`{self._folder}`: {error}") from error
            for entry in bundle.entries:
                writer.append(entry)
                yield entry
        if writer.root() != self.checkpoint.root:
            raise CorruptionError(f"`{self._folder}`: the published entries do not lead to the checkpoint's root")

    def labels(self, index: int) -> bytes:
        """Return the label file of a release.

        Raises: CorruptionError: it is absent.
        """
        try:
            return self._reader.labels(index)
        except FileError as error:
            raise CorruptionError(f"`{self._folder}`: {error}") from error

    def policies(self, sha256: bytes) -> bytes:
        """Return a policy set that was in force, packed.

        Raises: CorruptionError: it is absent, or another.
        """
        path = policies_path(sha256)
        try:
            packed = self._reader.source.read(path, _LONGEST_POLICIES_BYTES)
        except FileError as error:
            raise CorruptionError(f"`{self._folder}`: {error}") from error
        if hashlib.sha256(packed).digest() != sha256:
            raise CorruptionError(f"`{self._folder}`: `{path}`: the policies are others than its name says")
        return packed
