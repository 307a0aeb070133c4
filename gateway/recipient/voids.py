"""Voids of bundles that a recipient holds: the log says that no byte of them was ever sent.

A gateway voids a bundle only while nothing of it has left. Where a recipient has it all the same, log and gateway contradict each
other: the figures may have been released a second time without somebody, and who compares both learns what that somebody
contributed. Every entry since the earliest bundle is read, proven, and forgotten.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.inclusion_proofs import proven_block
from gateway.audit.log.payloads import void_commitment
from gateway.audit.log.reader import LogReader
from gateway.audit.log.tiles import TILE_WIDTH


def void_text(void: int) -> str:
    """Return what a voided bundle in hand means, for the recipient."""
    return (
        f"the log voids it by entry `{void}`: it says that no byte of this bundle was ever sent, and you have it. Its figures "
        "may have been released again without somebody; do not compare the two. Keep the bundle, and show it to an auditor"
    )


class LoggedRelease(NamedTuple):
    """What a log says in clear of a release: SHA-256 of the bundle's bytes, and the index of the entry that voids it."""

    bundle_sha256: bytes
    void: int | None


class Voids:
    """The releases in a log and their voids, found once each, from the earliest bundle on that somebody holds.

    Args:
        reader: The log.
    """

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._begun = self._read = 0
        self._expected: dict[bytes, int] = {}  # the commitment of a void -> the release that it would void
        self._voided: dict[int, int] = {}
        self._releases: dict[int, bytes] = {}

    def of(self, held: Collection[int], checkpoint: Checkpoint) -> dict[int, int]:
        """Return which held releases the log voids: log index -> index of the void.

        Raises:
            FileError, ProofError, EntryError: when the log's files do not lead to its checkpoint.
        """
        known = [index for index in held if index < checkpoint.size]
        if not known:
            return {}
        self._read_on(min(known), checkpoint)
        return {index: self._voided[index] for index in known if index in self._voided}

    def releases_from(self, first: int, checkpoint: Checkpoint) -> dict[int, LoggedRelease]:
        """Return all releases from a log index on, whoever they are for.

        Raises:
            FileError, ProofError, EntryError: when the log's files do not lead to its checkpoint.
        """
        self._read_on(first, checkpoint)
        return {
            index: LoggedRelease(bundle_sha256, self._voided.get(index))
            for index, bundle_sha256 in self._releases.items()
            if index >= first
        }

    def _read_on(self, first: int, checkpoint: Checkpoint) -> None:
        if first < self._begun or not self._read:
            self._begin(first)
        while self._read < checkpoint.size:
            block = self._read // TILE_WIDTH
            for index, data in enumerate(proven_block(self._reader, checkpoint, block), block * TILE_WIDTH):
                if index >= self._read:
                    self._take(index, Entry.decode(data))
                    self._read = index + 1

    def _begin(self, index: int) -> None:
        self._begun = self._read = index
        self._expected.clear()
        self._voided.clear()
        self._releases.clear()

    def _take(self, index: int, entry: Entry) -> None:
        if entry.kind is Kind.RELEASE and entry.bundle_sha256 is not None:
            self._expected[void_commitment(index, entry.bundle_sha256)] = index
            self._releases[index] = entry.bundle_sha256
        elif entry.kind is Kind.VOID and (release := self._expected.get(entry.commitment)) is not None:
            self._voided.setdefault(release, index)
