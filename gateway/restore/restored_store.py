"""A backup's database during a restore: extended with the later entries of the published log, before any gateway runs on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.log.earlier_payloads import decode_erasure
from gateway.audit.log.entries import Kind
from gateway.audit.log.handover import Handover
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import ErasurePayload
from gateway.core.effects import PackedOpening
from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.store.statements import PUT_PART, SCRUB_DUE, SETTLED_AT_ONCE, sealed_opening
from gateway.edge.store.store import SUB_EPOCH, Store


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """An entry that the log has and the backup lacks, with its opening and, for a release, its labels, where available."""

    index: int
    kind: str
    time_ms: int
    content: bytes
    opening: bytes | None
    labels: bytes | None


class RestoredStore(Store):
    """The database that a backup has become."""

    def __init__(self, folder: Path, keys: GatewayKeys) -> None:
        """Name the state folder and its keys; ``open`` does the work."""
        super().__init__(folder, keys)
        self._keys = keys

    async def carry_on(self, rows: Sequence[PublishedRow]) -> None:
        """Append entries that were published after the backup was made."""
        openings, parts = list[Sequence[object]](), list[tuple[int, bytes]]()
        for row in rows:
            if row.opening is not None:
                sealed, more = sealed_opening(self._keys.sealer, row.index, PackedOpening.of([row.opening]))
                openings.append((row.index, row.kind, _settled_ms(row), sealed))
                parts += more
        async with self._database.transaction():
            await self._database.execute_all("INSERT INTO entry VALUES (?, ?)", [(row.index, row.content) for row in rows])
            await self._database.execute_all("INSERT INTO opening VALUES (?, ?, ?, ?)", openings)
            await self._database.execute_all(PUT_PART, parts)
            labels = [(row.index, row.labels) for row in rows if row.labels is not None]
            await self._database.execute_all("INSERT INTO labels VALUES (?, ?)", labels)

    async def keep_head(self, size: int, note: bytes) -> None:
        """Store the checkpoint of the published log as the last one that was signed: witnesses are shown it at the next start."""
        async with self._database.transaction():
            await self._database.execute("INSERT OR REPLACE INTO head VALUES (?, ?)", (size, note))
            await self._database.execute("DELETE FROM head WHERE size < ?", (size,))
            await self._database.execute("DELETE FROM compared")  # with another copy of the log

    async def keep_handovers(self, handovers: Sequence[Handover]) -> None:
        """Store the handovers of the log's key, also those that were published after the backup was made."""
        rows = [(one.index, one.note) for one in handovers]
        async with self._database.transaction():
            await self._database.execute_all("INSERT OR REPLACE INTO handover VALUES (?, ?)", rows)

    async def drop_under_way(self, sub_epoch: int) -> None:
        """Delete bundles and records that waited when the backup was made, and count sub-epochs from at least ``sub_epoch``.

        It is unknown what was released since, so none of it may leave a second time. Pseudonyms of different
        processes must not share a domain, and it is also unknown how often the database was opened since.
        """
        async with self._database.transaction():
            await self._database.execute("DELETE FROM bundle")
            await self._database.execute("DELETE FROM outbox")
            await self._database.execute("UPDATE meta SET value = max(value, ?) WHERE name = ?", (sub_epoch, SUB_EPOCH))
            await self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, 1)", (SCRUB_DUE,))


def _settled_ms(row: PublishedRow) -> int | None:
    """Return from when the retention of a row's opening counts; an erasure's list, and what it has emptied, expire as well."""
    return row.time_ms if row.kind in SETTLED_AT_ONCE or _expires_with_an_erasure(row) else None


def _expires_with_an_erasure(row: PublishedRow) -> bool:
    if row.opening is None:
        return False
    content = Opening.decode(row.opening).first
    if row.kind != Kind.ERASURE.word:
        return content is None
    return content is not None and isinstance(decode_erasure(content), ErasurePayload)
