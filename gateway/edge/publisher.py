"""The publisher: writes the log and its openings to their folders, in the background and in order, after the commit.

Everything that a checkpoint covers is written before the checkpoint itself. While the disk is full, publications wait and are
merged: the log is published late, but complete. Any other failure of the disk ends the process: the task's error is raised where
the application awaits it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import structlog

from gateway.audit.log.checkpoint import Checkpoint, SignedHead
from gateway.audit.log.consistency_proofs import ConsistencyProofs
from gateway.audit.log.folder import FolderConflictError, LogFolder, OpeningsFolder
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import FileError, FolderSource, LogReader
from gateway.edge.store.disk_space import FULL_DISK_RETRY_S, NO_ROOM
from gateway.edge.witnesses.quorum import Witnesses
from gateway.errors import CorruptionError, OperatorError
from gateway.files import unusable

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Publication:
    """Everything that one checkpoint covers and the folders do not have yet."""

    files: dict[str, bytes]
    checkpoint_note: bytes
    openings: dict[int, bytes] = field(default_factory=dict)
    shortened: dict[int, bytes] = field(default_factory=dict)
    """Openings that an erasure has shortened: written last, so that nobody finds more erased than the log accounts for."""
    description: bytes = b""
    """The log's description of itself; empty where it has not changed."""

    def followed_by(self, later: Publication) -> Publication:
        """Return one publication in place of two, of which the later one covers all that the earlier one does."""
        grown = {PurePosixPath(path).parent for path in later.files}
        files = {path: data for path, data in self.files.items() if ".p/" not in path or PurePosixPath(path).parent not in grown}
        return Publication(
            files | later.files,
            later.checkpoint_note,
            self.openings | later.openings,
            self.shortened | later.shortened,
            later.description or self.description,
        )


