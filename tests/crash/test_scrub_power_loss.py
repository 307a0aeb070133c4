"""Power cuts while an erasure overwrites bytes of the database's pages in place, and commits come between two slices.

Whatever is left on the disk is a whole database with every commit that was acknowledged; and where it says that no scrub is due,
nothing of what was erased is in it.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from gateway.audit.log.notes import Signer
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store import scrubbing, store
from gateway.edge.store.database import DATABASE_FILE, PAGE_BYTES
from gateway.edge.store.statements import SCRUB_DUE
from gateway.edge.store.store import Store
from tests.crash.disk_model import RecordedDisk, Told
from tests.crash.recording import recorded
from tests.crash.scene import fresh_seed

KEYS = GatewayKeys(bytes(32), Signer("test.example/log", bytes(32)))
MARK = re.compile(rb"#(\d{7})#")
ERASED = b"@ERASED@"
TREE_MARKS = (0x02, 0x05, 0x0A, 0x0D)
ROUNDS = 20
IMAGES, IMAGES_OF_ITS_END = 25, 5


class Rows:
    """Rows of a table that is found by keys, each full of its own number; what the disk has been told of them.

    Attributes:
        present: By number, the key of each.
        states: The numbers of those that there are after each commit.
    """

    def __init__(self, opened: Store, disk: RecordedDisk, chance: random.Random) -> None:
        self._database, self._disk, self._chance = opened._database, disk, chance
        self._number = 0
        self.present: dict[int, bytes] = {}
        self.states: list[frozenset[int]] = []

    async def change(self, added: int, deleted: int) -> None:
        """Add and delete some in one transaction."""
        gone = self._chance.sample(list(self.present), deleted)
        async with self._database.transaction():
            await self._database.execute_all("DELETE FROM subject WHERE id = ?", [(self.present.pop(n),) for n in gone])
            for _ in range(added):
                self._number += 1
                self.present[self._number] = self._chance.randbytes(16)
                row = (b"#%07d#" % self._number * 300)[: self._chance.choice((60, 150, 300, 2500))]
                await self._database.execute("INSERT INTO subject VALUES (?, ?)", (self.present[self._number], row))
            self.states.append(frozenset(self.present))
        self._disk.events.append(Told("commit", len(self.states) - 1))


def _plant(descriptor: int) -> None:
    """Put copies of what was erased where the tree's pages keep some, as SQLite does of rows that it moves."""
    planted = 0
    for begin in range(PAGE_BYTES, os.fstat(descriptor).st_size, PAGE_BYTES):
        page = os.pread(descriptor, PAGE_BYTES, begin)
        cells, content = (int.from_bytes(page[at : at + 2]) for at in (3, 5))
        if page[0] in TREE_MARKS and content - 2 * cells > 100:
            os.pwrite(descriptor, ERASED * 9, begin + content - 9 * len(ERASED))
            planted += 1
    os.fdatasync(descriptor)
    assert planted > 100


def _holds_erased(folder: Path) -> bool:
    return any(ERASED in file.read_bytes() for file in folder.glob(DATABASE_FILE + "*"))


async def _record(
    folder: Path, chance: random.Random, patch: pytest.MonkeyPatch, *, is_alone: bool
) -> tuple[RecordedDisk, range, Rows]:
    """Record a scrub, alone or with commits between its slices; return which events it is, and the rows."""
    with recorded(folder) as disk:
        opened = Store(folder, KEYS)
        await opened.open()
        rows = Rows(opened, disk, chance)
        for _ in range(ROUNDS):
            await rows.change(50, 5 if rows.present else 0)
        await opened._database.run("INSERT OR REPLACE INTO meta VALUES (?, 1)", (SCRUB_DUE,))
        async with opened._database.settled():
            _plant(opened._database.descriptor)
        begin, settled = len(disk.events), opened._database.settled

        @asynccontextmanager
        async def after_commits() -> AsyncIterator[set[int]]:
            if not is_alone:
                await rows.change(8, 6)
            async with settled() as written:
                yield written

        with patch.context() as slices:
            slices.setattr(opened._database, "settled", after_commits)
            slices.setattr(scrubbing, "PAGES_AT_ONCE", 16)
            assert await opened.writer.scrub()
        scrub = range(begin, len(disk.events))
        await opened.close()
    return disk, scrub, rows


@pytest.mark.parametrize("is_alone", [True, False])
async def test_power_cut_at_any_moment_of_a_scrub_leaves_a_whole_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_alone: bool
) -> None:
    """Also where what was overwritten is kept, lost or torn, each by itself."""
    monkeypatch.setattr(store, "BALLAST_BYTES", 4096)
    seed = fresh_seed()
    chance = random.Random(seed)
    (tmp_path / "run").mkdir()
    disk, scrub, rows = await _record(tmp_path / "run", chance, monkeypatch, is_alone=is_alone)
    cuts = [*[scrub.stop] * IMAGES_OF_ITS_END, *(chance.choice(scrub) for _ in range(IMAGES)), len(disk.events)]
    for number, cut in enumerate(cuts):
        folder = tmp_path / f"image-{number}"
        folder.mkdir(mode=0o700)
        for path, content in disk.image(cut, chance).items():
            (folder / path.name).write_bytes(content)
        try:
            await _check_image(folder, disk, cut, rows)
        except BaseException as error:
            error.add_note(f"seed `{seed}`, image `{number}`: the first `{cut}` of {len(disk.events)} events")
            raise
        shutil.rmtree(folder)


async def _check_image(folder: Path, disk: RecordedDisk, cut: int, rows: Rows) -> None:
    told = max((int(event.value) for event in disk.events[:cut] if isinstance(event, Told)), default=0)
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        keys = {id_ for (id_,) in db.execute("SELECT id FROM subject")}
        numbers = {int(n) for (row,) in db.execute("SELECT sealed FROM subject") for n in MARK.findall(row)[:1]}
    assert len(keys) == len(numbers)
    assert numbers in rows.states[told : told + 2], "a commit that was acknowledged is lost"
    opened = Store(folder, KEYS)
    await opened.open()
    try:
        if await opened.writer.scrub_is_due():
            assert await opened.writer.scrub()
        assert not _holds_erased(folder)
    finally:
        await opened.close()
