"""Puts the log and its openings into folders, in the background and in order, after the commit that made them durable.

What a checkpoint promises is there before the checkpoint is. A disk that refuses ends the process: the task's error is raised
where the application waits for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.folder import FolderConflictError, LogFolder, OpeningsFolder
from gateway.audit.notes import Verifier, open_note
from gateway.errors import CorruptionError, OperatorError


@dataclass(frozen=True, slots=True)
class Publication:
    """Everything that one checkpoint covers and the folders lack."""

    files: dict[str, bytes]
    checkpoint_note: bytes
    openings: dict[int, bytes] = field(default_factory=dict)
    shortened: dict[int, bytes] = field(default_factory=dict)
    """Openings that an erasure has shortened: written last, so that nobody finds more erased than the log accounts for."""


class Publisher:
    """Writes publications one after the other."""

    def __init__(self, log_folder: Path, openings_folder: Path | None, vkey: str) -> None:
        """Open the folders, making them if need be.

        Raises: OperatorError: one cannot be used.
        """
        self._queue: asyncio.Queue[Publication] = asyncio.Queue()
        self._verifier = Verifier.parse(vkey)
        self._runs = False
        try:
            self._log = LogFolder(log_folder)
            self._openings = None if openings_folder is None else OpeningsFolder(openings_folder)
            self._log.write_vkey(vkey)
        except OSError as error:
            raise OperatorError(f"`{error.filename or log_folder}`: {(error.strerror or 'cannot be written').lower()}") from error

    def published_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint that is published now.

        Raises: CorruptionError: it is none, or another key has signed it.
        """
        note = self._log.read_checkpoint()
        try:
            return None if note is None else Checkpoint.parse(open_note(note, [self._verifier]).text)
        except ValueError as error:
            raise CorruptionError(f"`{self._log.path}`: the published checkpoint is not this log's: {error}") from error

    def exported_until(self, published_size: int) -> int:
        """Return up to which log index openings lie in their folder; less than what is published where the folder is new."""
        assert self._openings is not None
        return min(published_size, max(self._openings.indices(), default=-1) + 1)

    @property
    def exports_openings(self) -> bool:
        """Whether openings are exported."""
        return self._openings is not None

    def publish(self, publication: Publication) -> None:
        """Publish soon."""
        self._queue.put_nowait(publication)

    async def drained(self) -> None:
        """Wait until everything handed in is in the folders; where ``run`` does not run, put it there."""
        if self._runs:
            await self._queue.join()
        else:
            self.write_waiting()

    def mend_opening(self, index: int, opening: bytes) -> None:
        """Write an exported opening again if it is not what it should be; one that was never exported is left alone."""
        if self._openings is not None and self._openings.read(index) not in (None, opening):
            self._openings.write({index: opening})

    async def run(self) -> None:
        """Publish until cancelled."""
        self._runs = True
        while True:
            publication = await self._queue.get()
            await asyncio.to_thread(self._write, publication)
            self._queue.task_done()

    def write_waiting(self) -> None:
        """Publish what waits before returning, where ``run`` does not run."""
        while not self._queue.empty():
            self._write(self._queue.get_nowait())
            self._queue.task_done()

    def _write(self, publication: Publication) -> None:
        if self._openings is not None and publication.openings:
            self._openings.write(publication.openings)
        try:
            self._log.publish(publication.files, publication.checkpoint_note)
        except FolderConflictError as error:
            raise CorruptionError(f"`{self._log.path}`: {error}") from error
        if self._openings is not None and publication.shortened:
            self._openings.write(publication.shortened)
