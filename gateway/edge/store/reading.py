"""The reader of ``gateway.edge.store.store``: what the database holds, read row by row and unsealed.

Whatever may be numerous is read in pages, so that memory stays small.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from gateway.audit.log.openings import label
from gateway.core.effects import OutboxRow, PackedOpening, PublicRow
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store.database import Database
from gateway.edge.store.segment_keys import SegmentKeys, row_key
from gateway.edge.store.statements import NO_BATCH, OPENING_BYTES, WHOLE_SEGMENT, parts_of
from gateway.errors import CorruptionError

_WHOLE_OPENING: Final = (
    "SELECT NULL AS number, sealed FROM opening WHERE entry_index = ?"
    " UNION ALL SELECT number, sealed FROM opening_part WHERE number >= ? AND number < ? ORDER BY number"
)
"""One statement, so that an erasure that shortens an opening comes before all of it or after."""


class StoredBatch(NamedTuple):
    """A commit as far as the journal has it.

    Attributes:
        marks: Of its frames.
        journal: Its records.
        parts: Of the segment's snapshot, that it has stored.
        is_of_later: Whether it is of a segment that has begun and whose snapshot is not whole.
    """

    marks: bytes
    journal: bytes
    parts: Sequence[bytes]
    is_of_later: bool


class StoreReader:
    """The rows of an open database."""

    def __init__(self, database: Database, keys: GatewayKeys, segments: SegmentKeys) -> None:
        """Take the database, and the keys by which rows are sealed and found."""
        self._keys = keys
        self._segments = segments
        self._rows = database.rows
        self._pages, self._each = database.pages, database.each

    def _open(self, table: str, row_id: bytes, sealed: bytes) -> bytes:
        return self._keys.sealer.open(table, row_id, sealed)

    async def _opening(self, index: int) -> PackedOpening | None:
        """Return the opening at a log index with all its parts, read at one moment; None where it is no longer kept."""
        rows = await self._rows(_WHOLE_OPENING, (index, *parts_of(index)))
        pieces = [
            self._open("opening" if number is None else "opening_part", row_key(index if number is None else number), sealed)
            for number, sealed in rows
        ]
        return PackedOpening(b"".join(pieces)) if pieces else None

    async def _opening_from(self, index: int, sealed: bytes) -> PackedOpening | None:
        """Return the same of an opening whose first row was read: only where that is full are there others."""
        content = self._open("opening", row_key(index), sealed)
        return PackedOpening(content) if len(content) != OPENING_BYTES else await self._opening(index)

    async def _opened(self, table: str) -> AsyncIterator[list[bytes]]:
        open_ = self._keys.sealer.open
        sql = f"SELECT rowid, id, sealed FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1000"  # noqa: S608  names of our own
        async for rows in self._pages(sql):
            yield [open_(table, row_id, sealed) for _, row_id, sealed in rows]

    def subjects(self) -> AsyncIterator[list[bytes]]:
        """Yield the subjects, so many at a time."""
        return self._opened("subject")

    def claims(self) -> AsyncIterator[list[bytes]]:
        """Yield the claim codes that can still be used, so many at a time."""
        return self._opened("claim")

    def devices(self) -> AsyncIterator[list[bytes]]:
        """Yield the devices, so many at a time."""
        return self._opened("device")

    async def consents(self) -> AsyncIterator[list[tuple[int, bytes]]]:
        """Yield the consents in order, so many at a time: (log index, encoded consent)."""
        open_ = self._keys.sealer.open
        sql = "SELECT entry_index, sealed FROM consent WHERE entry_index > ? ORDER BY entry_index LIMIT 1000"
        async for rows in self._pages(sql):
            yield [(index, open_("consent", row_key(index), sealed)) for index, sealed in rows]

    async def consents_of(self, subject: bytes) -> list[tuple[int, bytes]]:
        """Return every record of consent of a subject, in order: (log index, encoded consent)."""
        sql = "SELECT entry_index, sealed FROM consent WHERE subject = ? ORDER BY entry_index"
        rows = await self._rows(sql, (self._keys.lookup_hash(subject),))
        return [(index, self._open("consent", row_key(index), sealed)) for index, sealed in rows]

    async def batches(self) -> AsyncIterator[StoredBatch]:
        """Yield in order the commits since the beginning of the last journal segment whose snapshot is whole."""
        ((whole,),) = await self._rows(WHOLE_SEGMENT)
        find_parts = "SELECT number, sealed FROM segment_part WHERE segment = ? AND batch = ? ORDER BY number"
        has_parts = bool(await self._rows("SELECT 1 FROM segment_part WHERE segment = ? AND batch <> ?", (whole, NO_BATCH)))
        sql = f"SELECT number, number, segment, marks, sealed FROM batch WHERE number > ? AND segment >= ({WHOLE_SEGMENT})"  # noqa: S608  our own
        async for number, segment, marks, journal in self._each(f"{sql} ORDER BY number LIMIT 20"):
            sealer = self._segments.sealers[segment]
            parts = await self._rows(find_parts, (segment, number)) if has_parts and segment == whole else []
            yield StoredBatch(
                sealer.open("marks", row_key(number), marks) if marks else b"",
                sealer.open("batch", row_key(number), journal) if journal else b"",
                [sealer.open("part", row_key(part), sealed) for part, sealed in parts],
                is_of_later=segment > whole,
            )

    async def entries(self, since: int = 0) -> AsyncIterator[bytes]:
        """Yield the log's entries in order, from a log index on.

        Raises: CorruptionError: one is missing.
        """
        expected = since
        sql = "SELECT entry_index, entry_index, content FROM entry WHERE entry_index > ? ORDER BY entry_index LIMIT 1000"
        async for index, content in self._each(sql, since - 1):
            if index != expected:
                raise CorruptionError(f"log entry `{expected}` is missing from the database")
            expected += 1
            yield content

    async def oldest_outbox_row(self, recipient: str) -> int | None:
        """Return the number of a recipient's oldest waiting row; None where none waits."""
        ((number,),) = await self._rows("SELECT min(number) FROM outbox WHERE recipient = ?", (recipient,))
        return None if number is None else int(number)

    async def outbox_rows(self, recipient: str, most_bytes: int, *, newest: bool = False) -> list[tuple[int, bytes]]:
        """Return a recipient's oldest waiting rows, (number, content), in order: as many as fit in ``most_bytes``, or one.

        Args:
            newest: The newest instead, the last one first.
        """
        order = "number DESC" if newest else "number"
        rows = await self._rows(
            f"SELECT number, sealing_key, sealed FROM (SELECT *, sum(length(sealed)) OVER (ORDER BY {order}) AS upto FROM"  # noqa: S608  one of two texts
            f" (SELECT * FROM outbox WHERE recipient = ? ORDER BY {order} LIMIT 2000))"
            f" WHERE upto - length(sealed) < ? ORDER BY {order}",
            (recipient, most_bytes),
        )
        return [(number, self._segments.opened(number, key, sealed)) for number, key, sealed in rows]

    async def labels(self, since: int) -> list[tuple[int, bytes]]:
        """Return the labels files of releases from a log index on."""
        return await self._rows("SELECT entry_index, content FROM labels WHERE entry_index >= ? ORDER BY entry_index", (since,))

    async def label_indices(self, since: int = 0, most: int = -1) -> list[int]:
        """Return the log indices of the releases from a log index on, the first ``most`` or all; all have a labels file."""
        sql = "SELECT entry_index FROM labels WHERE entry_index >= ? ORDER BY entry_index LIMIT ?"
        rows = await self._rows(sql, (since, most))
        return [index for (index,) in rows]

    async def each_labels(self) -> AsyncIterator[tuple[int, bytes]]:
        """Yield every labels file in order: (log index of the release, content)."""
        sql = "SELECT entry_index, entry_index, content FROM labels WHERE entry_index > ? ORDER BY entry_index LIMIT 100"
        async for index, content in self._each(sql):
            yield index, content

    async def labels_of(self, index: int) -> bytes:
        """Return the labels file of the release at a log index."""
        content: bytes = (await self._rows("SELECT content FROM labels WHERE entry_index = ?", (index,)))[0][0]
        return content

    async def policies(self, since: int) -> list[bytes]:
        """Return the encoded rows of the policies put in force from a log index on."""
        return [content for (content,) in await self._rows("SELECT content FROM policy WHERE entry_index >= ?", (since,))]

    async def policy_at(self, index: int) -> bytes | None:
        """Return the encoded row of the policies that were in force at a log index."""
        rows = await self._rows("SELECT content FROM policy WHERE entry_index <= ? ORDER BY entry_index DESC LIMIT 1", (index,))
        return rows[0][0] if rows else None

    async def policy_before(self, index: int) -> tuple[int, bytes] | None:
        """Return log index and encoded row of the last policies that came into force before an entry."""
        sql = "SELECT entry_index, content FROM policy WHERE entry_index < ? ORDER BY entry_index DESC LIMIT 1"
        rows = await self._rows(sql, (index,))
        return rows[0] if rows else None

    async def handovers(self) -> list[bytes]:
        """Return the handovers of the log's key, oldest first."""
        return [note for (note,) in await self._rows("SELECT note FROM handover ORDER BY entry_index")]

    async def openings(self, since: int) -> list[tuple[int, PackedOpening]]:
        """Return the openings of entries from a log index on."""
        rows = await self._rows("SELECT entry_index, sealed FROM opening WHERE entry_index >= ? ORDER BY entry_index", (since,))
        found = [(index, await self._opening_from(index, sealed)) for index, sealed in rows]
        return [(index, opening) for index, opening in found if opening is not None]

    async def outbox(self) -> AsyncIterator[OutboxRow]:
        """Yield all waiting rows, oldest first."""
        sql = "SELECT number, number, recipient, sealing_key, sealed FROM outbox WHERE number > ? ORDER BY number LIMIT 100"
        async for number, recipient, segment, sealed in self._each(sql):
            yield OutboxRow(number, recipient, self._segments.opened(number, segment, sealed))

    async def outbox_sizes(self) -> dict[int, int]:
        """Return the sizes of all waiting rows, by their numbers and in order."""
        return dict(await self._rows("SELECT number, length(sealed) FROM outbox ORDER BY number"))

    async def outbox_at(self, numbers: Sequence[int]) -> list[OutboxRow]:
        """Return those waiting rows of some numbers that there are, in order."""
        wanted = ", ".join("?" * len(numbers))
        sql = f"SELECT number, recipient, sealing_key, sealed FROM outbox WHERE number IN ({wanted}) ORDER BY number"  # noqa: S608  marks
        rows = await self._rows(sql, tuple(numbers))
        return [
            OutboxRow(number, recipient, self._segments.opened(number, key, sealed)) for number, recipient, key, sealed in rows
        ]

    async def entry(self, index: int) -> bytes:
        """Return the log entry at an index."""
        content: bytes = (await self._rows("SELECT content FROM entry WHERE entry_index = ?", (index,)))[0][0]
        return content

    async def opening(self, index: int) -> bytes | None:
        """Return the opening of the entry at a log index, None where it is no longer kept."""
        opening = await self._opening(index)
        return None if opening is None else opening.whole()

    async def settled_ms(self, index: int) -> int | None:
        """Return from when the retention of the opening at a log index counts, None where it does not count yet."""
        rows = await self._rows("SELECT settled_ms FROM opening WHERE entry_index = ?", (index,))
        return rows[0][0] if rows else None

    async def voids(self, since: int) -> list[bytes]:
        """Return the openings of `void` entries from a log index on."""
        sql = "SELECT entry_index, sealed FROM opening WHERE kind = 'void' AND entry_index >= ? ORDER BY entry_index"
        return [self._open("opening", row_key(index), sealed) for index, sealed in await self._rows(sql, (since,))]

    async def each_opening(self) -> AsyncIterator[tuple[int, bytes]]:
        """Yield every opening: (log index, opening)."""
        sql = "SELECT entry_index, entry_index, sealed FROM opening WHERE entry_index > ? ORDER BY entry_index LIMIT 20"
        async for index, sealed in self._each(sql):
            opening = await self._opening_from(index, sealed)
            if opening is not None:  # it may have expired meanwhile
                yield index, opening.whole()

    async def public_tallies(self) -> list[PublicRow]:
        """Return what the public's numbers are made of, and how it is shown."""
        rows = await self._rows("SELECT is_day, number, content, shown FROM public_tally ORDER BY is_day, number")
        return [PublicRow(bool(is_day), number, content, shown) for is_day, number, content, shown in rows]

    async def is_labelled(self, index: int, keys: Sequence[bytes]) -> bool:
        """Return whether the release at a log index carries a label of one of a subject's keys.

        The database's own thread looks: with many households a file of labels takes megabytes.
        """
        wanted = " OR ".join(["instr(content, ?)"] * len(keys))
        labels = [label(key, index) for key in keys]
        sql = f"SELECT 1 FROM labels WHERE entry_index = ? AND ({wanted})"  # noqa: S608  a count of our own
        return bool(await self._rows(sql, (index, *labels)))

    async def releases_labelled(self, keys: Sequence[bytes]) -> list[int]:
        """Return the log indices of the releases that carry a label of one of a subject's keys."""
        return [index for index in await self.label_indices() if await self.is_labelled(index, keys)]
