"""The one database file: every commit of the core is one transaction here, durable before anything else happens.

SQLite in WAL mode with ``synchronous=FULL``: with less, a power cut can take back what has been acknowledged or published. One
process owns the file, by a lock beside it. A full disk is waited out (``disk_space``); any other failure of the disk ends the
process, since what a failed sync has kept nobody knows. That is also why the write-ahead log is carried over here and not by
SQLite, which says nothing when it fails at that, and why each start begins with it: what a failed sync left in memory alone is
written again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import aiosqlite

from gateway.core.effects import BundleRow, Commit
from gateway.edge.keys import GatewayKeys
from gateway.edge.store.disk_space import DiskSpace, says_full
from gateway.edge.store.reading import StoreReader
from gateway.edge.store.schema import MIGRATIONS
from gateway.edge.store.writing import SCRUB_DUE, Statement, row_key
from gateway.errors import CorruptionError, OperatorError
from gateway.files import make_folder, sync_folder

DATABASE_FILE = "sluice.db"
LOCK_FILE = "sluice.lock"
BALLAST_FILE = "ballast"
BALLAST_BYTES = 16 * 1024 * 1024
PRAGMAS = (
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "busy_timeout=5000",
    "wal_autocheckpoint=0",
)
CARRY_OVER_COMMITS = 100
"""After so many commits, about 1,000 pages, the write-ahead log is carried over into the file."""
ENDED_IN_ORDER = "ended_in_order"


@dataclass(slots=True)
class Stored:
    """What little the database holds when the gateway starts, opened; what there is much of, ``Store`` hands out row by row.

    Attributes:
        start: Counts the starts on this file, this one included.
        ended_in_order: Whether the run before said that it ended; true of a new file.
        policy: (log index, encoded row) of the policies in force.
        bundles: Formed and not yet acknowledged, in order of log index.
        snapshot: The open journal segment's; None for a new file.
        head: The checkpoint signed last, published or about to be.
    """

    start: int
    ended_in_order: bool = True
    policy: tuple[int, bytes] | None = None
    bundles: list[BundleRow] = field(default_factory=list)
    snapshot: bytes | None = None
    head: bytes | None = None
    ledger: bytes | None = None
    outbox: dict[str, int] = field(default_factory=dict)
    next_outbox_number: int = 1


class Store(StoreReader):
    """The open database."""

    def __init__(self, folder: Path, keys: GatewayKeys) -> None:
        """Name the state folder; ``open`` does the work."""
        super().__init__(keys)
        self._folder = folder
        self._lock_fd = -1
        self._uncarried = 0
        self.room = DiskSpace(folder / BALLAST_FILE, BALLAST_BYTES)

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

    @property
    def path(self) -> Path:
        """Return where the file is."""
        return self._folder / DATABASE_FILE

    async def _open_file(self) -> None:
        with contextlib.suppress(OSError):  # SQLite says better what is wrong
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # its WAL gets the same mode
        self._db = await aiosqlite.connect(self.path, isolation_level=None)
        try:
            await self._keep_a_write_ahead_log()
            for pragma in PRAGMAS:
                await self._db.execute(f"PRAGMA {pragma}")
            await self._carry_over("TRUNCATE")
            self.room.is_there()
            await self._migrate()
        except BaseException:
            await self._db.close()  # its thread would keep the process alive
            raise

    async def _keep_a_write_ahead_log(self) -> None:
        """Have SQLite keep one: where a disk fails or is full, it goes on without, or leaves its folder unsynced, in silence.

        Raises:
            OperatorError: There is none.
            OSError: The folder cannot be synced.
        """
        ((mode,),) = await self._rows("PRAGMA journal_mode=WAL")
        if mode != "wal":
            raise OperatorError(f"`{self.path}`: no write-ahead log can be kept beside it: the disk fails or is full")
        sync_folder(self._folder)

    async def close(self) -> None:
        """Close the file and let the lock go."""
        await self._db.close()
        self.let_lock_go()

    async def end_in_order(self) -> None:
        """Note that the run ends as it should, and empty the write-ahead log.

        Raises: sqlite3.Error: the disk fails.
        """
        try:
            await self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (ENDED_IN_ORDER,))
        except sqlite3.OperationalError as error:
            if not says_full(error):
                raise
        await self._carry_over("TRUNCATE")

    def let_lock_go(self) -> None:
        """Let another process own the folder."""
        os.close(self._lock_fd)

    def take_lock(self) -> None:
        """Own the state folder, which is made if need be.

        Raises: OperatorError: it cannot be used, or another process owns it.
        """
        try:
            make_folder(self._folder, 0o700)
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
            whole = f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
            await self.room.wait_for(partial(self._run_script, whole), control=True)

    async def _run_script(self, script: str) -> None:
        try:
            await self._db.executescript(script)
        except sqlite3.Error:
            if self._db.in_transaction:
                await self._db.execute("ROLLBACK")
            raise

    # reading, at start

    async def load(self) -> Stored:
        """Read what there is little of, and count this start."""
        stored = Stored(*await self._count_start())
        rows = await self._rows("SELECT entry_index, content FROM policy ORDER BY entry_index DESC LIMIT 1")
        if rows:
            stored.policy = rows[0]
        for (note,) in await self._rows("SELECT note FROM head ORDER BY size DESC LIMIT 1"):
            stored.head = note
        bundles = await self._rows("SELECT entry_index, recipient, sink, content FROM bundle ORDER BY entry_index")
        stored.bundles = [BundleRow(*row) for row in bundles]
        stored.outbox = dict(await self._rows("SELECT recipient, count(*) FROM outbox GROUP BY recipient"))
        stored.next_outbox_number = (await self._rows("SELECT coalesce(max(number), 0) + 1 FROM outbox"))[0][0]
        await self._load_journal(stored)
        return stored

    async def _count_start(self) -> tuple[int, bool]:
        """Return the number of this start, and whether the run before ended in order."""
        meta = dict(await self._rows("SELECT name, value FROM meta WHERE name IN ('starts', ?)", (ENDED_IN_ORDER,)))
        start: int = meta.get("starts", 0) + 1
        statements: list[Statement] = [
            ("INSERT OR REPLACE INTO meta VALUES ('starts', ?)", (start,)),
            ("DELETE FROM meta WHERE name = ?", (ENDED_IN_ORDER,)),
        ]
        await self.room.wait_for(partial(self._write, statements), control=True)
        return start, start == 1 or ENDED_IN_ORDER in meta

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

        A full disk is waited out; a commit that says so gets the room set aside.

        Raises:
            DiskFullError: The wait was given up.
            sqlite3.Error: Anything else is wrong; the process must end.
        """
        statements = self._commit_rows.statements(commit, now_ms)
        if commit.erases:
            await self.room.wait_for(partial(self._erase, statements), control=True)
            self._commit_rows.forget_former()
        else:
            await self.room.wait_for(partial(self._write, statements), control=commit.uses_reserve)
        self._uncarried += 1
        if self._uncarried >= CARRY_OVER_COMMITS:
            await self._carry_over("PASSIVE")

    async def drop_openings(self, before_ms: int) -> list[int]:
        """Delete openings on which no release can rest since some time, a thousand at most; return their log indices."""
        sql = "SELECT entry_index FROM opening WHERE settled_ms < ? ORDER BY settled_ms LIMIT 1000"
        rows = await self._rows(sql, (before_ms,))
        if rows:
            statements = [("DELETE FROM opening WHERE entry_index = ?", row) for row in rows]
            await self.room.wait_for(partial(self._write, statements), control=False)
        return [index for (index,) in rows]

    async def _carry_over(self, mode: str) -> None:
        """Carry the write-ahead log over into the file; where the disk is full, it stays and grows."""
        try:
            await self._rows(f"PRAGMA wal_checkpoint({mode})")
        except sqlite3.OperationalError as error:
            if not says_full(error):
                raise
        self._uncarried = 0

    async def _write(self, statements: list[Statement]) -> None:
        if len(statements) == 1:
            await self._db.execute(*statements[0])
            return
        async with self._transaction():
            await self._execute(statements)

    async def _execute(self, statements: list[Statement]) -> None:
        """Carry out statements in order; a run of the same one, with other parameters, is one call to the database's thread."""
        for sql, run in groupby(statements, key=itemgetter(0)):
            await self._db.executemany(sql, [parameters for _, parameters in run])

    async def _erase(self, statements: list[Statement]) -> None:
        """Write, seal what waits anew under the key of the segment that the statements begin, and destroy all others."""
        segment = self._commit_rows.segment
        async with self._transaction():
            await self._execute(statements)
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
            if not says_full(error):
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
