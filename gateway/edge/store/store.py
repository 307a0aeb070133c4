"""The store: one database file, in which every commit of the core is one transaction, durable before anything else happens.

It consists of the file (``database``), what is known about the disk under it (``disk_space``), a reader and a writer.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gateway.core.effects import BundleRow
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store.database import Database, Statement
from gateway.edge.store.disk_space import DiskSpace, says_full
from gateway.edge.store.reading import StoreReader
from gateway.edge.store.resealing import Resealing
from gateway.edge.store.schema import MIGRATIONS
from gateway.edge.store.segment_keys import SegmentKeys, row_key
from gateway.edge.store.statements import NO_BATCH, WHOLE_SEGMENT
from gateway.edge.store.writing import StoreWriter
from gateway.errors import OperatorError

BALLAST_FILE = "ballast"
BALLAST_BYTES = 16 * 1024 * 1024
ENDED_IN_ORDER = "ended_in_order"
SUB_EPOCH = "starts"
"""How the number of openings is stored, commands and a restore's leap included: from when it was taken for that of starts."""
STARTS = "gateway_starts"


@dataclass(slots=True)
class Stored:
    """The few things that the database holds at start, unsealed; what may be numerous, the reader yields row by row.

    Attributes:
        sub_epoch: The number of this opening: no other process on this file has had it.
        starts: How often `sluice run` was started on this file; see ``Store.count_start``.
        ended_in_order: Whether the previous run ended cleanly; true of a new file.
        policy: (log index, encoded row) of the policies in force.
        bundles: Formed and not yet acknowledged, in order of log index.
        snapshot: The open journal segment's; None for a new file.
        head: The last signed checkpoint, published or about to be.
        compared: What the last good start has kept of the log; see ``gateway.durable.log_recovery``.
    """

    sub_epoch: int
    starts: int = 0
    ended_in_order: bool = True
    policy: tuple[int, bytes] | None = None
    bundles: list[BundleRow] = field(default_factory=list)
    snapshot: bytes | None = None
    head: bytes | None = None
    compared: bytes | None = None
    ledger: bytes | None = None
    outbox: dict[str, int] = field(default_factory=dict)
    next_outbox_number: int = 1