class Publisher:
    """Writes publications one after another."""

    def __init__(self, log_folder: Path, openings_folder: Path | None, vkey: str, witnesses: Witnesses | None = None) -> None:
        """Open the folders, creating them if need be; witnesses are asked for each checkpoint that ``run`` publishes.

        Raises: OperatorError: a folder cannot be used.
        """
        self.full = False
        """True while something waits because the disk is full."""
        self._published_s = time.monotonic()
        self._first: Publication | None = None  # the one that witnesses are being asked about, or have answered
        self._waiting: Publication | None = None
        self._arrived = asyncio.Event()
        self._changing = threading.Lock()  # guards what waits
        self._writing = threading.Lock()  # one thread at a time, and in order
        self._failed = False
        self._witnesses = witnesses
        self._verifier = Verifier.parse(vkey)
        try:
            self.log = LogFolder(log_folder)
            self._openings = None if openings_folder is None else OpeningsFolder(openings_folder)
            self.log.write_vkey(vkey)
        except OSError as error:
            folder = Path(error.filename or log_folder)
            raise OperatorError(f"`{folder}`: cannot be used as a folder: {unusable(folder, error, '0755')}") from error

    def age_s(self) -> float:
        """Return how long ago a checkpoint was published; since the beginning where none was."""
        return time.monotonic() - self._published_s

    def published_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint that is published now.

        Raises: CorruptionError: it is not a checkpoint, or another key has signed it.
        """
        head = self.published_head()
        return None if head is None else head.checkpoint

    def published_head(self) -> SignedHead | None:
        """Return the same with our signature.

        Raises: CorruptionError: it is not a checkpoint, or another key has signed it.
        """
        note = self.log.read_checkpoint()
        return None if note is None else self.opened(note, self.log.path)

    def opened(self, note: bytes, where: Path) -> SignedHead:
        """Return the checkpoint in a note, with our signature.

        Raises: CorruptionError: it is not a checkpoint, or another key has signed it.
        """
        try:
            return SignedHead.open(note, self._verifier)
        except ValueError as error:
            raise CorruptionError(f"`{where}`: the checkpoint is not this log's: {error}") from error

    def exported_until(self, published_size: int) -> int:
        """Return the log index up to which openings are in their folder; less than what is published where the folder is new."""
        assert self._openings is not None
        return min(published_size, max(self._openings.indices(), default=-1) + 1)

    @property
    def exports_openings(self) -> bool:
        """Whether openings are exported."""
        return self._openings is not None

    def publish(self, publication: Publication) -> None:
        """Publish soon, together with what already waits."""
        with self._changing:
            waiting = self._waiting
            self._waiting = publication if waiting is None else waiting.followed_by(publication)
        self._arrived.set()

    async def drained(self) -> bool:
        """Write all waiting publications; return False where the disk has no room, and they go on waiting."""
        return await asyncio.to_thread(self.write_waiting)

    def mend_opening(self, index: int, opening: bytes) -> None:
        """Rewrite an exported opening if it is not what it should be; one that was never exported is left alone."""
        if self._openings is not None and self._openings.read(index) not in (None, opening):
            self._openings.write({index: opening})

    def drop_openings(self, indices: Iterable[int]) -> None:
        """Delete exported openings that are no longer kept."""
        if self._openings is not None:
            self._openings.delete(indices)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            witnessed = await self._have_cosigned()
            if not await asyncio.to_thread(self.write_waiting, most=1 if witnessed else None):
                await asyncio.sleep(FULL_DISK_RETRY_S)
                self._arrived.set()

    async def _have_cosigned(self) -> bool:
        """Collect cosignatures for what waits; without them it is published anyway, and auditors see that.

        What arrives meanwhile waits behind it, so that a checkpoint that is soon superseded gets its cosignatures too.

        Returns: Whether there are witnesses to ask.
        """
        if self._witnesses is None:
            return False
        with self._changing:
            if self._first is None:
                self._first, self._waiting = self._waiting, None
            asked = self._first
        if asked is None:
            return True
        checkpoint = self.opened(asked.checkpoint_note, self.log.path).checkpoint
        if not await asyncio.to_thread(self._write_ahead, asked):
            return True
        proofs = ConsistencyProofs(LogReader(FolderSource(self.log.path)), checkpoint.size)
        try:
            cosigned = await self._witnesses.cosign(asked.checkpoint_note, proofs)
        except FileError as problem:
            _log.error("the published log cannot be read, so no witness was asked", file=problem.where)
            return True
        with self._changing:
            if self._first is asked:
                self._first = replace(asked, checkpoint_note=cosigned.note)
            if self._waiting is not None:
                self._arrived.set()
        return True

    def _write_ahead(self, publication: Publication) -> bool:
        """Write what a checkpoint covers before a witness sees it: nobody may know of entries that lie in no folder.

        Returns: False where the disk has no room for it.
        Raises: as ``write_waiting`` does.
        """
        with self._writing:
            try:
                self._publish_files(lambda: self.log.restore(publication.files))
            except OSError as error:
                self._failed = error.errno not in NO_ROOM
                if self._failed:
                    raise
                return False
        return True

    def write_waiting(self, most: int | None = None) -> bool:
        """Publish what waits before returning; after a disk failure, publish nothing.

        Args:
            most: How many publications at most; None for all.
        Returns: False where the disk has no room for it.
        Raises:
            CorruptionError: The folder holds another log.
            OSError: The disk fails.
        """
        with self._writing:
            while most != 0 and not self._failed and (publication := self._take()) is not None:
                most = None if most is None else most - 1
                try:
                    self._write(publication)
                except OSError as error:
                    self._failed = error.errno not in NO_ROOM
                    if self._failed:
                        raise
                    self._put_back(publication)
                    return False
                if self.full:
                    _log.info("room again: the log is published")
                    self.full = False
        return True

    def _take(self) -> Publication | None:
        with self._changing:
            publication = self._first or self._waiting
            if publication is self._first:
                self._first = None
            else:
                self._waiting = None
        return publication

    def _put_back(self, publication: Publication) -> None:
        if not self.full:
            _log.error("disk full, publishing nothing until there is room")
            self.full = True
        with self._changing:
            later = self._waiting
            self._waiting = publication if later is None else publication.followed_by(later)

    def _write(self, publication: Publication) -> None:
        if self._openings is not None and publication.openings:
            self._openings.write(publication.openings)
        if publication.description:
            self.log.write_description(publication.description)
        self._publish_files(lambda: self.log.publish(publication.files, publication.checkpoint_note))
        self._published_s = time.monotonic()
        if self._openings is not None and publication.shortened:
            self._openings.write(publication.shortened)

    def _publish_files(self, write: Callable[[], None]) -> None:
        try:
            write()
        except FolderConflictError as error:
            self._failed = True
            raise CorruptionError(f"`{self.log.path}`: {error}") from error
