"""The list of every release that contained a subject: who got what of it, when, how finely, and on what that rested.

Releases are found by their labels, and read from the openings as far as these are still kept. No opening holds a value: what was
told is what the recipient has.
"""

from __future__ import annotations

import msgspec

from consent.messages import LevelTold, RecordTold, ReleaseTold
from gateway.audit.log.earlier_payloads import decode_release, decode_void
from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import Contribution, ReleaseRecord
from gateway.control.context import Control
from gateway.core.changes.subjects import label_keys

NO_LONGER_KEPT = "no longer kept"


async def releases_of(control: Control, subject: bytes) -> list[ReleaseTold]:
    """Return, oldest first, every release with data of a known subject in it."""
    store = control.store
    indices = await store.reader.releases_labelled(label_keys(control.state.registry.subjects[subject]))
    voided_by = await _voided_by(control, indices)
    releases = []
    for index in indices:
        entry, opening = Entry.decode(await store.reader.entry(index)), await store.reader.opening(index)
        release = ReleaseTold(log_index=index, time_ms=entry.time_ms, taken_back=voided_by.get(index), opening=NO_LONGER_KEPT)
        releases.append(release if opening is None else _with_opening(release, Opening.decode(opening), subject))
    return releases


async def _voided_by(control: Control, indices: list[int]) -> dict[int, int]:
    """Return which releases were voided before their first byte was sent: release → void entry."""
    if not indices:
        return {}
    voids = [Opening.decode(opening) for opening in await control.store.reader.voids(indices[0])]
    return {decode_void(void.first).release: void.index for void in voids if void.first is not None}


def _with_opening(release: ReleaseTold, opening: Opening, subject: bytes) -> ReleaseTold:
    """Return a release with what its opening holds of a subject."""
    assert opening.first is not None  # an erasure takes contributions, never the part of the bundle
    payload = decode_release(opening.first)
    own = [Contribution.decode(part.data) for part in opening.parts[1:] if isinstance(part, Part) and subject in part.data]
    records = [_record(payload.records[one.record], one) for one in own if one.subject == subject]
    return msgspec.structs.replace(release, opening="kept", recipient=payload.recipient, records=records)


def _record(record: ReleaseRecord, own: Contribution) -> RecordTold:
    time, space, precision = record.level
    return RecordTold(
        record=own.record,
        flow=record.flow,
        property=record.property,
        statistic=record.statistic,
        identity=record.identity,
        level=LevelTold(time=time, space=space, precision=precision),
        cell=record.cell,
        window_ms=list(record.window),
        n=own.n,
        n_of_all=record.n,
        disclosure=own.disclosure,
        policy_entry=own.policy,
        consent_entries=list(own.consents),
        profile=own.profile,
        zone=own.zone,
    )
