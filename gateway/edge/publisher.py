"""The publisher: writes the log and its openings to their folders, in the background and in order, after the commit.

Everything that a checkpoint covers is written before the checkpoint itself. While the disk is full, publications wait and are
merged: the log is published late, but complete. Any other failure of the disk ends the process: the task's error is raised where
the application awaits it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from gateway.audit.log.checkpoint import Checkpoint, SignedHead
from gateway.audit.log.consistency_proofs import ConsistencyProofs
from gateway.audit.log.folder import FolderConflictError, LogFolder, OpeningsFolder
from gateway.audit.log.handover import Handover
from gateway.audit.log.notes import Verifier, split_note
from gateway.audit.log.reader import VKEY_NAME, FileError, FolderSource, LogReader
from gateway.core.effects import PackedOpening
from gateway.edge.loggers import structlog
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
    openings: dict[int, PackedOpening] = field(default_factory=dict)
    shortened: dict[int, PackedOpening] = field(default_factory=dict)
    """Openings that an erasure has shortened: written last, so that nobody finds more erased than the log accounts for."""
    description: bytes = b""
    """The log's description of itself; empty where it has not changed."""
    handovers: bytes = b""
    """The handovers of the log's key; empty where there are no new ones."""

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
            later.handovers or self.handovers,
        )


class Publisher:
    """Writes publications one after another."""

    def __init__(self, log_folder: Path, openings_folder: Path | None, key: Verifier, witnesses: Witnesses | None = None) -> None:
        """Open the folders, creating them if need be; witnesses are asked for each checkpoint that ``run`` publishes.

        Args:
            key: The log's, by which checkpoints are known as ours; ``hand_over`` replaces it.

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
        self._failure: Exception | None = None
        self._witnesses = witnesses
        self.keys: tuple[Verifier, ...] = (key,)
        """The log's key and, while a handover is under way, the key before it."""
        self._handover: Handover | None = None
        self._handovers = b""
        self._learnt = witnesses is None
        try:
            self.log = LogFolder(log_folder)
            self._openings = None if openings_folder is None else OpeningsFolder(openings_folder)
            if self.log.read(VKEY_NAME) is None:
                self.log.write_vkey(key.vkey())
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
            return SignedHead.open(note, self.keys)
        except ValueError as error:
            raise CorruptionError(f"`{where}`: the checkpoint is not this log's: {error}") from error

    def hand_over(self, handover: Handover, handovers: bytes) -> None:
        """Know both keys of a handover, and have the witnesses learn the new one.

        Args:
            handover: The one under way.
            handovers: All of the log's, which lead there.
        """
        self.keys = (handover.new, handover.old)
        self._handover, self._handovers = handover, handovers
        self._learnt = self._witnesses is None

    @property
    def handed_over(self) -> bool:
        """Whether a handover is under way that nobody needs the former key for any more.

        What it covers is published, and each witness that is asked has cosigned what the new key alone had signed.
        """
        if self._handover is None or not self._learnt:
            return False
        published = self.published_checkpoint()
        return published is not None and published.size > self._handover.index

    def witnesses_without_key(self) -> list[str]:
        """Return the witnesses that are not known to go by the key to which the log is being handed over."""
        if self._handover is None or self._learnt or self._witnesses is None:
            return []
        return self._witnesses.without(self._handovers)

    def drop_former_key(self) -> None:
        """Know the present key alone from now on."""
        self.keys, self._handover = self.keys[:1], None

    def exported_until(self, published_size: int) -> int:
        """Return the log index up to which openings are in their folder; less than what is published where the folder is new."""
        assert self._openings is not None
        return self._openings.latest_before(published_size) + 1

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
        """Write all waiting publications; return False where the disk has no room, and they go on waiting.

        Raises: as ``write_waiting`` does, and so does ``run`` then, whoever has asked for this.
        """
        try:
            return await asyncio.to_thread(self.write_waiting)
        finally:
            if self._failure is not None:
                self._arrived.set()

    def mend_opening(self, index: int, opening: bytes) -> None:
        """Rewrite an exported opening if it is not what it should be; one that was never exported is left alone."""
        if self._openings is not None and self._openings.read(index) not in (None, opening):
            self._openings.write({index: opening})

    def drop_openings(self, indices: Iterable[int]) -> None:
        """Delete exported openings that are no longer kept."""
        if self._openings is not None:
            self._openings.delete(indices)

    async def run(self) -> None:
        """Publish until cancelled.

        Raises: as ``write_waiting`` does.
        """
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self._failure is not None:
                raise self._failure
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
        if self._handover is not None and checkpoint.size > self._handover.index and not self._learnt:
            await self._teach(self._witnesses, self._handover, asked.checkpoint_note, proofs)
        return True

    async def _teach(self, witnesses: Witnesses, handover: Handover, note: bytes, proofs: ConsistencyProofs) -> None:
        """Have the witnesses learn the new key, and see whether each cosigns what it alone has signed."""
        by_new = SignedHead.open(note, [handover.new]).note
        self._learnt = await witnesses.teach(self._handovers, by_new, proofs)
        if self._learnt:
            _log.info("every witness knows the log's new key", key=handover.new.vkey())

    def _write_ahead(self, publication: Publication) -> bool:
        """Write what a checkpoint covers before a witness sees it: nobody may know of entries that lie in no folder.

        Returns: False where the disk has no room for it.
        Raises: as ``write_waiting`` does.
        """
        with self._writing:
            try:
                if publication.handovers:
                    self.log.write_handovers(publication.handovers)
                self._publish_files(lambda: self.log.restore(publication.files))
            except OSError as error:
                if error.errno not in NO_ROOM:
                    self._failure = error
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
            while most != 0 and self._failure is None and (publication := self._take()) is not None:
                most = None if most is None else most - 1
                try:
                    self._write(publication)
                except OSError as error:
                    if error.errno not in NO_ROOM:
                        self._failure = error
                        raise
                    self._put_back(publication)
                    return False
                if self.full:
                    _log.info("room again: the log is published")
                    self.full = False
        return True

    def put_back(self, files: Mapping[str, bytes]) -> None:
        """Write files that the published log has lost.

        Raises: as ``write_waiting`` does.
        """
        with self._writing:
            self._publish_files(lambda: self.log.restore(files))

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
            self._openings.write_pieces(_in_pieces(publication.openings))
        if publication.description:
            self.log.write_description(publication.description)
        if publication.handovers:
            self.log.write_handovers(publication.handovers)
        self._publish_files(lambda: self.log.publish(publication.files, publication.checkpoint_note))
        self.log.write_vkey(self._signed_by(publication.checkpoint_note).vkey())
        self._published_s = time.monotonic()
        if self._openings is not None and publication.shortened:
            self._openings.write_pieces(_in_pieces(publication.shortened))

    def _signed_by(self, note: bytes) -> Verifier:
        """Return the latest of our keys that has signed a checkpoint: the one that is offered beside it."""
        ids = [one.key_id for one in split_note(note)[1]]
        return next((key for key in self.keys if key.key_id in ids), self.keys[0])

    def _publish_files(self, write: Callable[[], None]) -> None:
        try:
            write()
        except FolderConflictError as error:
            self._failure = CorruptionError(f"`{self.log.path}`: {error}")
            raise self._failure from error


def _in_pieces(openings: Mapping[int, PackedOpening]) -> dict[int, Iterable[bytes]]:
    return {index: opening.pieces() for index, opening in openings.items()}
