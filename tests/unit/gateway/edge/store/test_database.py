"""The database file: one process's own, and whole transactions or none."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from gateway.edge.store.database import Database, Statement
from gateway.errors import CorruptionError, OperatorError
from tests.support.disk_gate import configured, started


async def opened(folder: Path) -> Database:
    """Open the file of a folder, with one table."""
    database = Database(folder)
    await database.open()
    await database.run("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY) STRICT")
    return database


def test_statements_are_carried_out_all_or_none(tmp_path: Path) -> None:
    """The second row is refused, and with it the first; a database goes on after that."""

    async def work() -> list[tuple[int]]:
        database = await opened(tmp_path / "state")
        try:
            with pytest.raises(sqlite3.IntegrityError):
                await database.write([("INSERT INTO t VALUES (?)", (1,)), ("INSERT INTO t VALUES (?)", (1,))])
            await database.write([("INSERT INTO t VALUES (?)", (2,)), ("INSERT INTO t VALUES (?)", (3,))])
            return [row async for row in database.each("SELECT n, n FROM t WHERE n > ? ORDER BY n LIMIT 1")]
        finally:
            await database.close()

    assert asyncio.run(work()) == [(2,), (3,)]


def test_what_works_beside_a_transaction_waits_for_its_end_and_shares_none_of_it(tmp_path: Path) -> None:
    """One statement, several, and a checkpoint of the write-ahead log: the transaction is undone, and they are kept."""

    async def work() -> list[tuple[int]]:
        database = await opened(tmp_path / "state")
        two: list[Statement] = [("INSERT INTO t VALUES (?)", (2,)), ("INSERT INTO t VALUES (?)", (3,))]
        works = [database.write([("INSERT INTO t VALUES (?)", (1,))]), database.write(two), database.truncate_wal()]
        beside: list[asyncio.Task[None]] = []

        async def refused() -> None:
            async with database.transaction():
                await database.execute("INSERT INTO t VALUES (9)")
                beside.extend(asyncio.create_task(each) for each in works)
                for _ in range(3):
                    await database.rows("SELECT 1")  # they get their chance
                await database.execute("INSERT INTO t VALUES (9)")

        try:
            with pytest.raises(sqlite3.IntegrityError):
                await refused()
            await asyncio.gather(*beside)
            return await database.rows("SELECT n FROM t ORDER BY n")
        finally:
            await database.close()

    assert asyncio.run(work()) == [(1,), (2,), (3,)]


def test_transaction_that_is_cancelled_as_it_begins_leaves_none_open(tmp_path: Path) -> None:
    """As of work beside the loop, when the gateway ends: what it writes last would be in that transaction, and lost."""

    async def work() -> list[tuple[int]]:
        database = await opened(tmp_path / "state")

        async def begin() -> None:
            async with database.transaction():
                pass

        beginning = asyncio.create_task(begin())
        await asyncio.sleep(0)
        beginning.cancel()
        await asyncio.wait([beginning])
        await database.run("INSERT INTO t VALUES (1)")
        await database.close()
        database = await opened(tmp_path / "state")
        try:
            return await database.rows("SELECT n FROM t")
        finally:
            await database.close()

    assert asyncio.run(work()) == [(1,)]


def test_second_process_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    """The lock goes with the file."""

    async def work() -> None:
        database = await opened(tmp_path / "state")
        with pytest.raises(OperatorError, match="is running"):
            await Database(tmp_path / "state").open()
        await database.close()
        await (await opened(tmp_path / "state")).close()

    asyncio.run(work())


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """In one line, with its path."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "sluice.db").write_bytes(b"no database, but long enough to be taken for one" * 100)
    with pytest.raises(CorruptionError, match=r"sluice\.db"):
        asyncio.run(Database(folder).open())


def test_copy_is_written_while_a_transaction_is_under_way_and_holds_none_of_it(tmp_path: Path) -> None:
    """It has a connection of its own: nobody waits for it, and it waits for nobody."""

    async def work() -> None:
        database, copy = await opened(tmp_path / "state"), tmp_path / "copy"
        copy.touch()
        try:
            await database.run("INSERT INTO t VALUES (1)")
            async with database.transaction():
                await database.execute("INSERT INTO t VALUES (2)")
                await database.copy_into(copy)
        finally:
            await database.close()
        with sqlite3.connect(copy) as copied:
            assert copied.execute("SELECT n FROM t").fetchall() == [(1,)]

    asyncio.run(work())


@pytest.mark.parametrize(("code", "is_full"), [(sqlite3.SQLITE_FULL, True), (sqlite3.SQLITE_IOERR, False)])
async def test_segment_that_has_begun_on_a_disk_that_is_full_leaves_the_rest_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_full: bool
) -> None:
    """An erasure that waits for it is answered, whatever the write-ahead log still holds; a failing disk is another matter."""

    def fail(_: Path) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = code
        raise error

    async with started(configured(tmp_path)) as gate:
        monkeypatch.setattr("gateway.edge.store.database._checkpoint", fail)
        outcome = contextlib.nullcontext() if is_full else pytest.raises(sqlite3.OperationalError)
        with outcome:
            await gate.durable.store.writer.carry_on_from_segment()
