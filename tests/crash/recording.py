"""Records what the gateway does to its files: SQLite's through a VFS of APSW, all others and the scrubbing through ``os``.

APSW carries an SQLite of its own, so the store's statements reach it over connections that look like those of aiosqlite and
``sqlite3``: two SQLites in one process would see nothing of each other's locks. What is recorded here, the SQLite of every day
then has to recover from.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import apsw
import pytest

from tests.crash.disk_model import Folder, RecordedDisk, Sync, SyncFolder, Told, Truncate, Write

_SYNCS_ITS_FOLDER = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
"""Files with whose first sync SQLite's unix VFS syncs the folder too."""


class _Vfs(apsw.VFS):
    def __init__(self, name: str, disk: RecordedDisk) -> None:
        self._disk = disk
        self._one_by_one = threading.RLock()  # what is checkpointed beside the loop is recorded in the order in which it was done
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  APSW's names
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return apsw.VFSFile("", name, flags)
        with self._one_by_one:
            return _File(self._disk, self._one_by_one, Path(path), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802  likewise
        path = Path(filename)
        with self._one_by_one:
            super().xDelete(filename, syncdir)
            self._disk.unlink(path)
            if syncdir:
                self._disk.events.append(SyncFolder(path.parent))


class _File(apsw.VFSFile):
    def __init__(
        self, disk: RecordedDisk, one_by_one: threading.RLock, path: Path, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__("", name, flags)
        self._disk, self._one_by_one, self._path = disk, one_by_one, path
        self._syncs_folder = bool(flags[0] & _SYNCS_ITS_FOLDER) and not disk.knows(path)
        self._file = disk.file(path)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  likewise
        with self._one_by_one:
            super().xWrite(data, offset)
            self._disk.events.append(Write(self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  likewise
        with self._one_by_one:
            super().xTruncate(newsize)
            self._disk.events.append(Truncate(self._file, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802  likewise
        with self._one_by_one:
            super().xSync(flags)
            self._disk.events.append(Sync(self._file))
            if self._syncs_folder:
                self._disk.events.append(SyncFolder(self._path.parent))
                self._syncs_folder = False


class _Connection:
    """As much of an aiosqlite connection as the store uses."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._db.execute(sql, tuple(parameters))

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._db.executemany(sql, rows)

    async def execute_fetchall(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return list(self._db.execute(sql, tuple(parameters)))

    async def executescript(self, script: str) -> None:
        self._db.execute(script)

    async def close(self) -> None:
        self._db.close()


@contextmanager
def recorded(top: Path) -> Iterator[RecordedDisk]:
    """Record what happens below a folder that is empty as far as the record goes."""
    disk = RecordedDisk(top)
    name = f"recording {top}"
    vfs = _Vfs(name, disk)

    async def connect(path: Path, **_: Any) -> _Connection:
        return _Connection(apsw.Connection(str(path), vfs=name))

    def connect_beside(path: Path, **_: Any) -> apsw.Connection:
        return apsw.Connection(str(path), vfs=name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiosqlite, "connect", connect)
        patch.setattr(sqlite3, "connect", connect_beside)
        _record_os(disk, patch)
        yield disk
    vfs.unregister()


def _record_os(disk: RecordedDisk, patch: pytest.MonkeyPatch) -> None:
    opened: dict[int, Path] = {}
    synced: set[int] = set()
    os_open, os_fsync, os_replace = os.open, os.fsync, os.replace
    os_pwrite, os_fdatasync = os.pwrite, os.fdatasync
    os_mkdir, os_rmdir, os_unlink = os.mkdir, os.rmdir, os.unlink

    def is_below(path: Any) -> bool:
        return isinstance(path, str | Path) and (Path(path) == disk.top or disk.top in Path(path).parents)

    def record_open(path: Any, flags: int, mode: int = 0o777, **rest: Any) -> int:
        descriptor = os_open(path, flags, mode, **rest)
        opened.pop(descriptor, None)
        if is_below(path):
            opened[descriptor] = Path(path)
            if flags & os.O_CREAT:
                disk.file(Path(path))
        return descriptor

    def record_content(path: Path) -> None:
        data = path.read_bytes()
        disk.events.append(Truncate(disk.file(path), 0))
        disk.events.append(Write(disk.file(path), 0, data))

    def record_fsync(descriptor: int) -> None:
        os_fsync(descriptor)
        path = opened.get(descriptor)
        if path is None:
            return
        if path.is_dir():
            disk.events.append(SyncFolder(path))
        else:
            record_content(path)
            disk.events.append(Sync(disk.file(path)))
            synced.add(disk.file(path))

    def record_pwrite(descriptor: int, data: bytes, offset: int) -> int:
        written = os_pwrite(descriptor, data, offset)
        if descriptor in opened:
            disk.events.append(Write(disk.file(opened[descriptor]), offset, bytes(data[:written])))
        return written

    def record_fdatasync(descriptor: int) -> None:
        os_fdatasync(descriptor)
        if descriptor in opened:
            disk.events.append(Sync(disk.file(opened[descriptor])))

    def record_replace(old: Any, new: Any, **rest: Any) -> None:
        if is_below(new):
            if disk.file(Path(old)) not in synced:
                record_content(Path(old))
            disk.rename(Path(old), Path(new))
        os_replace(old, new, **rest)
        if is_below(new) and Path(new).name == "checkpoint":
            disk.events.append(Told("head", Path(new).read_bytes()))

    def then(call: Callable[..., None], record: Callable[[Path], None]) -> Callable[..., None]:
        def both(path: Any, *args: Any, **rest: Any) -> None:
            call(path, *args, **rest)
            if is_below(path):
                record(Path(path))

        return both

    patch.setattr(os, "open", record_open)
    patch.setattr(os, "fsync", record_fsync)
    patch.setattr(os, "pwrite", record_pwrite)
    patch.setattr(os, "fdatasync", record_fdatasync)
    patch.setattr(os, "replace", record_replace)
    patch.setattr(os, "mkdir", then(os_mkdir, lambda path: disk.events.append(Folder(path, True))))
    patch.setattr(os, "rmdir", then(os_rmdir, lambda path: disk.events.append(Folder(path, False))))
    patch.setattr(os, "unlink", then(os_unlink, disk.unlink))
