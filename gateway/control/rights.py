"""Control methods of a subject's rights: to see all that is held about it, to see who got what of it, and to have it erased.

They read the database, so what other requests left to commit is committed first. An erasure commits by itself, and destroys
parts, secret and keys. A journal segment then begins, and the file is scrubbed, beside the loop (``scrubbed``); it is answered
when nothing of the subject is left on the disk, neither in the database file, its free space and its write-ahead log, nor
among the exported openings.
"""

from __future__ import annotations

import msgspec

from consent.messages import ReleasesTold, SubjectErased, SubjectExport, SubjectOf
from gateway.control.context import Caller, Control
from gateway.control.export import export_of, releases_of
from gateway.core.changes import erasure
from gateway.durable.holdings import holdings_of


async def export(control: Control, caller: Caller, params: SubjectOf) -> SubjectExport:
    """Give out everything that is held about a subject."""
    await control.commit()
    return await export_of(control, bytes(params.subject), caller.resident)


async def releases(control: Control, caller: Caller, params: SubjectOf) -> ReleasesTold:
    """List every release that contained a subject."""
    await control.commit()
    return ReleasesTold(subject=params.subject, releases=await releases_of(control, bytes(params.subject)))


async def erase(control: Control, caller: Caller, params: SubjectOf) -> SubjectErased:
    """Erase a subject."""
    await control.commit()
    durable, subject = control.durable, bytes(params.subject)
    erased = erasure.erase(durable.state, subject, await holdings_of(durable, subject), durable.clock.now_ms())
    durable.checkpoint()
    await durable.commit()
    return SubjectErased(
        log_index=erased.index, parts_deleted=erased.parts_deleted, handed_over=erased.handed_over, scrubbed=False
    )


async def scrubbed(control: Control, answer: SubjectErased) -> SubjectErased:
    """Remove from the disk, beside the loop, what an erasure has deleted; then it can be answered."""
    return msgspec.structs.replace(answer, scrubbed=await control.durable.erased(in_turns=control.running is not None))
