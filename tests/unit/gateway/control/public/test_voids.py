"""Which entry voided which release: only what is published, and read once."""

from __future__ import annotations

from hashlib import sha256
from typing import cast

from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import VoidPayload
from gateway.control.public.voids import VoidsRead
from gateway.edge.store.reading import StoreReader


class Voids:
    """Stands for the database: which entries void which releases."""

    def __init__(self, voids: dict[int, int]) -> None:
        self.rows = voids
        self.read_since: list[int] = []

    async def voids(self, since: int) -> list[bytes]:
        """Return the openings from an index on."""
        self.read_since.append(since)
        part = sha256(b"a bundle").digest()
        return [
            Opening(index, (VoidPayload(release).part(part),)).encode()
            for index, release in sorted(self.rows.items())
            if index >= since
        ]


async def test_void_is_found_once_it_is_published() -> None:
    """What has come since the last time is read, and what was read is not read again."""
    database, read = Voids({4: 2}), VoidsRead()
    reader = cast("StoreReader", database)
    assert await read.void_of(2, reader, 4) is None, "the void is not published"
    assert await read.void_of(2, reader, 5) == 4
    assert await read.void_of(3, reader, 5) is None
    database.rows[7] = 6
    assert await read.void_of(6, reader, 8) == 7
    assert await read.void_of(2, reader, 8) == 4
    assert database.read_since == [0, 4, 5]
