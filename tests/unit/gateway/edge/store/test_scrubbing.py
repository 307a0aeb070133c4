"""Scrubbing: nothing of deleted rows is left in the file or its write-ahead log, whatever is written between two slices."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import re
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.notes import Signer
from gateway.core.effects import Commit
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store import scrubbing
from gateway.edge.store.database import DATABASE_FILE, PAGE_BYTES
from gateway.edge.store.pages import stale_spans
from gateway.edge.store.statements import SCRUB_DUE
from gateway.edge.store.store import Store

KEYS = GatewayKeys(bytes(32), Signer("test.example/log", bytes(32)))
PLANTED = b"@PLANTED@"
HALF_WAY = 4
MARK = re.compile(rb"#(\d{7})#")


class Rows:
    """Rows that come and go in random order in a store's table that is found by keys; each is full of its own number."""

    def __init__(self, store: Store) -> None:
        self.database = store._database
        self.chance = random.Random(1)
        self.present: dict[int, bytes] = {}
        self.gone: set[int] = set()
        self.number = 0

    async def add(self, count: int) -> None:
        """Write some rows in one transaction, and delete some of all in another."""
        rows = []
        for _ in range(count):
            self.number += 1
            self.present[self.number] = self.chance.randbytes(16)
            row = (b"#%07d#" % self.number * 300)[: self.chance.choice((60, 150, 300, 2500))]
            rows.append((self.present[self.number], row))
        async with self.database.transaction():
            await self.database.execute_all("INSERT INTO subject VALUES (?, ?)", rows)

    async def delete(self, count: int) -> None:
        """Delete some rows in one transaction."""
        gone = self.chance.sample(list(self.present), count)
        self.gone.update(gone)
        async with self.database.transaction():
            await self.database.execute_all("DELETE FROM subject WHERE id = ?", [(self.present.pop(n),) for n in gone])

    async def come_and_go(self) -> None:
        """Do both: pages are split as rows come, and keep copies of those that have moved, which then go."""
        for _ in range(40):
            await self.add(50)
            await self.delete(5)
        await self.delete(800)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Store, Rows]]:
    """Open a store, and fill and empty it."""
    store = Store(folder, KEYS)
    await store.open()
    try:
        await store._database.run("INSERT OR REPLACE INTO meta VALUES (?, 1)", (SCRUB_DUE,))
        yield store, Rows(store)
    finally:
        await store.close()


def held(folder: Path) -> set[int]:
    """Return the numbers of the rows of which anything is in the file or its write-ahead log."""
    return {int(n) for n in MARK.findall(stored(folder))}


def stored(folder: Path) -> bytes:
    """Return everything that is in the file and its write-ahead log."""
    return b"".join(file.read_bytes() for file in folder.glob(DATABASE_FILE + "*"))


