"""The writer of ``gateway.edge.store.store``: makes commits of the core durable, and does what an erasure leaves to do.

It waits while the disk is full (``disk_space``); any other failure of the disk ends the process, since nobody knows what a
failed sync has kept.
"""

from __future__ import annotations

import sqlite3
from functools import partial

from gateway.core.effects import Commit
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store.database import Database, Statement
from gateway.edge.store.disk_space import DiskSpace, says_full
from gateway.edge.store.scrubbing import Scrubbing
from gateway.edge.store.segment_keys import SegmentKeys
from gateway.edge.store.statements import DROP_KEYS, SCRUB_DUE, WHOLE_SEGMENT, CommitRows

WAL_COMMITS = 100
"""After this many commits, about 1,000 pages, the write-ahead log is checkpointed."""


class StoreWriter:
    """Writes to an open database."""

    def __init__(self, database: Database, keys: GatewayKeys, segments: SegmentKeys, disk_space: DiskSpace) -> None:
        """Take the database, the keys that seal rows, and what is known about the disk."""
        self._database = database
        self._segments = segments
        self._disk_space = disk_space
        self._scrubbing = Scrubbing(database)
        self._erasures = 0
        self._commit_rows = CommitRows(keys, segments)
        self._commits_in_wal = 0

    def resume(self, batch: int, part: int) -> None:
        """Continue after the last batch row, and the last part of a snapshot."""
        self._commit_rows.batch, self._commit_rows.part = batch, part

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
            statements.append(("INSERT OR REPLACE INTO meta VALUES (?, 1)", (SCRUB_DUE,)))
            self._erasures += 1
        await self.write(statements, control=commit.uses_reserve or commit.erases)
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

    async def drop_former_segments(self) -> None:
        """Delete what the segments before the last whole one hold, some rows at a time.

        Raises: sqlite3.OperationalError: the disk is full, or fails; the next time finishes it.
        """
        whole = await self._whole_segment()
        for table, number, rows in (("segment_part", "segment", 1), ("batch", "segment", 50), ("segment", "number", 1)):
            find = f"SELECT number FROM {table} WHERE {number} < ? ORDER BY number LIMIT {rows}"  # noqa: S608  fixed names
            while found := await self._database.rows(find, (whole,)):
                delete = f"DELETE FROM {table} WHERE number = ?"  # noqa: S608  likewise
                await self._database.write([(delete, row) for row in found])

    async def carry_on_from_segment(self) -> None:
        """Do what the beginning of a segment leaves to do, as far as the disk has room: it holds up no commit for long."""
        try:
            await self._database.checkpoint_beside()
            await self.drop_former_segments()
        except sqlite3.OperationalError as error:
            if not says_full(error):
                raise

    async def _whole_segment(self) -> int:
        """Return the number of the last segment whose snapshot is whole."""
        ((whole,),) = await self._database.rows(WHOLE_SEGMENT)
        return int(whole)

    async def _reseal_waiting(self) -> None:
        """Reseal waiting rows under the open segment's key, and destroy the keys of all before the last whole one."""
        whole = await self._whole_segment()
        former = "SELECT number, sealing_key, sealed FROM outbox WHERE sealing_key < ? ORDER BY number LIMIT 50"
        while await self._database.rows(former, (whole,)):
            async with self._database.transaction():
                resealed = self._segments.resealed(await self._database.rows(former, (whole,)))
                await self._database.execute_all("UPDATE outbox SET sealing_key = ?, sealed = ? WHERE number = ?", resealed)
        await self._database.run(DROP_KEYS, (whole,))
        self._segments.forget_before(whole)

    # what an erasure leaves to do

    async def scrub_is_due(self) -> bool:
        """Return whether something was erased of which copies may remain on disk."""
        return bool(await self._database.rows("SELECT 1 FROM meta WHERE name = ?", (SCRUB_DUE,)))

    async def scrub(self) -> bool:
        """Remove every trace of what was erased before the last journal segment began.

        Waiting rows are resealed, so that no former key is needed any more, and all of these are destroyed; then the copies that
        deleted rows have left in the file, its free space and the write-ahead log are overwritten (``scrubbing``).

        Returns: False where the disk has no space for it.
        """
        erasures = self._erasures
        try:
            await self.drop_former_segments()
            await self._reseal_waiting()
            await self._scrubbing.run()
        except sqlite3.OperationalError as error:
            if not says_full(error):
                raise
            return False
        except ValueError as error:
            raise sqlite3.DatabaseError(str(error)) from error
        if erasures == self._erasures:  # what was erased meanwhile may have left copies
            await self._database.run("DELETE FROM meta WHERE name = ?", (SCRUB_DUE,))
        return True
