"""Control methods of a subject's rights: to see all that is held about it, to see who got what of it, and to have it erased.

They read the database, so what other requests left to commit is committed first. What takes long to find there is searched for
beside the loop, and an answer is of the moment at which the loop gives it. An erasure commits by itself, and destroys
parts, secret and keys. A journal segment then begins, and the file is scrubbed, beside the loop (``scrubbed``); it is answered
when nothing of the subject is left on the disk, neither in the database file, its free space and its write-ahead log, nor
among the exported openings.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from consent.messages import ReleasesTold, SubjectErased, SubjectExport, SubjectOf
from gateway.control.context import Caller, Control
from gateway.control.export import export_of, releases_of
from gateway.core.changes import erasure
from gateway.core.changes.subjects import label_keys
from gateway.durable.holdings import holdings_of
from gateway.durable.subject_search import SubjectSearch

_PASSES: Final = 2
"""So often a subject is searched for beside the loop: what has come during the first time is found in a second, short one."""


class SearchTurn:
    """Held by whoever searches the database for a subject: the others wait their turn, and commits do not."""

    def __init__(self) -> None:
        """Begin with nobody searching."""
        self.lock = asyncio.Lock()


async def search(control: Control, params: SubjectOf) -> SubjectSearch:
    """Search the database for what is a subject's, while the loop goes on."""
    found = SubjectSearch(control.store.reader, bytes(params.subject))
    async with control.kept(SearchTurn).lock:
        for _ in range(_PASSES):
            if (subject := control.state.registry.subjects.get(params.subject)) is not None:
                await found.go_on(label_keys(subject))
    return found


async def export(control: Control, caller: Caller, params: SubjectOf, found: SubjectSearch) -> SubjectExport:
    """Give out everything that is held about a subject at the moment of the answer."""
    await control.commit()
    return await export_of(control, bytes(params.subject), found, caller.resident)


async def releases(control: Control, caller: Caller, params: SubjectOf, found: SubjectSearch) -> ReleasesTold:
    """List every release that contained a subject, up to the moment of the answer."""
    await control.commit()
    return ReleasesTold(subject=params.subject, releases=await releases_of(control, bytes(params.subject), found))


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
