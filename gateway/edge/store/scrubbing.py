"""Scrubbing: removes from the file, its free space and the write-ahead log the copies that SQLite has left of deleted rows.

The file is gone through slice by slice, and commits come between two slices. During one, none is under way and the write-ahead
log is empty, so that the file alone is the database: bytes of its pages that belong to nothing are overwritten in place. SQLite
reads none of them, so what it reads is the same before and after, also where the power fails within a slice (under the assumption
that SQLite itself makes, that overwriting some bytes harms none beside them). At the end of a slice SQLite forgets the pages that
it holds in memory, with the copies in them. What is written later is made of pages that are clean already, or whose turn is
still to come; so after the last slice there is no copy anywhere of what was deleted before the first.

Nothing but those bytes is written, so that it takes no space, and of a large file hardly more than reading it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from gateway.edge.store.database import Database, undisturbed
from gateway.edge.store.pages import MOST_PAGES, stale_spans

PAGES_AT_ONCE: Final = 512
"""A mebibyte, of a new file: some 2 ms of a small machine's time."""


class Scrubbing:
    """Scrubs an open database."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def run(self) -> None:
        """Remove every copy of what was deleted before.

        Raises:
            sqlite3.OperationalError: The disk is full, or fails.
            OSError: It fails.
            ValueError: The file is damaged.
        """
        database = self._database
        async with database.whole:
            await database.checkpoint_beside()
            ((page_bytes,),) = await database.rows("PRAGMA page_size")
            async with database.settled():
                pages = os.fstat(database.descriptor).st_size // page_bytes
            if pages >= MOST_PAGES:
                await database.run("VACUUM")
                await database.truncate_wal()
                return
            for first in range(1, pages + 1, PAGES_AT_ONCE):
                place = (database.descriptor, page_bytes, first)
                await undisturbed(_read, *place, PAGES_AT_ONCE)  # what the disk takes for it, no commit waits for
                async with database.settled() as written:
                    elsewhere = [number for number in written if not first <= number <= pages]
                    is_changed = await undisturbed(_overwrite_stale, *place, elsewhere)
                if is_changed:
                    await undisturbed(os.fdatasync, database.descriptor)


def _read(descriptor: int, page_bytes: int, first: int, pages: int) -> bytes:
    """Return some pages from one on."""
    return os.pread(descriptor, pages * page_bytes, (first - 1) * page_bytes)


def _overwrite_stale(descriptor: int, page_bytes: int, first: int, elsewhere: Sequence[int]) -> bool:
    """Overwrite with zeros what belongs to nothing in the pages of a slice, and others; return whether there was anything."""
    is_changed = False
    for begin, pages in ((first, PAGES_AT_ONCE), *((number, 1) for number in elsewhere)):
        held = _read(descriptor, page_bytes, begin, pages)
        for at in range(0, len(held), page_bytes):
            place = (begin - 1) * page_bytes + at
            for stale, end in stale_spans(held[at : at + page_bytes], place // page_bytes + 1):
                os.pwrite(descriptor, bytes(end - stale), place + stale)
                is_changed = True
    return is_changed
