"""`public.entry`: what a release holds, as far as anyone may know, from the first part of its opening.

It reads the database beside the loop, one entry at a time and only what a published checkpoint covers, so that readers of the
record hold up no batch. Whether anything else is still kept of an entry is not told: consents whose openings vanish together
would be one home's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from consent.public_messages import HOMES_STEP, EntryAt, EntryTold, PartTold
from gateway.audit.log.earlier_payloads import AnyReleasePayload, decode_release
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import CITY_OWNED, ReleaseRecord
from gateway.control.context import Caller, Control, MethodError
from gateway.control.public.voids import VoidsRead
from gateway.core.public.rounding import floor_to

_OTHER = EntryTold(known=True)
"""Of an entry that is no release."""
_EXPIRED = EntryTold(known=False)


async def read(control: Control, params: EntryAt) -> EntryTold:
    """Read an entry and what it is about, beside the loop.

    Raises: MethodError: no published checkpoint covers such an entry.
    """
    reader, published = control.store.reader, control.durable.published
    if not 0 <= params.index < published:
        raise MethodError(f"the record has no entry `{params.index}`")
    voids = control.kept(VoidsRead)
    async with voids.reading:
        if Entry.decode(await reader.entry(params.index)).kind is not Kind.RELEASE:
            return _OTHER
        opening = await reader.opening(params.index)
        voided_by = await voids.void_of(params.index, reader, published)
        return _EXPIRED if opening is None else await asyncio.to_thread(_told, opening, voided_by)


def show(control: Control, caller: Caller, params: EntryAt, told: EntryTold) -> EntryTold:
    """Tell what an entry of the record is about, besides what stands in it in clear."""
    return told


def _told(opening: bytes, voided_by: int | None) -> EntryTold:
    first = Opening.decode(opening).first
    if first is None:
        return _EXPIRED
    payload = decode_release(first)
    parts = (*_parts_about_nobody(payload.records), *_draws(payload))
    is_told = bool(parts) or payload.publication is not None  # a publication leaves by the clock, whoever is in it
    return EntryTold(known=True, recipient=payload.recipient if is_told else "", parts=parts, voided_by=voided_by)


def _parts_about_nobody(records: tuple[ReleaseRecord, ...]) -> Iterator[PartTold]:
    """Yield what is said of the records that state that they are about nobody: one part for each kind."""
    kinds: dict[tuple[str, ...], list[ReleaseRecord]] = {}
    for record in records:
        if record.owner == CITY_OWNED:
            kinds.setdefault((record.flow, record.cell, record.property, record.statistic), []).append(record)
    for (flow, cell, name, statistic), alike in sorted(kinds.items()):
        from_ms, until_ms = min(each.window[0] for each in alike), max(each.window[1] for each in alike)
        yield PartTold(
            flow=flow,
            cell=cell,
            observed_property=name,
            statistic=statistic,
            from_ms=from_ms,
            until_ms=until_ms,
            records=len(alike),
        )


def _draws(payload: AnyReleasePayload) -> Iterator[PartTold]:
    """Yield what is said of the figures about homes: one part for each draw that gave any."""
    for draw in payload.draws:
        if draw.records:
            yield PartTold(
                flow=draw.flow,
                cell=draw.cell,
                observed_property=draw.property,
                statistic=draw.statistic,
                from_ms=draw.span[0],
                until_ms=draw.span[1],
                records=draw.records,
                homes=floor_to(draw.told, HOMES_STEP),
            )
