"""The list of every release that contained a subject: who got what of it, when, how finely, and on what that rested.

Releases are found by their labels, and read from the openings as far as these are still kept. No opening holds a value: what was
told is what the recipient has.
"""

from __future__ import annotations

from typing import Any

from gateway.audit.log.entries import Entry
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import Contribution, ReleasePayload, ReleaseRecord, VoidPayload
from gateway.core.changes.subjects import label_keys
from gateway.durable.state import Durable

NO_LONGER_KEPT = "no longer kept"


async def releases_of(durable: Durable, subject: bytes) -> list[dict[str, Any]]:
    """Return, oldest first, every release with data of a known subject in it."""
    store = durable.store
    indices = await store.reader.releases_labelled(label_keys(durable.state.registry.subjects[subject]))
    taken_back = await _taken_back(durable, indices)
    releases = []
    for index in indices:
        entry = Entry.decode(await store.reader.entry(index))
        opening = await store.reader.opening(index)
        held: dict[str, Any] = {"opening": NO_LONGER_KEPT} if opening is None else _held(Opening.decode(opening), subject)
        head = {"log_index": index, "time_ms": entry.time_ms, "taken_back": taken_back.get(index)}
        releases.append({**head, **held})
    return releases


async def _taken_back(durable: Durable, indices: list[int]) -> dict[int, int]:
    """Return which releases were taken back before their first byte was sent: release → void entry."""
    if not indices:
        return {}
    voids = [Opening.decode(opening) for opening in await durable.store.reader.voids(indices[0])]
    return {VoidPayload.decode(part.data).release: void.index for void in voids if isinstance(part := void.parts[0], Part)}


def _held(opening: Opening, subject: bytes) -> dict[str, Any]:
    """Return what an opening says of a subject."""
    first, *others = opening.parts
    assert isinstance(first, Part)  # an erasure takes contributions, never the part of the bundle
    release = ReleasePayload.decode(first.data)
    own = [Contribution.decode(part.data) for part in others if isinstance(part, Part) and subject in part.data]
    return {
        "opening": "kept",
        "recipient": release.recipient,
        "records": [_record(release.records[one.record], one) for one in own if one.subject == subject],
    }


def _record(record: ReleaseRecord, own: Contribution) -> dict[str, Any]:
    time, space, precision = record.level
    return {
        "record": own.record,
        "flow": record.flow,
        "property": record.property,
        "statistic": record.statistic,
        "identity": record.identity,
        "level": {"time": time, "space": space, "precision": precision},
        "cell": record.cell,
        "window_ms": list(record.window),
        "n": own.n,
        "n_of_all": record.n,
        "disclosure": own.disclosure,
        "policy_entry": own.policy,
        "consent_entries": list(own.consents),
        "profile": own.profile,
        "zone": own.zone,
    }