def stale_pages(folder: Path) -> int:
    """Return how many pages of the file have bytes that belong to nothing and are not zero."""
    data = (folder / DATABASE_FILE).read_bytes()
    return sum(any(stale_spans(data[at : at + PAGE_BYTES], at // PAGE_BYTES + 1)) for at in range(0, len(data), PAGE_BYTES))


def plant(folder: Path, first: int) -> int:
    """Put a mark where tree pages from one on keep copies, as SQLite does of rows that it moves; return in how many."""
    planted = 0
    with (folder / DATABASE_FILE).open("r+b") as file:
        data = file.read()
        for begin in range((first - 1) * PAGE_BYTES, len(data), PAGE_BYTES):
            kind, cells, content = data[begin], *(int.from_bytes(data[begin + at : begin + at + 2]) for at in (3, 5))
            listed = 12 + 2 * cells
            if kind in (0x02, 0x05, 0x0A, 0x0D) and content - listed > 100:
                file.seek(begin + content - 90)
                file.write(PLANTED * 9)
                planted += 1
    return planted


async def between_slices(monkeypatch: pytest.MonkeyPatch, store: Store, work: list[str]) -> asyncio.Queue[asyncio.Event]:
    """Have a scrub wait before each slice; return the queue in which it asks to go on."""
    asked = asyncio.Queue[asyncio.Event]()
    settled = store._database.settled

    @asynccontextmanager
    async def waits() -> AsyncIterator[set[int]]:
        go_on = asyncio.Event()
        await asked.put(go_on)
        await go_on.wait()
        async with settled() as written:
            yield written
        work.append("slice")

    monkeypatch.setattr(store._database, "settled", waits)
    monkeypatch.setattr(scrubbing, "PAGES_AT_ONCE", 16)
    return asked


async def test_scrub_leaves_nothing_of_what_was_deleted_before(tmp_path: Path) -> None:
    """Pages that were split or joined have kept copies, in the file and in the log, until it is done."""
    async with opened(tmp_path) as (store, rows):
        await rows.come_and_go()
        await store.truncate_wal()
        assert held(tmp_path) & rows.gone
        assert stale_pages(tmp_path) > 50
        assert await store.writer.scrub()
        assert stale_pages(tmp_path) == 0
        assert held(tmp_path) == set(rows.present)
        assert not await store.writer.scrub_is_due()


async def test_commits_between_slices_are_kept_and_answered_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written, moved and deleted everywhere in the file beside it: no copy of what was deleted before comes back."""
    async with opened(tmp_path) as (store, rows):
        await rows.come_and_go()
        erased, work = set(rows.gone), list[str]()
        asked = await between_slices(monkeypatch, store, work)
        scrub = asyncio.create_task(store.writer.scrub())
        slices = 0
        while not scrub.done():
            waits = asyncio.create_task(asked.get())
            await asyncio.wait([scrub, waits], return_when=asyncio.FIRST_COMPLETED)
            if waits.done():
                await rows.add(5)
                await rows.delete(4)
                work.append("commit")
                slices += 1
                waits.result().set()
            else:
                waits.cancel()
        assert scrub.result()
        assert slices > 10
        assert work == ["commit", "slice"] * slices
        assert not held(tmp_path) & erased
        assert held(tmp_path) >= set(rows.present)
        present = {id_ for (id_,) in await store._database.rows("SELECT id FROM subject")}
        assert present == set(rows.present.values())
        assert await store._database.rows("PRAGMA integrity_check") == [("ok",)]


async def test_what_pages_keep_is_removed_also_where_they_change_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite sorts the pages that it joins or splits by number: one that is not clean yet takes that of one that is."""
    async with opened(tmp_path) as (store, rows):
        for _ in range(60):
            await rows.add(50)
            await rows.delete(20)
        settled, begun = store._database.settled, 0
        monkeypatch.setattr(scrubbing, "PAGES_AT_ONCE", 64)

        @asynccontextmanager
        async def writes_before() -> AsyncIterator[set[int]]:
            nonlocal begun
            begun += 1
            if begun == HALF_WAY:
                async with settled():
                    assert plant(tmp_path, 1 + 64 * (HALF_WAY - 2)) > 100
                for _ in range(60):
                    await rows.add(30)
                    await rows.delete(20)
            async with settled() as written:
                yield written

        monkeypatch.setattr(store._database, "settled", writes_before)
        assert await store.writer.scrub()
        assert begun > HALF_WAY + 3
        assert PLANTED not in stored(tmp_path)
        assert await store._database.rows("PRAGMA integrity_check") == [("ok",)]


async def test_whoever_is_cancelled_within_a_slice_leaves_nobody_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process may be ending: what the next commit writes, or another file with the same descriptor, would be overwritten."""
    async with opened(tmp_path) as (store, rows):
        await rows.add(100)
        loop, begun, go_on, ended = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), list[str]()
        overwrite = scrubbing._overwrite_stale

        def slow(*place: Any) -> bool:
            loop.call_soon_threadsafe(begun.set)
            go_on.wait()
            is_changed = overwrite(*place)
            ended.append("slice")
            return is_changed

        monkeypatch.setattr(scrubbing, "_overwrite_stale", slow)
        scrub = asyncio.create_task(store.writer.scrub())
        await begun.wait()
        commit = asyncio.create_task(rows.add(1))
        commit.add_done_callback(lambda _: ended.append("commit"))
        scrub.cancel()
        for _ in range(20):
            await store._database.rows("SELECT 1")  # by now the commit would be done
        go_on.set()
        await asyncio.wait([scrub, commit])
        assert scrub.cancelled()
        assert ended == ["slice", "commit"]
        assert await store.writer.scrub_is_due()


async def test_scrub_killed_at_any_slice_leaves_a_whole_database_whose_next_scrub_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one is due is known until the last slice is on the disk."""
    monkeypatch.setattr(scrubbing, "PAGES_AT_ONCE", 32)
    async with opened(tmp_path / "state") as (store, rows):
        await rows.come_and_go()
        overwrite, copies = scrubbing._overwrite_stale, list[Path]()

        def copied(*place: Any) -> bool:
            is_changed = overwrite(*place)
            copies.append(tmp_path / str(len(copies)))
            shutil.copytree(tmp_path / "state", copies[-1])
            return is_changed

        monkeypatch.setattr(scrubbing, "_overwrite_stale", copied)
        assert await store.writer.scrub()
        monkeypatch.undo()
    assert len(copies) > 5
    for copy in copies:
        with closing(sqlite3.connect(copy / DATABASE_FILE)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert {id_ for (id_,) in db.execute("SELECT id FROM subject")} == set(rows.present.values())
        store = Store(copy, KEYS)
        await store.open()
        try:
            assert await store.writer.scrub_is_due()
            assert await store.writer.scrub()
            assert held(copy) == set(rows.present)
        finally:
            await store.close()


async def test_what_is_erased_during_a_scrub_is_due_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have left copies where the scrub has already been."""
    async with opened(tmp_path) as (store, rows):
        await rows.add(100)
        asked = await between_slices(monkeypatch, store, [])
        scrub = asyncio.create_task(store.writer.scrub())
        (await asked.get()).set()
        last = await asked.get()
        store.writer.erasures += 1
        last.set()
        while not scrub.done():
            await asyncio.sleep(0)
            if not asked.empty():
                asked.get_nowait().set()
        assert scrub.result()
        assert await store.writer.scrub_is_due()


async def test_what_is_erased_after_a_segment_began_is_due_until_the_next_is_whole(tmp_path: Path) -> None:
    """The segment may hold readings of whom it is about, and the scrub that follows may have passed its copies by."""
    async with opened(tmp_path) as (store, _):
        writer, counts = store.writer, list[tuple[int, int, bool]]()
        for commit in (
            Commit(snapshot=b"at the start"),
            Commit(erases=True),
            Commit(begins_segment=True, erases=True),
            Commit(parts=[b"first"]),
            Commit(parts=[b"last"], snapshot=b"head"),
            Commit(begins_segment=True),
            Commit(parts=[b"all"], snapshot=b"head"),
        ):
            await writer.commit(commit, 0)
            assert await writer.scrub()
            counts.append((writer.erasures, writer.covered, await writer.scrub_is_due()))
    assert counts == [
        (0, 0, False),
        (1, 0, True),
        (2, 0, True),
        (2, 0, True),
        (2, 1, True),
        (2, 1, True),
        (2, 2, False),
    ]


async def test_scrub_without_room_for_any_of_its_steps_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it the system that says so, of a file whose blocks take a new place, or SQLite, of the row that says that one is due."""
    async with opened(tmp_path) as (store, rows):
        await rows.come_and_go()
        run = store._database.run

        def no_room(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        async def is_full(sql: str, parameters: Sequence[Any] = ()) -> None:
            if SCRUB_DUE in parameters:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            await run(sql, parameters)

        for patched, name, fails in ((os, "pwrite", no_room), (store._database, "run", is_full)):
            with monkeypatch.context() as patch:
                patch.setattr(patched, name, fails)
                assert not await store.writer.scrub()
            assert await store.writer.scrub_is_due()
        assert await store.writer.scrub()
        assert not await store.writer.scrub_is_due()


async def test_damaged_page_ends_the_scrub(tmp_path: Path) -> None:
    """Nothing is overwritten that might be a row's."""
    async with opened(tmp_path) as (store, rows):
        await rows.add(200)
        await store.truncate_wal()
        page = next(n for n in range(1, 100) if (tmp_path / DATABASE_FILE).read_bytes()[n * PAGE_BYTES] == 0x0D)
        with (tmp_path / DATABASE_FILE).open("r+b") as file:
            file.seek(page * PAGE_BYTES + 3)
            file.write(b"\xff\xff")
        with pytest.raises(sqlite3.DatabaseError, match=f"page {page + 1} is damaged"):
            await store.writer.scrub()
