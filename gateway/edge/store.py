"""The one database file: every commit of the core is one transaction here, durable before anything else happens.

SQLite in WAL mode with ``synchronous=FULL``: with less, a power cut can take back what has been acknowledged or published. One
process owns the file, by a lock beside it. A full disk is waited out, after a ballast file has been freed so that a
withdrawal can always be committed; any other failure of the disk ends the process, since what a failed sync has kept nobody
knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiosqlite
import structlog

from gateway.core.effects import BundleRow, Commit
from gateway.edge.commit_rows import SCRUB_DUE, Statement, row_key
from gateway.edge.keys import GatewayKeys
from gateway.edge.schema import MIGRATIONS
from gateway.edge.stored_rows import StoredRows
from gateway.errors import CorruptionError, OperatorError

DATABASE_FILE = "sluice.db"
LOCK_FILE = "sluice.lock"
BALLAST_FILE = "ballast"
BALLAST_BYTES = 16 * 1024 * 1024
FULL_DISK_RETRY_S = 1.0

_log = structlog.get_logger()


@dataclass(slots=True)
class Stored:
    """What little the database holds when the gateway starts, opened; what there is much of, ``Store`` hands out row by row.

    Attributes:
        start: Counts the starts on this file, this one included.
        policy: (log index, encoded row) of the policies in force.
        bundles: Formed and not yet acknowledged, in order of log index.
        snapshot: The open journal segment's; None for a new file.
    """

    start: int
    policy: tuple[int, bytes] | None = None
    bundles: list[BundleRow] = field(default_factory=list)
    snapshot: bytes | None = None
    ledger: bytes | None = None
    outbox: dict[str, int] = field(default_factory=dict)
    next_outbox_number: int = 1


class Store(StoredRows):
    """The open database."""

    def __init__(self, folder: Path, keys: GatewayKeys) -> None:
        """Name the state folder; ``open`` does the work."""
        super().__init__(keys)
        self._folder = folder
        self._lock_fd = -1

    async def open(self) -> None:
        """Take the lock, open the file, bring it up to date and put the ballast in place.

        Raises:
            OperatorError: The folder or file cannot be used, or another process owns it.
            CorruptionError: The file is no database, or damaged.
        """
        self.take_lock()
        try:
            await self._open_file()
        except sqlite3.DatabaseError as error:
            unusable = OperatorError if isinstance(error, sqlite3.OperationalError) else CorruptionError
            raise unusable(f"`{self.path}`: {error}") from error
        self._fill_ballast()

    @property
    def path(self) -> Path:
        """Return where the file is."""
        return self._folder / DATABASE_FILE

    async def _open_file(self) -> None:
        with contextlib.suppress(OSError):  # SQLite says better what is wrong
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # its WAL gets the same mode
        self._db = await aiosqlite.connect(self.path, isolation_level=None)
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "busy_timeout=5000"):
                await self._db.execute(f"PRAGMA {pragma}")
            await self._migrate()
        except BaseException:
            await self._db.close()  # its thread would keep the process alive
            raise

    async def close(self) -> None:
        """Close the file and let the lock go."""
        await self._db.close()
        self.let_lock_go()

    def let_lock_go(self) -> None:
        """Let another process own the folder."""
        os.close(self._lock_fd)

    def take_lock(self) -> None:
        """Own the state folder, which is made if need be.

        Raises: OperatorError: it cannot be used, or another process owns it.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_fd = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OperatorError(f"`{self._folder}`: cannot be used as state folder: {reason}") from error
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock_fd)
            raise OperatorError(f"`{self._folder}`: a gateway is running on this state folder") from error

    async def _migrate(self) -> None:
        version = (await self._rows("PRAGMA user_version"))[0][0]
        if version > len(MIGRATIONS):
            raise OperatorError(f"`{self.path}`: version `{version}` is newer than this program knows")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            await self._db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")

    def _fill_ballast(self) -> None:
        path = self._folder / BALLAST_FILE
        if path.exists():
            return
        with contextlib.suppress(OSError), path.open("wb") as file:  # a disk too full for the ballast still runs
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)

    # reading, at start

    async def load(self) -> Stored:
        """Read what there is little of, and count this start."""
        start = await self._count_start()
        stored = Stored(start)
        rows = await self._rows("SELECT entry_index, content FROM policy ORDER BY entry_index DESC LIMIT 1")
        if rows:
            stored.policy = rows[0]
        bundles = await self._rows("SELECT entry_index, recipient, sink, content FROM bundle ORDER BY entry_index")
        stored.bundles = [BundleRow(*row) for row in bundles]
        stored.outbox = dict(await self._rows("SELECT recipient, count(*) FROM outbox GROUP BY recipient"))
        stored.next_outbox_number = (await self._rows("SELECT coalesce(max(number), 0) + 1 FROM outbox"))[0][0]
        await self._load_journal(stored)
        return stored

    async def _count_start(self) -> int:
        await self._db.execute("INSERT INTO meta VALUES ('starts', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")
        start: int = (await self._rows("SELECT value FROM meta WHERE name = 'starts'"))[0][0]
        return start

    async def _load_journal(self, stored: Stored) -> None:
        for number, wrapped in await self._rows("SELECT number, wrapped FROM sealing_key"):
            self._commit_rows.know_segment(number, wrapped)
        segments = await self._rows("SELECT number, sealed FROM segment ORDER BY number DESC LIMIT 1")
        if not segments:
            return
        segment, sealed = segments[0]
        sealer = self._commit_rows.sealers[segment]
        stored.snapshot = sealer.open("segment", row_key(segment), sealed)
        latest = "SELECT number, ledger FROM batch WHERE segment = ? ORDER BY number DESC LIMIT 1"
        for number, ledger in await self._rows(latest, (segment,)):
            stored.ledger, self._commit_rows.batch = ledger, number

    # writing

    async def commit(self, commit: Commit, now_ms: int) -> None:
        """Make a commit durable: one transaction, on the disk when this returns.

        A full disk is waited out. Raises: sqlite3.Error: anything else is wrong; the process must end.
        """
        statements = self._commit_rows.statements(commit, now_ms)
        if commit.erases:
            await self._until_there_is_room(lambda: self._erase(statements))
            self._commit_rows.forget_former()
        else:
            await self._until_there_is_room(lambda: self._write(statements))

    async def _until_there_is_room(self, write: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await write()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
                _log.error("disk full, withholding until there is room")
                self._free_ballast()
                await asyncio.sleep(FULL_DISK_RETRY_S)

    def _free_ballast(self) -> None:
        (self._folder / BALLAST_FILE).unlink(missing_ok=True)

    async def _write(self, statements: list[Statement]) -> None:
        if len(statements) == 1:
            await self._db.execute(*statements[0])
            return
        async with self._transaction():
            for sql, parameters in statements:
                await self._db.execute(sql, parameters)

    async def _erase(self, statements: list[Statement]) -> None:
        """Write, seal what waits anew under the key of the segment that the statements begin, and destroy all others."""
        segment = self._commit_rows.segment
        async with self._transaction():
            for sql, parameters in statements:
                await self._db.execute(sql, parameters)
            former = "SELECT number, sealing_key, sealed FROM outbox WHERE sealing_key < ? LIMIT 100"
            while rows := await self._rows(former, (segment,)):
                resealed = self._commit_rows.resealed(rows)
                await self._db.executemany("UPDATE outbox SET sealing_key = ?, sealed = ? WHERE number = ?", resealed)
            await self._db.execute("DELETE FROM sealing_key WHERE number < ?", (segment,))
            await self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (SCRUB_DUE,))

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        await self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            await self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                await self._db.execute("ROLLBACK")
            raise

    # what an erasure leaves to do

    async def scrub_is_due(self) -> bool:
        """Say whether something was erased of which copies may still lie about."""
        return bool(await self._rows("SELECT 1 FROM meta WHERE name = ?", (SCRUB_DUE,)))

    async def scrub(self) -> bool:
        """Leave nothing of what was deleted in the file, its free space or the write-ahead log.

        ``secure_delete`` overwrites deleted rows where they lay, but pages that were split since may hold a second copy: only
        writing the whole file anew is sure.

        Returns: False where the disk has no room for it.
        """
        try:
            await self._db.execute("VACUUM")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            return False
        await self.truncate_wal()
        return True

    async def scrubbed(self) -> None:
        """Take note that nothing of what was erased lies about any more."""
        await self._db.execute("DELETE FROM meta WHERE name = ?", (SCRUB_DUE,))

    async def truncate_wal(self) -> None:
        """Carry the write-ahead log into the file, and empty it."""
        await self._rows("PRAGMA wal_checkpoint(TRUNCATE)")

    async def copy_into(self, path: Path) -> None:
        """Write the present content as a database file of its own, without free space; the file must be there and empty."""
        await self._db.execute("VACUUM INTO ?", (str(path),))
