"""The writer of ``gateway.edge.store.store``: makes commits of the core durable, and does what an erasure leaves to do.

It waits while the disk is full (``disk_space``); any other failure of the disk ends the process, since nobody knows what a
failed sync has kept.
"""

from __future__ import annotations

import sqlite3
from functools import partial

from gateway.core.effects import Commit
from gateway.edge.keys import GatewayKeys
from gateway.edge.store.database import Database, Statement
from gateway.edge.store.disk_space import DiskSpace, says_full
from gateway.edge.store.segment_keys import SegmentKeys
from gateway.edge.store.statements import SCRUB_DUE, CommitRows

WAL_COMMITS = 100
"""After this many commits, about 1,000 pages, the write-ahead log is checkpointed."""


class StoreWriter:
    """Writes to an open database."""

    def __init__(self, database: Database, keys: GatewayKeys, segments: SegmentKeys, disk_space: DiskSpace) -> None:
        """Take the database, the keys that seal rows, and what is known about the disk."""
        self._database = database
        self._segments = segments
        self._disk_space = disk_space
        self._erasures = 0
        self._commit_rows = CommitRows(keys, segments)
        self._commits_in_wal = 0

    def resume(self, batch: int) -> None:
        """Continue after the last batch row of the open segment."""
        self._commit_rows.batch = batch

    async def write(self, statements: list[Statement], *, control: bool) -> None:
        """Execute statements in one transaction; wait while the disk is full.

        Args:
            control: Whether it may use the ballast's space.
        """
        await self._disk_space.wait_for(partial(self._write, statements), control=control)

    async def _write(self, statements: list[Statement]) -> None:
        await self._database.write(statements)

    async def commit(self, commit: Commit, now_ms: int) -> None:
        """Make a commit durable: one transaction, on the disk when this returns.

        Waits while the disk is full; a commit that uses the reserve gets the space set aside.

        Raises:
            DiskFullError: The wait was cancelled.
            sqlite3.Error: Anything else is wrong; the process must end.
        """
        statements = self._commit_rows.statements(commit, now_ms)
        commit.log.clear()  # an opening may have many MiB, and is sealed now
        if commit.erases:
            await self._disk_space.wait_for(partial(self._erase, statements), control=True)
            self._erasures += 1
            self._segments.forget_former()
        else:
            await self.write(statements, control=commit.uses_reserve)
        self._commits_in_wal += 1
        if self._commits_in_wal >= WAL_COMMITS:
            await self._database.checkpoint_wal("PASSIVE")
            self._commits_in_wal = 0

    async def drop_openings(self, before_ms: int) -> list[int]:
        """Delete openings that have been settled since before ``before_ms``, a thousand at most; return their log indices."""
        sql = "SELECT entry_index FROM opening WHERE settled_ms < ? ORDER BY settled_ms, entry_index LIMIT 1000"
        rows = await self._database.rows(sql, (before_ms,))
        if rows:
            statements = [("DELETE FROM opening WHERE entry_index = ?", row) for row in rows]
            await self.write(statements, control=False)
        return [index for (index,) in rows]

    async def _erase(self, statements: list[Statement]) -> None:
        """Write, reseal waiting rows under the key of the segment that the statements begin, and destroy all other keys."""
        segment = self._segments.segment
        async with self._database.transaction():
            await self._database.execute_each(statements)
            former = "SELECT number, sealing_key, sealed FROM outbox WHERE sealing_key < ? LIMIT 100"
            while rows := await self._database.rows(former, (segment,)):
                resealed = self._segments.resealed(rows)
                await self._database.execute_all("UPDATE outbox SET sealing_key = ?, sealed = ? WHERE number = ?", resealed)
            await self._database.execute("DELETE FROM sealing_key WHERE number < ?", (segment,))
            await self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (SCRUB_DUE,))

    # what an erasure leaves to do

    async def scrub_is_due(self) -> bool:
        """Return whether something was erased of which copies may remain on disk."""
        return bool(await self._database.rows("SELECT 1 FROM meta WHERE name = ?", (SCRUB_DUE,)))

    async def scrub(self) -> bool:
        """Remove every trace of deleted rows from the file, its free space and the write-ahead log.

        ``secure_delete`` overwrites deleted rows in place, but pages that were split since may hold a second copy: only
        rewriting the whole file is certain.

        Returns: False where the disk has no space for it.
        """
        async with self._database.whole:
            erasures = self._erasures
            try:
                await self._database.run("VACUUM")
            except sqlite3.OperationalError as error:
                if not says_full(error):
                    raise
                return False
            await self._database.truncate_wal()
            if erasures == self._erasures:  # what was erased meanwhile may have left copies
                await self._database.run("DELETE FROM meta WHERE name = ?", (SCRUB_DUE,))
        return True
