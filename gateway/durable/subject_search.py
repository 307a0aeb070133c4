"""The search for one subject's releases and waiting records, beside the loop: nothing on the disk links a subject to them.

A release is found by its label, a waiting record by reading all that wait, so both take the longer the more households there
are. A search therefore goes on while the loop does, and remembers how far it has come; the step of the loop that answers has it
read what has come since, and so the whole is of that one moment. No release changes after its commit, and no row of the outbox
comes to hold records of somebody else; only openings grow shorter, which tells nothing of the subject itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec

from consent.core.disclosure import Identity
from consent.messages import LevelTold, RecordTold
from gateway.audit.log.earlier_payloads import decode_release, decode_void
from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import Contribution, ReleasedDraw, ReleaseRecord
from gateway.core.release.records import Waiting, read_row
from gateway.edge.store.reading import StoreReader

_LABELS: Final = 1000
"""So many releases are listed at a time."""
_ROWS: Final = 20
"""So many rows of the outbox are read at a time: some milliseconds of unsealing."""


@dataclass(frozen=True, slots=True)
class ReleaseFound:
    """A release that holds something of the subject.

    Attributes:
        index: Its log index.
        recipient: Empty where its opening is no longer kept.
        records: What of it is the subject's.
    """

    index: int
    time_ms: int
    recipient: str = ""
    records: tuple[RecordTold, ...] = ()


class _Records:
    """Makes what is told of records; a household is in thousands, which share what they are told by, and it is held once."""

    def __init__(self, subject: bytes) -> None:
        self._subject = subject
        self._known: dict[Any, Any] = {}

    def found(self, index: int, time_ms: int, encoded: bytes | None) -> ReleaseFound:
        """Return what of a release is the subject's, by its opening; None: that is no longer kept."""
        if encoded is None:
            return ReleaseFound(index, time_ms)
        opening = Opening.decode(encoded)
        assert opening.first is not None  # an erasure takes contributions, never the part of the bundle
        payload = decode_release(opening.first)
        told: list[ReleaseRecord | ReleasedDraw] = [*payload.records, *payload.draws]
        data = [part.data for part in opening.parts[1:] if isinstance(part, Part) and self._subject in part.data]
        own = [part for part in map(Contribution.decode, data) if part.subject == self._subject]
        return ReleaseFound(
            index, time_ms, self._once(payload.recipient), tuple([self._told(told[part.record], part) for part in own])
        )

    def _told(self, record: ReleaseRecord | ReleasedDraw, own: Contribution) -> RecordTold:
        """Return a record, or the records of one draw together, with what the subject had in it."""
        once = self._known.setdefault
        if isinstance(record, ReleasedDraw):
            identity, span = Identity.AGGREGATE.label, record.span
        else:
            identity, span = record.identity, record.window
        time, space, precision = record.level
        return RecordTold(
            record=own.record,
            flow=self._once(record.flow),
            property=self._once(record.property),
            statistic=self._once(record.statistic),
            identity=self._once(identity),
            level=once(record.level, LevelTold(time=time, space=space, precision=precision)),
            cell=self._once(record.cell),
            window_ms=list(span),
            n=own.n,
            n_of_all=record.n,
            disclosure=once(msgspec.msgpack.encode(own.disclosure), own.disclosure),
            policy_entry=own.policy,
            consent_entries=once(own.consents, list(own.consents)),
            profile=self._once(own.profile),
            zone=self._once(own.zone),
        )

    def _once(self, text: str) -> str:
        known: str = self._known.setdefault(text, text)
        return known


class SubjectSearch:
    """What has been found of one subject.

    Attributes:
        releases: Oldest first.
        voided_by: Log index of a release → that of the entry that voided it, before anything of it was sent.
    """

    def __init__(self, reader: StoreReader, subject: bytes) -> None:
        """Begin with nothing read."""
        self.releases: list[ReleaseFound] = []
        self.voided_by: dict[int, int] = {}
        self._reader = reader
        self._subject = subject
        self._records = _Records(subject)
        self._until = 0  # log index up to which releases have been looked at
        self._voids_until = 0
        self._looked_at: dict[int, int] = {}  # number of a row of the outbox -> its size then; one that loses records is shorter
        self._waiting: dict[int, list[tuple[str, Waiting]]] = {}

    async def go_on(self, keys: Sequence[bytes]) -> None:
        """Read what is committed and has not been read.

        Args:
            keys: The subject's label keys.
        """
        while indices := await self._reader.label_indices(self._until, _LABELS):
            for index in indices:
                if await self._reader.is_labelled(index, keys):
                    entry, opening = Entry.decode(await self._reader.entry(index)), await self._reader.opening(index)
                    self.releases.append(await asyncio.to_thread(self._records.found, index, entry.time_ms, opening))
                self._until = index + 1
        await self._read_voids()
        await self._look_at_outbox()

    async def _read_voids(self) -> None:
        if self.releases:
            voids = await self._reader.voids(max(self._voids_until, self.releases[0].index))
            for index, release in await asyncio.to_thread(_voided, voids):
                self.voided_by[release], self._voids_until = index, index + 1

    async def _look_at_outbox(self) -> None:
        sizes = await self._reader.outbox_sizes()
        changed = {number for number, size in self._looked_at.items() if sizes.get(number) != size}
        for number in changed:
            del self._looked_at[number]
            self._waiting.pop(number, None)
        fresh = (number for number in sizes if number not in self._looked_at)
        while chunk := list(islice(fresh, _ROWS)):
            for row in await self._reader.outbox_at(chunk):
                if self._subject in row.content:
                    own = [one for one in read_row(row.content) if one.contributor == self._subject]
                    self._waiting[row.number] = [(row.recipient, one) for one in own]
            self._looked_at.update((number, sizes[number]) for number in chunk)

    def waiting(self) -> list[tuple[str, Waiting]]:
        """Return the subject's records that wait in the outbox, by their recipients, those of the oldest rows first."""
        return [one for _, records in sorted(self._waiting.items()) for one in records]


def _voided(encoded: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return (log index of a void, the release that it voids) of some openings."""
    voids = map(Opening.decode, encoded)
    return [(void.index, decode_void(void.first).release) for void in voids if void.first is not None]
