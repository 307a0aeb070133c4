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
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiosqlite
import structlog

from gateway.core.effects import BundleRow, Commit
from gateway.edge.keys import GatewayKeys, Sealer
from gateway.edge.schema import MIGRATIONS
from gateway.errors import CorruptionError, OperatorError

DATABASE_FILE = "sluice.db"
LOCK_FILE = "sluice.lock"
BALLAST_FILE = "ballast"
BALLAST_BYTES = 16 * 1024 * 1024
FULL_DISK_RETRY_S = 1.0

_log = structlog.get_logger()
Statement = tuple[str, Sequence[Any]]


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


class Store:
    """The open database."""

    def __init__(self, folder: Path, keys: GatewayKeys) -> None:
        """Name the state folder; ``open`` does the work."""
        self._folder = folder
        self._keys = keys
        self._db: aiosqlite.Connection
        self._lock_fd = -1
        self._batch = 0
        self._segment = 0
        self._sealers: dict[int, Sealer] = {}  # by segment: the open one's, and those that outbox rows may still need

    async def open(self) -> None:
        """Take the lock, open the file, bring it up to date and put the ballast in place.

        Raises:
            OperatorError: The folder or file cannot be used, or another process owns it.
            CorruptionError: The file is no database, or damaged.
        """
        self._take_lock()
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
        os.close(self._lock_fd)

    def _take_lock(self) -> None:
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

    async def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return list(await self._db.execute_fetchall(sql, parameters))

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
            self._sealers[number] = Sealer(self._open("sealing_key", _key(number), wrapped))
            self._segment = max(self._segment, number)
        segments = await self._rows("SELECT number, sealed FROM segment ORDER BY number DESC LIMIT 1")
        if not segments:
            return
        segment, sealed = segments[0]
        sealer = self._sealers[segment]
        stored.snapshot = sealer.open("segment", _key(segment), sealed)
        latest = "SELECT number, ledger FROM batch WHERE segment = ? ORDER BY number DESC LIMIT 1"
        for number, ledger in await self._rows(latest, (segment,)):
            stored.ledger, self._batch = ledger, number

    def _open(self, table: str, row_id: bytes, sealed: bytes) -> bytes:
        return self._keys.sealer.open(table, row_id, sealed)

    async def _pages(self, sql: str) -> AsyncIterator[Any]:
        """Go through rows a page at a time: memory stays small however many there are, and no cursor stays open.

        Args:
            sql: Asks for the next page after a row id, which each row begins with.
        """
        last = -1
        while rows := await self._rows(sql, (last,)):
            for row in rows:
                yield row[1:]
            last = rows[-1][0]

    async def subjects(self) -> AsyncIterator[bytes]:
        """Go through the subjects."""
        async for row_id, sealed in self._pages(
            "SELECT rowid, id, sealed FROM subject WHERE rowid > ? ORDER BY rowid LIMIT 1000"
        ):
            yield self._open("subject", row_id, sealed)

    async def claims(self) -> AsyncIterator[bytes]:
        """Go through the claim codes that can still be used."""
        async for row_id, sealed in self._pages("SELECT rowid, id, sealed FROM claim WHERE rowid > ? ORDER BY rowid LIMIT 1000"):
            yield self._open("claim", row_id, sealed)

    async def devices(self) -> AsyncIterator[bytes]:
        """Go through the devices."""
        async for row_id, sealed in self._pages("SELECT rowid, id, sealed FROM device WHERE rowid > ? ORDER BY rowid LIMIT 1000"):
            yield self._open("device", row_id, sealed)

    async def consents(self) -> AsyncIterator[tuple[int, bytes]]:
        """Go through the consents in order: (log index, encoded consent)."""
        sql = "SELECT entry_index, entry_index, sealed FROM consent WHERE entry_index > ? ORDER BY entry_index LIMIT 1000"
        async for index, sealed in self._pages(sql):
            yield index, self._open("consent", _key(index), sealed)

    async def consents_of(self, subject: bytes) -> list[tuple[int, bytes]]:
        """Return everything ever said for a subject, in order: (log index, encoded consent)."""
        sql = "SELECT entry_index, sealed FROM consent WHERE subject = ? ORDER BY entry_index"
        rows = await self._rows(sql, (self._keys.lookup_hash(subject),))
        return [(index, self._open("consent", _key(index), sealed)) for index, sealed in rows]

    async def batches(self) -> AsyncIterator[tuple[bytes, bytes]]:
        """Go through the commits of the open journal segment in order: (marks, journal)."""
        sealer = self._sealers[self._segment]
        sql = "SELECT number, number, marks, sealed FROM batch WHERE number > ? AND segment = (SELECT max(number) FROM segment)"
        async for number, marks, journal in self._pages(f"{sql} ORDER BY number LIMIT 20"):
            yield (
                sealer.open("marks", _key(number), marks) if marks else b"",
                sealer.open("batch", _key(number), journal) if journal else b"",
            )

    async def entries(self) -> AsyncIterator[bytes]:
        """Go through the log's entries in order.

        Raises: CorruptionError: one is missing.
        """
        expected = 0
        sql = "SELECT entry_index, entry_index, content FROM entry WHERE entry_index > ? ORDER BY entry_index LIMIT 1000"
        async for index, content in self._pages(sql):
            if index != expected:
                raise CorruptionError(f"log entry `{expected}` is missing from the database")
            expected += 1
            yield content

    async def outbox_rows(self, recipient: str, most_bytes: int) -> list[tuple[int, bytes]]:
        """Return a recipient's oldest waiting rows, (number, content): the first, and as many more as fit in ``most_bytes``."""
        rows = await self._rows(
            "SELECT number, sealing_key, sealed FROM (SELECT *, sum(length(sealed)) OVER (ORDER BY number) AS upto FROM"
            " (SELECT * FROM outbox WHERE recipient = ? ORDER BY number LIMIT 2000))"
            " WHERE upto - length(sealed) < ? ORDER BY number",
            (recipient, most_bytes),
        )
        return [(number, self._sealers[key].open("outbox", _key(number), sealed)) for number, key, sealed in rows]

    async def labels(self, since: int) -> list[tuple[int, bytes]]:
        """Return the labels files of releases from a log index on."""
        return await self._rows("SELECT entry_index, content FROM labels WHERE entry_index >= ? ORDER BY entry_index", (since,))

    async def openings(self, since: int) -> list[tuple[int, bytes]]:
        """Return the openings of entries from a log index on."""
        rows = await self._rows("SELECT entry_index, sealed FROM opening WHERE entry_index >= ? ORDER BY entry_index", (since,))
        return [(index, self._open("opening", _key(index), sealed)) for index, sealed in rows]

    # writing

    async def commit(self, commit: Commit, now_ms: int) -> None:
        """Make a commit durable: one transaction, on the disk when this returns.

        A full disk is waited out. Raises: sqlite3.Error: anything else is wrong; the process must end.
        """
        statements = self._statements(commit, now_ms)
        while True:
            try:
                await self._write(statements)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
                _log.error("disk full, withholding until there is room")
                (self._folder / BALLAST_FILE).unlink(missing_ok=True)
                await asyncio.sleep(FULL_DISK_RETRY_S)

    async def _write(self, statements: list[Statement]) -> None:
        if len(statements) == 1:
            await self._db.execute(*statements[0])
            return
        await self._db.execute("BEGIN IMMEDIATE")
        try:
            for sql, parameters in statements:
                await self._db.execute(sql, parameters)
            await self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                await self._db.execute("ROLLBACK")
            raise

    def _statements(self, commit: Commit, now_ms: int) -> list[Statement]:
        statements: list[Statement] = []
        if commit.snapshot is not None:
            statements += self._new_segment(commit.snapshot)
        self._batch += 1
        sealer = self._sealers[self._segment]
        journal = sealer.seal("batch", _key(self._batch), commit.journal) if commit.journal else b""
        marks = sealer.seal("marks", _key(self._batch), commit.marks) if commit.marks else b""
        row = (self._batch, self._segment, marks, journal, commit.ledger)
        statements.append(("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", row))
        statements += self._log_statements(commit, now_ms)
        statements += self._registry_statements(commit)
        statements += [
            ("INSERT INTO bundle VALUES (?, ?, ?, ?)", (bundle.index, bundle.recipient, bundle.sink, bundle.content))
            for bundle in commit.bundles
        ]
        statements += [("DELETE FROM bundle WHERE entry_index = ?", (index,)) for index in commit.bundles_done]
        statements += [("DELETE FROM outbox WHERE number = ?", (number,)) for number in commit.outbox_done]
        for waiting in commit.outbox:
            sealed = sealer.seal("outbox", _key(waiting.number), waiting.content)
            statements.append(
                ("INSERT INTO outbox VALUES (?, ?, ?, ?)", (waiting.number, waiting.recipient, self._segment, sealed))
            )
        return statements

    def _new_segment(self, snapshot: bytes) -> list[Statement]:
        """Begin a journal segment under a new random key; the keys of earlier ones go once no outbox row needs them."""
        self._segment = number = self._segment + 1
        key = os.urandom(32)
        sealer = self._sealers[number] = Sealer(key)
        wrapped = self._keys.sealer.seal("sealing_key", _key(number), key)
        sealed = sealer.seal("segment", _key(number), snapshot)
        return [
            ("INSERT INTO sealing_key VALUES (?, ?)", (number, wrapped)),
            ("INSERT INTO segment VALUES (?, ?)", (number, sealed)),
            ("DELETE FROM batch WHERE segment < ?", (number,)),
            ("DELETE FROM segment WHERE number < ?", (number,)),
            ("DELETE FROM sealing_key WHERE number < ? AND number NOT IN (SELECT sealing_key FROM outbox)", (number,)),
        ]

    def _log_statements(self, commit: Commit, now_ms: int) -> list[Statement]:
        statements: list[Statement] = []
        for row in commit.log:
            sealed = self._keys.sealer.seal("opening", _key(row.index), row.opening)
            statements.append(("INSERT INTO entry VALUES (?, ?)", (row.index, row.content)))
            statements.append(("INSERT INTO opening VALUES (?, ?, ?, ?)", (row.index, row.kind, now_ms, sealed)))
            if row.labels is not None:
                statements.append(("INSERT INTO labels VALUES (?, ?)", (row.index, row.labels)))
        if commit.head is not None:
            size = int(commit.head.split(b"\n", 2)[1])
            statements.append(("INSERT OR REPLACE INTO head VALUES (?, ?)", (size, commit.head)))
            statements.append(("DELETE FROM head WHERE size < ?", (size,)))
        return statements

    def _registry_statements(self, commit: Commit) -> list[Statement]:
        statements: list[Statement] = []
        seal, lookup = self._keys.sealer.seal, self._keys.lookup_hash
        for index, digest, content in commit.policies:
            statements.append(("INSERT INTO policy VALUES (?, ?, ?)", (index, digest, content)))
        for index, subject, content in commit.consents:
            row = (index, lookup(subject), seal("consent", _key(index), content))
            statements.append(("INSERT INTO consent VALUES (?, ?, ?)", row))
        for table, rows in (("subject", commit.subjects), ("device", commit.devices), ("claim", commit.claims)):
            statements += [self._keyed_row(table, key, row_content) for key, row_content in dict(rows).items()]
        return statements

    def _keyed_row(self, table: str, key: bytes, content: bytes | None) -> Statement:
        """Return what writes a row that is found by its key's hash, or deletes it."""
        row_id = self._keys.lookup_hash(key)
        if content is None:
            return f"DELETE FROM {table} WHERE id = ?", (row_id,)  # noqa: S608  one of three fixed names
        sealed = self._keys.sealer.seal(table, row_id, content)
        return f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (row_id, sealed)  # noqa: S608  likewise


def _key(number: int) -> bytes:
    """Return a row number as the bytes that a sealed row is bound to."""
    return number.to_bytes(8, "big")
