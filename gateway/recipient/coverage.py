"""Whether the gateway's log accounts for a bundle: what tells the gateway's own bundles from anyone else's.

Anyone who knows a recipient's public key can seal something for it. A bundle is the gateway's own once its log, under a signed
checkpoint, holds a release entry at the bundle's log index that names the SHA-256 of exactly these bytes. Until then a recipient
keeps it aside.

Read are the static files that the gateway publishes (C2SP tlog-tiles), a handful for each bundle, however long the log. That the
log only ever grew between two checkpoints is for `sluice audit verify` to say; here a checkpoint that falls behind an earlier one
is an error.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint, CheckpointError
from gateway.audit.entries import Entry, EntryError, Kind
from gateway.audit.merkle import ProofError
from gateway.audit.notes import NoteError, Verifier, open_note
from gateway.audit.reader import CHECKPOINT_NAME, FileError, LogReader
from gateway.audit.tile_proofs import proven_entry


class CoverageError(Exception):
    """The log itself is not in order, so it vouches for nothing. The text is one line."""


class Verdict(Enum):
    """What the log says of a bundle."""

    COVERED = "covered"
    NOT_YET = "no checkpoint covers it yet"
    REFUTED = "the log does not account for it"


class Coverage:
    """One log as its latest verified checkpoint commits to it.

    Args:
        folder: The folder that holds `checkpoint` and `tile/`.
        verifier: The log's public key, whose name is the log's origin.
    """

    def __init__(self, folder: Path, verifier: Verifier) -> None:
        self._reader = LogReader(folder)
        self._checkpoint_path = folder / CHECKPOINT_NAME
        self._verifier = verifier
        self._checkpoint: Checkpoint | None = None

    def refresh(self) -> Checkpoint | None:
        """Take the present checkpoint, and return it; None while the log has not published any.

        Raises:
            CoverageError: If it is not signed by the log's key, cannot be read, or falls behind what was seen before.
        """
        if self._checkpoint is None and not self._checkpoint_path.exists():
            return None
        try:
            new = Checkpoint.parse(open_note(self._reader.checkpoint(), [self._verifier]).text)
        except (FileError, NoteError, CheckpointError) as error:
            raise CoverageError(f"`{self._checkpoint_path}`: {error}") from error
        old = self._checkpoint
        if new.origin != self._verifier.name:
            raise CoverageError(f"checkpoint is of log `{new.origin}`, not `{self._verifier.name}`")
        if old is not None and (new.size < old.size or (new.size == old.size and new.root != old.root)):
            raise CoverageError(f"checkpoint of size `{new.size}` contradicts the one of size `{old.size}` seen before")
        self._checkpoint = new
        return new

    def check(self, log_origin: str, log_index: int, bundle_sha256: bytes) -> Verdict:
        """Say whether the latest checkpoint covers a bundle; `refresh` comes first.

        Args:
            log_origin: The origin that the bundle names.
            log_index: The log index that the bundle names.
            bundle_sha256: SHA-256 of the bundle's bytes as received.

        Raises:
            CoverageError: If the log's files do not lead to its checkpoint.
        """
        if log_origin != self._verifier.name:
            return Verdict.REFUTED
        if self._checkpoint is None or log_index >= self._checkpoint.size:
            return Verdict.NOT_YET
        entry = self._included_entry(self._checkpoint, log_index)
        return Verdict.COVERED if entry.kind is Kind.RELEASE and entry.bundle_sha256 == bundle_sha256 else Verdict.REFUTED

    def _included_entry(self, checkpoint: Checkpoint, index: int) -> Entry:
        try:
            data, _ = proven_entry(self._reader, checkpoint, index)
            return Entry.decode(data)
        except (FileError, ProofError, EntryError) as error:
            raise CoverageError(f"log entry `{index}`: {error}") from error
