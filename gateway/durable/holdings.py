"""What the database holds of one subject, gathered when the subject asks to see it or to have it erased.

The subject's releases are found as citizens find them, by their labels: nothing on the disk links a subject to its releases but
the secret that an erasure destroys.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.core.changes.erasure import Holdings
from gateway.core.changes.subjects import label_keys
from gateway.durable.state import Durable


async def holdings_of(durable: Durable, subject: bytes) -> Holdings:
    """Gather what is committed of a known subject; nothing may be left to commit, or it would be missed."""
    store, known = durable.store, durable.state.registry.subjects[subject]
    consents = [index for index, _ in await store.reader.consents_of(subject)]
    releases = await store.reader.releases_labelled(label_keys(known))
    return Holdings(
        own=await _openings(durable, [*consents, *known.key_entries]),
        releases=await _openings(durable, releases),
        waiting=[row async for row in store.reader.outbox() if subject in row.content],
    )


async def _openings(durable: Durable, indices: Iterable[int]) -> dict[int, bytes]:
    """Return the openings that are still kept."""
    found = {index: await durable.store.reader.opening(index) for index in indices}
    return {index: opening for index, opening in found.items() if opening is not None}
