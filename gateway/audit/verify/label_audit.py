"""The label files of a log, each checked against the labels root in its release entry: step 5 of a verification.

Each release has one label file, and the files are independent of each other. Those of a long log in a local folder are therefore
read by a second process while the entries are being checked.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Final

from gateway.audit.log.openings import labels_root
from gateway.audit.log.reader import FileError, FolderSource, LogReader
from gateway.audit.log.tiles import labels_path
from gateway.audit.verify.report import StepRecord

Release = tuple[int, bytes]
"""(log index, the labels root in its entry)"""
Problem = tuple[str, str]
"""(file, what is wrong with it)"""

LONG_LOG: Final = 50_000
"""Number of entries from which a second process saves more time than it takes to start."""
_BATCH: Final = 1024
_MOST_UNDER_WAY: Final = 64


class LabelAudit:
    """Checks the label files of a log's releases, in order, and records findings in one step.

    Args:
        reader: The log.
        size: How many entries the log has.
        step: The record of the step.
    """

    def __init__(self, reader: LogReader, size: int, step: StepRecord) -> None:
        self._reader = reader
        self._step = step
        self._batch: list[Release] = []
        self._under_way: deque[Future[list[Problem]]] = deque()
        self._worker = _worker() if size >= LONG_LOG and isinstance(reader.source, FolderSource) else None
        self.releases = 0

    def take(self, index: int, root: bytes) -> None:
        """Check the label file of a release, at once or in a later batch."""
        self.releases += 1
        self._batch.append((index, root))
        if self._worker is None or len(self._batch) >= _BATCH:
            self._hand_on()

    def close(self) -> None:
        """Check what remains and wait for the second process."""
        self._hand_on()
        self._settle(0)
        if self._worker is not None:
            self._worker.shutdown()
        self._step.detail = f"{self.releases} releases"

    def _hand_on(self) -> None:
        batch, self._batch = self._batch, []
        if self._worker is None:
            self._note(label_problems(self._reader, batch))
        else:
            self._under_way.append(self._worker.submit(label_problems, self._reader, batch))
            self._settle(_MOST_UNDER_WAY)

    def _settle(self, most: int) -> None:
        """Wait until at most `most` batches are unfinished."""
        while len(self._under_way) > most:
            self._note(self._under_way.popleft().result())

    def _note(self, problems: Sequence[Problem]) -> None:
        for where, problem in problems:
            self._step.add(where, problem)


def label_problems(reader: LogReader, releases: Sequence[Release]) -> list[Problem]:
    """Return what is wrong with the label files of some releases."""
    found: list[Problem] = []
    for index, root in releases:
        try:
            if labels_root(reader.labels(index)) != root:
                found.append((labels_path(index), "its labels do not lead to the root in the entry"))
        except FileError as problem:
            found.append((problem.where, problem.problem))
        except ValueError as error:
            found.append((labels_path(index), str(error)))
    return found


def _worker() -> ProcessPoolExecutor | None:
    """Return a second process, forked from this one; None where forking is not safe."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return None
    return ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
