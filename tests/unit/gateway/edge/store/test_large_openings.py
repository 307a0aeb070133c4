"""An opening that does not fit in one row: stored in parts, it is read, shortened, sealed anew and dropped as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import shake_256
from pathlib import Path

import pytest

from gateway.audit.log.notes import Signer
from gateway.core.effects import Commit, LogRow, OpeningRow, PackedOpening
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.keys.root import KeptRoots
from gateway.edge.store.segment_keys import row_key
from gateway.edge.store.statements import OPENING_BYTES
from gateway.edge.store.store import Store
from gateway.errors import CorruptionError

SIGNER = Signer("test.example/log", bytes(32))
FORMER = GatewayKeys(bytes(32), SIGNER)
PRESENT = GatewayKeys(b"1" * 32, SIGNER, kept=KeptRoots(2, b"2" * 32, {1: bytes(32)}))
INDEX = 7
SETTLED_MS = 1_000


def _opening(length: int) -> PackedOpening:
    """Return one whose packed form has some length: random bytes cannot be compressed."""
    return PackedOpening(b"\x83" + shake_256(b"%d" % length).digest(length))


LARGE = _opening(3 * OPENING_BYTES + 5)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Yield a store with a large opening between two small ones."""
    opened = Store(tmp_path, FORMER)
    await opened.open()
    log = [LogRow(index, "release", b"entry", _opening(10)) for index in (INDEX - 1, INDEX + 1)]
    log.insert(1, LogRow(INDEX, "release", b"entry", LARGE))
    await opened.writer.commit(Commit(snapshot=b"snapshot", log=log), SETTLED_MS)
    yield opened
    await opened.close()


async def _parts(store: Store) -> list[int]:
    return [number for (number,) in await store._database.rows("SELECT number FROM opening_part ORDER BY number")]


async def test_large_opening_is_read_as_it_was_committed(store: Store) -> None:
    """By itself, among all, and as what is still to be exported; no row is much longer than a part."""
    assert await store.reader.opening(INDEX) == LARGE.content
    each = [(INDEX - 1, _opening(10)), (INDEX, LARGE), (INDEX + 1, _opening(10))]
    assert await store.reader.openings(0) == each
    assert [one async for one in store.reader.each_opening()] == [(index, opening.content) for index, opening in each]
    sizes = await store._database.rows("SELECT length(sealed) FROM opening UNION ALL SELECT length(sealed) FROM opening_part")
    assert max(size for (size,) in sizes) < OPENING_BYTES + 100
    assert len(await _parts(store)) == 3


@pytest.mark.parametrize("left", [10, OPENING_BYTES, 2 * OPENING_BYTES])
async def test_shortened_opening_leaves_no_part_of_what_it_was(store: Store, left: int) -> None:
    """Whether it still needs as many rows or fewer: what an erasure has removed is in none."""
    shorter = _opening(left)
    await store.writer.commit(Commit(openings=[OpeningRow(INDEX, shorter)]), SETTLED_MS)
    assert await store.reader.opening(INDEX) == shorter.content
    assert len(await _parts(store)) == len(shorter.content) // OPENING_BYTES


async def test_dropped_opening_leaves_no_part(store: Store) -> None:
    """Its parts have no owner in the database but their numbers; those of others stay."""
    other = Commit(log=[LogRow(INDEX + 2, "consent", b"entry", LARGE)])
    await store.writer.commit(other, SETTLED_MS)
    assert await store.writer.drop_openings(SETTLED_MS + 1) == [INDEX - 1, INDEX, INDEX + 1]
    assert await store.reader.opening(INDEX) is None
    assert await store.reader.openings(0) == [(INDEX + 2, LARGE)]
    assert len(await _parts(store)) == 3


async def test_parts_are_sealed_anew_with_the_others(store: Store, tmp_path: Path) -> None:
    """After the root key was replaced, the former key opens none of them."""
    await store.close()
    replaced = Store(tmp_path, PRESENT)
    await replaced.open()
    try:
        await replaced.resealing.run()
        fresh = GatewayKeys(b"1" * 32, SIGNER)
        for number, sealed in await replaced._database.rows("SELECT number, sealed FROM opening_part"):
            assert fresh.sealer.open("opening_part", row_key(number), sealed) in LARGE.content
        assert await replaced.reader.opening(INDEX) == LARGE.content
    finally:
        await replaced.close()
        await store.open()


async def test_what_is_read_is_of_one_moment(store: Store) -> None:
    """While it is shortened beside the reading, it is read as it was or as it is, and never half of each."""
    shorter = _opening(2 * OPENING_BYTES)
    commit = store.writer.commit(Commit(openings=[OpeningRow(INDEX, shorter)]), SETTLED_MS)
    read = await asyncio.gather(*(store.reader.opening(INDEX) for _ in range(3)), commit, store.reader.opening(INDEX))
    assert {one for one in read if one is not None} <= {LARGE.content, shorter.content}


def test_opening_of_which_a_part_is_missing_is_no_opening() -> None:
    """However it came about, nothing is made of what is there."""
    whole = PackedOpening.of([bytes(2 * OPENING_BYTES)])
    with pytest.raises(CorruptionError):
        PackedOpening(whole.content[:-10]).whole()
