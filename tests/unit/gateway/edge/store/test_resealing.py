"""Rows sealed anew under the present root key: each of them, a page at a time, and those that are already are left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from gateway.audit.log.notes import Signer
from gateway.core.effects import Commit, RootKeyRow
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.keys.root import KeptRoots
from gateway.edge.store.resealing import ROWS_AT_ONCE, Resealing
from gateway.edge.store.segment_keys import row_key
from gateway.edge.store.store import Store

SIGNER = Signer("test.example/log", bytes(32))
FORMER = GatewayKeys(bytes(32), SIGNER)
PRESENT = GatewayKeys(b"1" * 32, SIGNER, kept=KeptRoots(2, b"2" * 32, {1: bytes(32)}))
COUNT = 2 * ROWS_AT_ONCE + 50


async def test_every_row_is_sealed_anew_and_only_once(tmp_path: Path) -> None:
    """More rows than a page, some of them written since: afterwards the former key opens none, and nothing is done twice."""
    store = Store(tmp_path, PRESENT)
    await store.open()
    try:
        database = store._database
        rows = []
        for number in range(COUNT):
            keys = PRESENT if number % 50 == 7 else FORMER
            rows.append((number, "consent", None, keys.sealer.seal("opening", row_key(number), b"%d" % number)))
        async with database.transaction():
            await database.execute_all("INSERT INTO opening VALUES (?, ?, ?, ?)", rows)
            id_ = FORMER.lookup_hash(b"device")
            await database.execute("INSERT INTO device VALUES (?, ?)", (id_, FORMER.sealer.seal("device", id_, b"row")))
        await store.resealing.run()
        sealed = dict(await database.rows("SELECT entry_index, sealed FROM opening"))
        assert [sealed[row[0]] == row[3] for row in rows] == [number % 50 == 7 for number in range(COUNT)]
        fresh = GatewayKeys(b"1" * 32, SIGNER)
        assert [fresh.sealer.open("opening", row_key(n), each) for n, each in sealed.items()] == [b"%d" % n for n in range(COUNT)]
        ((device,),) = await database.rows("SELECT sealed FROM device")
        assert fresh.sealer.open("device", id_, device) == b"row"
        await store.resealing.run()
        assert dict(await database.rows("SELECT entry_index, sealed FROM opening")) == sealed
    finally:
        await store.close()


async def test_no_row_is_passed_over_where_the_file_is_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure rewrites the file between two pages, which may number rows anew: none stays under the key that is destroyed."""
    store = Store(tmp_path, PRESENT)
    await store.open()
    try:
        database, ids = store._database, [FORMER.lookup_hash(b"%d" % number) for number in range(COUNT)]
        async with database.transaction():
            rows = [(id_, FORMER.sealer.seal("device", id_, b"row")) for id_ in ids]
            await database.execute_all("INSERT INTO device VALUES (?, ?)", rows)
            await database.execute("DELETE FROM device WHERE rowid < ?", (ROWS_AT_ONCE,))
        execute_all, rewritten = database.execute_all, list[asyncio.Task[bool]]()

        async def then_rewrite(sql: str, rows: Iterable[Sequence[object]]) -> None:
            await execute_all(sql, rows)
            if "UPDATE device" in sql and not rewritten:
                rewritten.append(asyncio.create_task(store.writer.scrub()))
                await asyncio.sleep(0)  # it is the next to write

        monkeypatch.setattr(database, "execute_all", then_rewrite)
        await store.resealing.run()
        assert await rewritten[0]
        fresh = GatewayKeys(b"1" * 32, SIGNER)
        for id_, sealed in await database.rows("SELECT id, sealed FROM device"):
            assert fresh.sealer.open("device", id_, sealed) == b"row"
    finally:
        await store.close()


async def test_root_key_of_the_log_is_known_until_all_is_sealed(tmp_path: Path) -> None:
    """What is due survives the end of the process, and ends with the last row."""
    store = Store(tmp_path, PRESENT)
    await store.open()
    try:
        resealing: Resealing = store.resealing
        assert await resealing.known() == (1, None, False)
        await store.writer.commit(Commit(snapshot=b"s", root_key=RootKeyRow(2, 17)), 0)
        assert await resealing.known() == (2, 17, True)
        await resealing.run()
        assert await resealing.known() == (2, 17, False)
    finally:
        await store.close()
