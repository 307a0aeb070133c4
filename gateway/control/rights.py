"""Control methods of a subject's rights: to see all that is held about it, to see who got what of it, and to have it erased.

They read the database, so what other requests left to commit is committed first. An erasure commits by itself: it is answered
when nothing of the subject is left on the disk, neither in the database file, its free space and its write-ahead log, nor among
the exported openings.
"""

from __future__ import annotations

from gateway.control.export import export_of
from gateway.control.params import Params, no_more, take_subject
from gateway.control.releases import releases_of
from gateway.core.changes import erasure
from gateway.durable.holdings import holdings_of
from gateway.durable.state import Answer, Durable


async def consent_export(durable: Durable, params: Params) -> Answer:
    """Give out everything that is held about a subject."""
    subject = await _subject(durable, params)
    return await export_of(durable, subject)


async def consent_releases(durable: Durable, params: Params) -> Answer:
    """List every release that contained a subject."""
    subject = await _subject(durable, params)
    return {"subject": subject.hex(), "releases": await releases_of(durable, subject)}


async def consent_erase(durable: Durable, params: Params) -> Answer:
    """Erase a subject."""
    subject = await _subject(durable, params)
    erased = erasure.erase(durable.state, subject, await holdings_of(durable, subject), durable.clock.now_ms())
    durable.checkpoint()
    await durable.commit()
    return {
        "log_index": erased.index,
        "parts_deleted": erased.parts_deleted,
        "handed_over": erased.handed_over,
        "scrubbed": await durable.erased(),
    }


async def _subject(durable: Durable, params: Params) -> bytes:
    """Read whose right it is, and commit what earlier requests have changed, so that the database holds all of it."""
    subject = take_subject(durable, params)
    no_more(params)
    if durable.must_commit():
        await durable.commit()
    return subject