class Store:
    """The open database.

    Attributes:
        reader: Reads its rows.
        writer: Makes commits durable, and does what an erasure leaves to do.
        resealing: Seals rows anew after the root key was replaced.
        disk_space: What is known about the disk under it.
    """

    def __init__(self, folder: Path, keys: GatewayKeys) -> None:
        """Name the state folder; ``open`` does the work."""
        self._database = Database(folder)
        self._segments = SegmentKeys(keys)
        self.disk_space = DiskSpace(folder / BALLAST_FILE, BALLAST_BYTES)
        self.reader = StoreReader(self._database, keys, self._segments)
        self.writer = StoreWriter(self._database, keys, self._segments, self.disk_space)
        self.resealing = Resealing(self._database, keys)

    @property
    def path(self) -> Path:
        """Return the path of the file."""
        return self._database.path

    async def open(self) -> None:
        """Take the lock, open the file, bring it up to date and put the ballast in place.

        Raises:
            OperatorError: The folder or file cannot be used, or another process owns it.
            CorruptionError: The file is not a database, or damaged.
        """
        await self._database.open()
        with self._database.damage_named():
            try:
                self.disk_space.check()
                await self._migrate()
            except BaseException:
                await self._database.close_file()  # its thread would keep the process alive
                raise

    async def close(self) -> None:
        """Close the file and release the lock."""
        await self._database.close()

    def take_lock(self) -> None:
        """Take the lock of the state folder, which is created if need be.

        Raises: OperatorError: it cannot be used, or another process owns it.
        """
        self._database.take_lock()

    def let_lock_go(self) -> None:
        """Release the lock, so that another process can own the folder."""
        self._database.let_lock_go()

    async def end_in_order(self) -> None:
        """Record that the run ends cleanly, and empty the write-ahead log.

        Raises: sqlite3.Error: the disk fails.
        """
        try:
            await self._database.run("INSERT OR REPLACE INTO meta VALUES (?, 1)", (ENDED_IN_ORDER,))
        except sqlite3.OperationalError as error:
            if not says_full(error):
                raise
        await self._database.checkpoint_wal("TRUNCATE")

    async def _migrate(self) -> None:
        version = (await self._database.rows("PRAGMA user_version"))[0][0]
        if version > len(MIGRATIONS):
            raise OperatorError(f"`{self.path}`: version `{version}` is newer than this program knows")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            whole = f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
            await self.disk_space.wait_for(partial(self._database.run_script, whole), control=True)

    # reading, at start

    async def load(self) -> Stored:
        """Read the few things that are read at once, and count this opening."""
        stored = Stored(*await self._count_opening())
        rows = await self._database.rows("SELECT entry_index, content FROM policy ORDER BY entry_index DESC LIMIT 1")
        if rows:
            stored.policy = rows[0]
        for (note,) in await self._database.rows("SELECT note FROM head ORDER BY size DESC LIMIT 1"):
            stored.head = note
        for (content,) in await self._database.rows("SELECT content FROM compared"):
            stored.compared = content
        bundles = await self._database.rows("SELECT entry_index, recipient, sink, content FROM bundle ORDER BY entry_index")
        stored.bundles = [BundleRow(*row) for row in bundles]
        stored.outbox = dict(await self._database.rows("SELECT recipient, count(*) FROM outbox GROUP BY recipient"))
        stored.next_outbox_number = (await self._database.rows("SELECT coalesce(max(number), 0) + 1 FROM outbox"))[0][0]
        await self._load_journal(stored)
        return stored

    async def _count_opening(self) -> tuple[int, int, bool]:
        """Return the number of this opening, that of starts before it, and whether the previous run ended cleanly."""
        meta = dict(await self._database.rows("SELECT name, value FROM meta"))
        opening: int = meta.get(SUB_EPOCH, 0) + 1
        statements: list[Statement] = [
            ("INSERT OR REPLACE INTO meta VALUES (?, ?)", (SUB_EPOCH, opening)),
            ("DELETE FROM meta WHERE name = ?", (ENDED_IN_ORDER,)),
        ]
        await self.writer.write(statements, control=True)
        return opening, meta.get(STARTS, 0), opening == 1 or ENDED_IN_ORDER in meta

    async def count_start(self, starts: int) -> None:
        """Record how often the gateway was started on this file; commands that open it while none runs are no starts."""
        await self.writer.write([("INSERT OR REPLACE INTO meta VALUES (?, ?)", (STARTS, starts))], control=True)

    async def keep_compared(self, size: int, content: bytes) -> None:
        """Store what the next start continues from: the log up to this size is as it was published."""
        statements: list[Statement] = [("DELETE FROM compared", ()), ("INSERT INTO compared VALUES (?, ?)", (size, content))]
        await self.writer.write(statements, control=True)

    async def _load_journal(self, stored: Stored) -> None:
        for number, wrapped in await self._database.rows("SELECT number, wrapped FROM sealing_key"):
            self._segments.know(number, wrapped)
        segments = await self._database.rows(f"SELECT number, sealed FROM segment WHERE number = ({WHOLE_SEGMENT})")  # noqa: S608  ours
        if not segments:
            return
        segment, sealed = segments[0]
        sealer = self._segments.sealers[segment]
        more = await self._database.rows(
            "SELECT number, sealed FROM segment_part WHERE segment = ? AND batch = ? ORDER BY number", (segment, NO_BATCH)
        )
        pieces = [sealer.open("part", row_key(number), piece) for number, piece in more]
        stored.snapshot = b"".join([sealer.open("segment", row_key(segment), sealed), *pieces])
        ((part,),) = await self._database.rows("SELECT coalesce(max(number), 0) FROM segment_part")
        for number, ledger in await self._database.rows("SELECT number, ledger FROM batch ORDER BY number DESC LIMIT 1"):
            stored.ledger = ledger
            self.writer.resume(number, part)

    async def truncate_wal(self) -> None:
        """Copy the write-ahead log into the file, and empty it."""
        await self._database.truncate_wal()

    async def copy_into(self, path: Path) -> int:
        """Write the present content as a database file of its own, while commits go on; the file must exist and be empty.

        Returns: How many log entries are in it.
        """
        async with self._database.whole:
            await self._database.copy_into(path)
        return await asyncio.to_thread(_entries_in, path)


def _entries_in(path: Path) -> int:
    """Return how many log entries are in a database file that nobody else uses."""
    with contextlib.closing(sqlite3.connect(path)) as copy:
        ((entries,),) = copy.execute("SELECT coalesce(max(entry_index), -1) + 1 FROM entry")
    return int(entries)
