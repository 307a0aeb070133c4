"""One SQLite file: the lock that gives it to one process alone, its pragmas, transactions, and its write-ahead log.

``store``'s reader and writer work on it, one transaction at a time. WAL mode with ``synchronous=FULL``: with less, a power cut
can undo what has been acknowledged or published. The write-ahead log is checkpointed here and not by SQLite, which does not
report a failure of that; and each start begins with it, so that what a failed sync left only in memory is written again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from struct import Struct
from typing import Any, Final, ParamSpec, TypeVar

import aiosqlite

from gateway.edge.store.disk_space import says_full
from gateway.errors import CorruptionError, OperatorError
from gateway.files import make_folder, sync_folder, unusable

DATABASE_FILE = "sluice.db"
LOCK_FILE = "sluice.lock"
WAL_SUFFIX: Final = "-wal"
PAGE_BYTES = 2048
"""Of a new file; one that is there keeps its own."""
PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "busy_timeout=5000",
    "wal_autocheckpoint=0",
)

READER_RETRY_S = 0.1
"""After so long it is tried again to empty the write-ahead log, where another process reads from it."""

_WAL_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_page_number: Final = Struct(">I").unpack  # which a frame of the write-ahead log begins with

Statement = tuple[str, Sequence[Any]]
P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """The file of one state folder."""

    def __init__(self, folder: Path) -> None:
        """Name the state folder; ``open`` does the work."""
        self._folder = folder
        self._lock_fd = -1
        self.descriptor = -1
        """Of the file. Closed after SQLite's own: whoever closes any earlier drops SQLite's locks with it."""
        self.whole = asyncio.Lock()
        """Held by whatever reads or rewrites the whole file: one that reads it keeps the write-ahead log from being emptied."""
        self._writing = asyncio.Lock()  # held by the transaction under way: what runs beside the loop must not fall into it
        self._db: aiosqlite.Connection

    @property
    def path(self) -> Path:
        """Return the path of the file."""
        return self._folder / DATABASE_FILE

    def let_lock_go(self) -> None:
        """Release the lock, so that another process can own the folder."""
        os.close(self._lock_fd)

    def take_lock(self) -> None:
        """Take the lock of the state folder, which is created if need be.

        Raises: OperatorError: it cannot be used, or another process owns it.
        """
        try:
            make_folder(self._folder, 0o700)
            self._lock_fd = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = unusable(self._folder, error)
            raise OperatorError(f"`{self._folder}`: cannot be used as state folder: {reason}") from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock_fd)
            raise OperatorError(f"`{self._folder}`: a gateway is running on this state folder") from error

    async def open(self) -> None:
        """Take the lock and open the file, its write-ahead log empty.

        Raises:
            OperatorError: The folder or file cannot be used, or another process owns it.
            CorruptionError: The file is not a database, or damaged.
        """
        self.take_lock()
        with self.damage_named():
            await self._open_file()

    @contextlib.contextmanager
    def damage_named(self) -> Iterator[None]:
        """Turn an error of SQLite into one that names the file.

        Raises:
            OperatorError: It cannot be used.
            CorruptionError: It is not a database, or damaged.
        """
        try:
            yield
        except sqlite3.DatabaseError as error:
            unusable = OperatorError if isinstance(error, sqlite3.OperationalError) else CorruptionError
            raise unusable(f"`{self.path}`: {error}") from error

    async def _open_file(self) -> None:
        with contextlib.suppress(OSError):  # SQLite's own error is better
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # its WAL gets the same mode
        self._db = await aiosqlite.connect(self.path, isolation_level=None)
        try:
            await self._db.execute(f"PRAGMA page_size={PAGE_BYTES}")
            await self._keep_a_write_ahead_log()
            for pragma in PRAGMAS:
                await self._db.execute(f"PRAGMA {pragma}")
            await self.checkpoint_wal("TRUNCATE")
        except BaseException:
            await self.close_file()  # its thread would keep the process alive
            raise

    async def _keep_a_write_ahead_log(self) -> None:
        """Make SQLite keep one: on a failing or full disk it silently goes on without, or leaves its folder unsynced.

        Raises:
            OperatorError: SQLite keeps none.
            OSError: The folder cannot be synced.
        """
        ((mode,),) = await self.rows("PRAGMA journal_mode=WAL")
        if mode != "wal":
            raise OperatorError(f"`{self.path}`: no write-ahead log can be kept beside it: the disk fails or is full")
        sync_folder(self._folder)

    async def close_file(self) -> None:
        """Close the file; the lock stays."""
        await self._db.close()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    async def close(self) -> None:
        """Close the file and release the lock."""
        await self.close_file()
        self.let_lock_go()

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return the rows that a query finds."""
        return list(await self._db.execute_fetchall(sql, parameters))

    async def pages(self, sql: str, last: int = -1) -> AsyncIterator[list[Any]]:
        """Yield rows a page at a time: memory stays small however many there are, and no cursor stays open.

        Args:
            sql: Selects the next page after a row id, which each row begins with.
            last: The row id after which to begin.
        """
        while rows := await self.rows(sql, (last,)):
            yield rows
            last = rows[-1][0]

    async def each(self, sql: str, last: int = -1) -> AsyncIterator[Any]:
        """Yield the rows of such pages one by one, without their row ids."""
        async for rows in self.pages(sql, last):
            for row in rows:
                yield row[1:]

    async def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute one statement as a transaction of its own."""
        async with self._writing:
            await self._db.execute(sql, parameters)

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute one statement of the transaction that the caller has begun."""
        await self._db.execute(sql, parameters)

    async def execute_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement of that transaction for each row, in one call to the database's thread."""
        await self._db.executemany(sql, rows)

    async def execute_each(self, statements: list[Statement]) -> None:
        """Execute statements of that transaction in order; a run of the same one, with other parameters, is one such call."""
        for sql, run in groupby(statements, key=itemgetter(0)):
            await self._db.executemany(sql, [parameters for _, parameters in run])

    async def write(self, statements: list[Statement]) -> None:
        """Execute statements in one transaction."""
        if len(statements) == 1:
            await self.run(*statements[0])
            return
        async with self.transaction():
            await self.execute_each(statements)

    async def copy_into(self, path: Path) -> None:
        """Write the present content as a database of its own, without free space, from a connection of its own.

        Commits go on meanwhile and are not in it. The file must exist and be empty.
        """
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            copying = asyncio.ensure_future(asyncio.to_thread(connection.execute, "VACUUM INTO ?", (str(path),)))
            try:
                await asyncio.shield(copying)
            except asyncio.CancelledError:
                connection.interrupt()
                await asyncio.wait([copying])
                raise
        finally:
            connection.close()

    async def run_script(self, script: str) -> None:
        """Execute a script that is a transaction of its own."""
        async with self._writing:
            try:
                await self._db.executescript(script)
            except sqlite3.Error:
                await self._roll_back()
                raise

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Make everything that is executed within it one transaction; wait for one that is under way."""
        async with self._writing:
            try:
                await self._db.execute("BEGIN IMMEDIATE")  # whoever is cancelled meanwhile has begun all the same
                yield
                await self._db.execute("COMMIT")
            except BaseException:
                await self._roll_back()
                raise

    async def _roll_back(self) -> None:
        await self._db.rollback()  # behind what the database's thread still has to do; nothing where none is under way

    async def checkpoint_wal(self, mode: str) -> None:
        """Copy the write-ahead log into the file; where the disk is full, it stays and grows.

        While the whole file is read or rewritten, that is left to whoever does so.
        """
        if self.whole.locked():
            return
        try:
            async with self._writing:
                await self.rows(f"PRAGMA wal_checkpoint({mode})")
        except sqlite3.OperationalError as error:
            if not says_full(error):
                raise

    async def checkpoint_beside(self) -> None:
        """Copy the write-ahead log into the file from a connection of its own, while commits go on."""
        await undisturbed(_checkpoint, self.path)

    @contextlib.asynccontextmanager
    async def settled(self) -> AsyncIterator[set[int]]:
        """Hold commits back while the file alone is the database; afterwards none of its pages is held in memory.

        Yields: The pages that have been written since the write-ahead log was last emptied, or more, by number from 1; all of
            them only where ``whole`` is held since then, so that nothing else has let the log begin anew.
        Raises: sqlite3.Error: the disk fails or is full.
        """
        written = set[int]()
        while True:
            async with self._writing:
                ((page_bytes,),) = await self.rows("PRAGMA page_size")
                written |= await undisturbed(_pages_in, self.path.with_name(f"{DATABASE_FILE}{WAL_SUFFIX}"), page_bytes)
                ((is_busy, _, _),) = await self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
                if not is_busy:
                    try:
                        yield written
                    finally:
                        await self.rows("PRAGMA shrink_memory")
                    return
            await asyncio.sleep(READER_RETRY_S)

    async def truncate_wal(self) -> None:
        """Copy the write-ahead log into the file, and empty it.

        Raises: sqlite3.Error: the disk fails or is full.
        """
        async with self.settled():
            pass


async def undisturbed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run work on the file in another thread, which is not left alone with it: whoever is cancelled waits for its end."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


def _pages_in(wal: Path, page_bytes: int) -> set[int]:
    """Return the numbers of the pages of which a write-ahead log holds any content, be it overwritten or rolled back."""
    try:
        descriptor = os.open(wal, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return set()
    try:
        frames = range(_WAL_HEADER_BYTES, os.fstat(descriptor).st_size, _FRAME_HEADER_BYTES + page_bytes)
        heads = (os.pread(descriptor, _FRAME_HEADER_BYTES, at) for at in frames)
        return {number for head in heads if len(head) == _FRAME_HEADER_BYTES for (number,) in [_page_number(head[:4])]}
    finally:
        os.close(descriptor)


def _checkpoint(path: Path) -> None:
    """Copy the write-ahead log of a database that is open elsewhere in this process into its file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
