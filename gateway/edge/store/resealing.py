"""Sealing anew: after the root key was replaced, every row that is sealed under the state key is sealed under the new one.

It goes on in small transactions beside everything else. A row that is written meanwhile is sealed under the new key by itself,
and one that is read opens under either; where it is interrupted, it begins again and passes over what is done.
"""

from __future__ import annotations

from typing import Final

from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store.database import Database
from gateway.edge.store.segment_keys import row_key

ROOT_GENERATION: Final = "root_generation"
"""The row of `meta` with the number of the root key that the log knows; absent before the second."""
ROOT_ENTRY: Final = "root_entry"
RESEAL_DUE: Final = "reseal_due"
"""The row that is present while rows may be sealed under a former root."""

ROWS_AT_ONCE: Final = 100

_BY_NUMBER: Final = (
    ("sealing_key", "number", "wrapped"),
    ("opening", "entry_index", "sealed"),
    ("opening_part", "number", "sealed"),
    ("consent", "entry_index", "sealed"),
)
_BY_HASH: Final = ("subject", "device", "claim")


class Resealing:
    """Seals the rows of an open database anew."""

    def __init__(self, database: Database, keys: GatewayKeys) -> None:
        """Take the database and the keys."""
        self._database = database
        self._keys = keys

    async def known(self) -> tuple[int, int | None, bool]:
        """Return the number of the root key that the log knows, the index of its entry, and whether sealing anew is due."""
        meta = dict(await self._database.rows("SELECT name, value FROM meta"))
        return meta.get(ROOT_GENERATION, 1), meta.get(ROOT_ENTRY), RESEAL_DUE in meta

    async def run(self) -> None:
        """Seal anew whatever is not sealed under the present root.

        Raises: sqlite3.OperationalError: the disk is full; what is done is done.
        """
        for table, number, column in _BY_NUMBER:
            select = f"SELECT rowid, {number}, {column} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {ROWS_AT_ONCE}"  # noqa: S608  fixed names
            await self._reseal(table, select, f"UPDATE {table} SET {column} = ? WHERE rowid = ?")  # noqa: S608  likewise
        for table in _BY_HASH:
            select = f"SELECT id, id, sealed FROM {table} WHERE id > ? ORDER BY id LIMIT {ROWS_AT_ONCE}"  # noqa: S608  likewise
            await self._reseal(table, select, f"UPDATE {table} SET sealed = ? WHERE id = ?", b"")  # noqa: S608  likewise
        await self._database.run("DELETE FROM meta WHERE name = ?", (RESEAL_DUE,))
        await self._database.checkpoint_wal("PASSIVE")

    async def _reseal(self, table: str, select: str, update: str, last: int | bytes = -1) -> None:
        """Read a table by its primary key: a rewriting of the file in between numbers rows without one anew."""
        while True:
            async with self._database.transaction():
                rows = await self._database.rows(select, (last,))
                found = ((place, self._anew(table, key, sealed)) for place, key, sealed in rows)
                await self._database.execute_all(update, [(sealed, place) for place, sealed in found if sealed is not None])
            if len(rows) < ROWS_AT_ONCE:
                return
            last = rows[-1][0]

    def _anew(self, table: str, key: int | bytes, sealed: bytes) -> bytes | None:
        return self._keys.sealer.sealed_anew(table, row_key(key) if isinstance(key, int) else key, sealed)
