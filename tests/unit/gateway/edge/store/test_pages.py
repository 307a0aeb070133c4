"""Bytes of a page that belong to nothing: exactly those, found in files that SQLite itself has written."""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edge.store.pages import stale_spans

LENGTHS = (18, 40, 300, 900, 2500)
MARK = re.compile(rb"#(\d{7})#")


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(50, 600), st.sampled_from([512, 2048, 4096]))
def test_file_holds_the_same_rows_and_no_others_once_they_are_zero(seed: int, rows: int, page_bytes: int) -> None:
    """Rows of all sizes come, change and go in tables and indices, in any order; then nothing is found of those that are gone."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        present = written(path, random.Random(seed), rows, page_bytes)
        before = content(path)
        data = path.read_bytes()
        path.write_bytes(cleared(data, page_bytes))
        assert content(path) == before
        held = {int(number) for number in MARK.findall(path.read_bytes())}
        assert held == present


def test_sqlite_leaves_copies_of_rows_that_are_gone(tmp_path: Path) -> None:
    """Or there would be nothing to overwrite, and no other test of it could fail."""
    path = tmp_path / "file"
    present = written(path, random.Random(0), 2000, 2048)
    assert {int(number) for number in MARK.findall(path.read_bytes())} > present


@pytest.mark.parametrize("at", [1, 3, 5])
def test_damaged_page_is_not_touched(tmp_path: Path, at: int) -> None:
    """A list of cells, a content or a free block beyond the page's end is an error; so is a chain that goes in circles."""
    path = tmp_path / "file"
    written(path, random.Random(0), 500, 2048)
    data = path.read_bytes()
    number = next(n for n in range(2, len(data) // 2048) if data[n * 2048] == 0x0D) + 1
    page = bytearray(data[(number - 1) * 2048 : number * 2048])
    page[at : at + 2] = b"\xff\xf0"
    with pytest.raises(ValueError, match=f"page {number} is damaged"):
        list(stale_spans(bytes(page), number))


def cleared(data: bytes, page_bytes: int) -> bytes:
    """Return a file in which all bytes that belong to nothing are zero."""
    cleared = bytearray(data)
    for at in range(0, len(data), page_bytes):
        for begin, end in stale_spans(data[at : at + page_bytes], at // page_bytes + 1):
            cleared[at + begin : at + end] = bytes(end - begin)
    return bytes(cleared)


def written(path: Path, chance: random.Random, rows: int, page_bytes: int) -> set[int]:
    """Write a file in which rows have come and gone; return the numbers of those that are in it, each of which marks its row."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size={page_bytes}")
        db.execute("PRAGMA secure_delete=ON")
        db.execute("CREATE TABLE found (id BLOB PRIMARY KEY, content BLOB) STRICT")
        db.execute("CREATE TABLE numbered (id INTEGER PRIMARY KEY, content BLOB) STRICT")
        db.execute("CREATE INDEX content ON numbered (content)")
        db.execute("BEGIN")
        present: dict[int, tuple[str, object]] = {}
        for number in range(rows):
            if len(present) > 10 and chance.random() < 0.4:
                gone = chance.choice(list(present))
                table, id_ = present.pop(gone)
                db.execute(f"DELETE FROM {table} WHERE id = ?", (id_,))  # noqa: S608  one of two names
            table, id_ = chance.choice((("found", chance.randbytes(16)), ("numbered", chance.randrange(1 << 40))))
            content = (b"#%07d#" % number * 300)[: chance.choice(LENGTHS)]
            db.execute(f"INSERT INTO {table} VALUES (?, ?)", (id_, content))  # noqa: S608  likewise
            present[number] = (table, id_)
        db.execute("COMMIT")
        return set(present)


def content(path: Path) -> list[list[object]]:
    """Return the rows of a file that SQLite finds whole."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [db.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in ("found", "numbered")]  # noqa: S608  likewise
