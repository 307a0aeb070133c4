"""What the database holds of one subject, gathered when the subject asks to see it or to have it erased.

The subject's releases are found as citizens find them, by their labels: nothing on the disk links a subject to its releases but
the secret that an erasure destroys.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.audit.log.entries import Entry
from gateway.core.changes.erasure import Holdings
from gateway.core.changes.subjects import label_keys
from gateway.durable.state import Durable


async def holdings_of(durable: Durable, subject: bytes) -> Holdings:
    """Gather what is committed of a known subject; nothing may be left to commit, or it would be missed."""
    store, known = durable.store, durable.state.registry.subjects[subject]
    consents = [index for index, _ in await store.reader.consents_of(subject)]
    own = await _openings(durable, [*consents, *known.key_entries, *known.enrolment_entries])
    releases = await _openings(durable, await store.reader.releases_labelled(label_keys(known)))
    return Holdings(
        own=own,
        releases=releases,
        waiting=[row async for row in store.reader.outbox() if subject in row.content],
        kept_since_ms=max([await _kept_since_ms(durable, index) for index in (*own, *releases)], default=0),
    )


async def _openings(durable: Durable, indices: Iterable[int]) -> dict[int, bytes]:
    """Return the openings that are still kept."""
    found = {index: await durable.store.reader.opening(index) for index in indices}
    return {index: opening for index, opening in found.items() if opening is not None}


async def _kept_since_ms(durable: Durable, index: int) -> int:
    """Return from when the retention of an opening counts: from its entry's time, where nothing has superseded it yet."""
    settled_ms = await durable.store.reader.settled_ms(index)
    return Entry.decode(await durable.store.reader.entry(index)).time_ms if settled_ms is None else settled_ms
