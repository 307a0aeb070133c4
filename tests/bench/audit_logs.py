"""Logs on the disk for the audit bench: written at once and not forced, since what is measured is the reading.

A log of a million entries repeats the kinds and label files of a simulated day: every entry follows from those before, so that a
verifier finds nothing wrong; what their commitments commit to, only their openings would tell. Of its half a million label files
many are links to the same few hundred, since making them all would take the disk minutes; a reader opens and reads each.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.log.chain import Chain
from gateway.audit.log.entries import Kind
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.openings import LABEL_BYTES, labels_file, labels_root
from gateway.audit.log.reader import CHECKPOINT_NAME
from gateway.audit.log.tiles import TILE_WIDTH, LogWriter, labels_path
from gateway.core.effects import Commit, LogRow
from gateway.edge.keys.keyring import init_keys
from gateway.edge.store.store import Store

_INTERVAL_MS = 5_000
_FIRST_MS = 1_772_409_600_000
_ROWS_A_COMMIT = 1000
_DIFFERENT_LABEL_FILES = 256


class BareFolder:
    """A folder whose files nobody forces to the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made: set[Path] = set()

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files by path."""
        for path, data in files.items():
            file = self.path / path
            if file.parent not in self._made:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(file.parent)
            file.write_bytes(data)

    def put_head(self, writer: LogWriter, signer: Signer) -> None:
        """Write what is left of a log, and its checkpoint."""
        self.put(writer.take_full_files() | writer.partial_files())
        self.put({CHECKPOINT_NAME: sign_note(writer.checkpoint().text(), signer)})


@dataclass(frozen=True, slots=True)
class Sizes:
    """What files take up: their bytes, and the blocks that the file system gives them."""

    files: int
    content_bytes: int
    allocated_bytes: int


def sizes_of(folder: Path) -> Sizes:
    """Measure a folder."""
    found = [os.stat(os.path.join(top, name)) for top, _, names in os.walk(folder) for name in names]
    return Sizes(len(found), sum(one.st_size for one in found), sum(one.st_blocks * 512 for one in found))


def write_rows(rows: Iterable[LogRow], folder: Path, signer: Signer) -> None:
    """Write the public files of log entries that begin a log or continue one; only their sizes are meant to be looked at."""
    target, writer = BareFolder(folder), LogWriter(signer.name)
    for row in rows:
        writer.append(row.content)
        target.put(writer.take_full_files())
        if row.labels is not None:
            target.put({labels_path(row.index): row.labels})
    target.put_head(writer, signer)


def database_bytes(rows: list[LogRow], folder: Path) -> int:
    """Return by how much log entries, their labels and their sealed openings make a database grow."""

    async def work() -> int:
        store = Store(folder / "state", init_keys(folder / "keys", "test.example/bench"))
        await store.open()
        try:
            await store.load()
            await store.writer.commit(Commit(snapshot=b"-"), _FIRST_MS)
            await store.truncate_wal()
            empty_bytes = store.path.stat().st_size
            for at in range(0, len(rows), _ROWS_A_COMMIT):
                await store.writer.commit(Commit(log=rows[at : at + _ROWS_A_COMMIT]), _FIRST_MS)
            await store.truncate_wal()
            return store.path.stat().st_size - empty_bytes
        finally:
            await store.close()

    return asyncio.run(work())


class _LabelFiles:
    """The label files of a long log: so many different ones of each size, and links to them."""

    def __init__(self, target: BareFolder) -> None:
        self._target = target
        self._made: dict[tuple[int, int], tuple[Path, bytes]] = {}

    def put(self, index: int, labels_n: int) -> bytes:
        """Put the file of a release in place; return the root over its labels."""
        key = (labels_n, index // 2 % _DIFFERENT_LABEL_FILES)
        if key in self._made:
            first, root = self._made[key]
            os.link(first, self._target.path / labels_path(index))
            return root
        data = labels_file([os.urandom(LABEL_BYTES) for _ in range(labels_n)], os.urandom)
        self._target.put({labels_path(index): data})
        self._made[key] = (self._target.path / labels_path(index), labels_root(data))
        return self._made[key][1]


Shape = list[tuple[Kind, int]]
"""(kind, number of labels) of the entries of a day"""


def shape_of(rows: Iterable[LogRow]) -> Shape:
    """Return what a long log repeats: kinds, and how many labels each release has."""
    return [(Kind[row.kind.upper()], len(row.labels or b"") // LABEL_BYTES) for row in rows]


def write_long_log(folder: Path, signer: Signer, shape: Shape, size: int) -> Iterator[int]:
    """Write a log of a size; yield how many entries there are so far, at every tile."""
    target, writer, chain = BareFolder(folder), LogWriter(signer.name), Chain()
    labels = _LabelFiles(target)
    for index in range(size):
        kind, labels_n = shape[index % len(shape)] if index else (Kind.GENESIS, 0)
        digest = os.urandom(32)
        time_ms = _FIRST_MS + index * _INTERVAL_MS
        if kind is Kind.RELEASE:
            root = labels.put(index, labels_n)
            entry = chain.make(kind, time_ms, digest, bundle_sha256=digest, labels_root=root)
        else:
            entry = chain.make(kind, time_ms, digest)
        writer.append(entry.encode())
        if index % TILE_WIDTH == 0:
            target.put(writer.take_full_files())
            yield index
    target.put_head(writer, signer)


def remove(folder: Path) -> None:
    """Remove a folder that is no longer needed: a long log takes up gigabytes in blocks."""
    shutil.rmtree(folder, ignore_errors=True)
