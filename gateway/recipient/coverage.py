"""Whether the gateway's log covers a bundle, which distinguishes the gateway's own bundles from forged ones.

Anyone who knows a recipient's public key can seal something for it. A bundle is the gateway's own once the log, under a signed
checkpoint, holds a release entry at the bundle's log index that names the SHA-256 of exactly these bytes. Until then the
recipient sets the bundle aside.

For each bundle a few of the static files that the gateway publishes (C2SP tlog-tiles) are read, however long the log is. The
latest checkpoint is saved, and each newer one must be proven consistent with it, also after a restart: a log that was rolled
back, replaced, or signed by another key covers nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from pathlib import Path

from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.consistency_proofs import ConsistencyProofs
from gateway.audit.log.entries import Entry, EntryError, Kind
from gateway.audit.log.handover import HandoverError, LogKeys
from gateway.audit.log.inclusion_proofs import proven_entry
from gateway.audit.log.merkle import ProofError, verify_consistency
from gateway.audit.log.notes import NoteError, Verifier
from gateway.audit.log.reader import CHECKPOINT_NAME, LONGEST_NOTE_BYTES, FileError, LogReader
from gateway.files import write_whole
from gateway.recipient.voids import LoggedRelease, Voids


class CoverageError(Exception):
    """The log itself is unreadable, unsigned or inconsistent, so it covers nothing. The message is one line."""


class CoverageVerdict(Enum):
    """Whether the log covers a bundle."""

    COVERED = "covered"
    NOT_YET = "no checkpoint covers it yet"
    REFUTED = "the log does not account for it"


class Coverage:
    """One log, up to its latest verified checkpoint.

    Args:
        folder: The folder that holds `checkpoint` and `tile/`.
        verifier: The log's public key, whose name is the log's origin; where the log was handed over since, the keys after it are
            found in the folder.
        kept: The file in which the latest checkpoint is saved; with None it lasts only as long as the process.
    """

    def __init__(self, folder: Path, verifier: Verifier, kept: Path | None = None) -> None:
        self._reader = LogReader(folder)
        self._checkpoint_path = folder / CHECKPOINT_NAME
        self._verifier = verifier
        self._keys = LogKeys(verifier)
        self._kept = kept
        self._checkpoint: Checkpoint | None = None
        self._voids = Voids(self._reader)

    def refresh(self) -> Checkpoint | None:
        """Read and check the present checkpoint, and return it; None while the log has not published one.

        Raises:
            CoverageError: If it cannot be read, is not signed by the log's key, or is not consistent with the one before.
        """
        old = self._checkpoint or self._seen_before()
        if old is None and not self._checkpoint_path.exists():
            return None
        note, new = self._opened(self._checkpoint_path)
        if old is not None:
            self._check_growth(old, new)
        if self._kept is not None and (old is None or new.size > old.size):
            write_whole(self._kept, note)
        self._checkpoint = new
        return new

    def _seen_before(self) -> Checkpoint | None:
        """Return the checkpoint that an earlier process saved."""
        return None if self._kept is None or not self._kept.exists() else self._opened(self._kept)[1]

    def _opened(self, path: Path) -> tuple[bytes, Checkpoint]:
        """Return the bytes of a checkpoint and its content, after checking the log's signature."""
        try:
            note = LogReader(path.parent).source.read(path.name, LONGEST_NOTE_BYTES)
            self._keys = self._keys.going_on(self._reader.handovers())
            checkpoint = self._keys.checkpoint(note)
        except (FileError, NoteError, CheckpointError, HandoverError) as error:
            raise CoverageError(f"`{path}`: {error}") from error
        if checkpoint.origin != self._verifier.name:
            raise CoverageError(f"`{path}`: the checkpoint of log `{checkpoint.origin}`, not `{self._verifier.name}`")
        return note, checkpoint

    def _check_growth(self, old: Checkpoint, new: Checkpoint) -> None:
        """Raise if the new checkpoint is not proven consistent with the old one."""
        if new.size < old.size:
            raise CoverageError(f"the log has shrunk from `{old.size}` entries to `{new.size}`: a rollback")
        if new.size == old.size and new.root != old.root:
            raise CoverageError(f"another root than the one seen before at size `{old.size}`: the log has split")
        if not 0 < old.size < new.size:
            return
        try:
            proof = ConsistencyProofs(self._reader, new.size).consistency(old.size, new.size)
            verify_consistency(old.size, new.size, proof, old.root, new.root)
        except FileError as error:
            raise CoverageError(f"that the log of `{new.size}` entries continues the one of `{old.size}`: {error}") from error
        except ProofError as error:
            raise CoverageError(f"the first `{old.size}` entries are not those seen before: the log has split") from error

    def check(self, log_origin: str, log_index: int, bundle_sha256: bytes) -> CoverageVerdict:
        """Return whether the latest checkpoint covers a bundle; `refresh` comes first.

        Args:
            log_origin: The origin that the bundle names.
            log_index: The log index that the bundle names.
            bundle_sha256: SHA-256 of the bundle's bytes as received.

        Raises:
            CoverageError: If the log's files do not hash to its checkpoint's root.
        """
        if log_origin != self._verifier.name:
            return CoverageVerdict.REFUTED
        if self._checkpoint is None or log_index >= self._checkpoint.size:
            return CoverageVerdict.NOT_YET
        entry = self._included_entry(self._checkpoint, log_index)
        return (
            CoverageVerdict.COVERED
            if entry.kind is Kind.RELEASE and entry.bundle_sha256 == bundle_sha256
            else CoverageVerdict.REFUTED
        )

    def voided(self, held: Collection[int]) -> dict[int, int]:
        """Return which of the releases at these log indices the latest checkpoint's log voids, and by which entry.

        Raises:
            CoverageError: If the log's files do not lead to its checkpoint.
        """
        if self._checkpoint is None:
            return {}
        try:
            return self._voids.of(held, self._checkpoint)
        except (FileError, ProofError, EntryError) as error:
            raise CoverageError(f"the log's entries: {error}") from error

    def releases_from(self, first: int) -> dict[int, LoggedRelease]:
        """Return the releases that the latest checkpoint's log holds from an index on, for whichever recipient.

        Raises:
            CoverageError: If the log's files do not lead to its checkpoint.
        """
        if self._checkpoint is None:
            return {}
        try:
            return self._voids.releases_from(first, self._checkpoint)
        except (FileError, ProofError, EntryError) as error:
            raise CoverageError(f"the log's entries: {error}") from error

    def _included_entry(self, checkpoint: Checkpoint, index: int) -> Entry:
        try:
            data, _ = proven_entry(self._reader, checkpoint, index)
            return Entry.decode(data)
        except (FileError, ProofError, EntryError) as error:
            raise CoverageError(f"log entry `{index}`: {error}") from error
