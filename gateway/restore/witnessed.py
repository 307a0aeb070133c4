"""The published log shown to the witnesses before a restore continues it: nobody may have cosigned more than it holds.

A gateway that dies after a witness has cosigned a checkpoint and before it has published it leaves the entries in the folder,
and the checkpoint with the witness. That checkpoint bears our own signature, so a restore goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.log.checkpoint import SignedHead
from gateway.audit.log.consistency_proofs import ConsistencyProofs
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import FileError
from gateway.edge.witnesses.quorum import NEW_LOG, TWO_HISTORIES, Witnesses, furthest
from gateway.errors import CorruptionError
from gateway.restore.published_log import PublishedLog


@dataclass(frozen=True, slots=True)
class WitnessedLog:
    """The published log as far as witnesses have cosigned it.

    Attributes:
        published: The log to continue.
        silent: Names of the witnesses that have not said how much of it they have cosigned.
    """

    published: PublishedLog
    silent: tuple[str, ...] = ()


async def as_witnessed(published: PublishedLog, witnesses: Witnesses | None, keys: Sequence[Verifier]) -> WitnessedLog:
    """Show the published checkpoint to the witnesses; where one has cosigned more, return the log up to there.

    Raises: CorruptionError: the published log is not all that a witness has cosigned, or another history.
    """
    if witnesses is None:
        return WitnessedLog(published)
    try:
        proofs = ConsistencyProofs(published.reader, published.size)
        found = await witnesses.cosign(published.head.note, proofs, await_all=True)
    except FileError as error:
        raise CorruptionError(f"`{published.name}`: {error}") from error
    if not found.objections:
        return WitnessedLog(published, found.silent)
    objection = furthest(found.objections)
    if objection.size is None:
        raise CorruptionError(f"{objection}: {TWO_HISTORIES}")
    note = await witnesses.latest(objection.witness, published.head.checkpoint.origin)
    try:
        head = None if note is None else SignedHead.open(note, keys)
    except ValueError:
        head = None
    further = None if head is None or head.checkpoint.size < objection.size else published.up_to(head)
    if further is None:
        raise CorruptionError(
            f"{objection}, and `{published.name}` has `{published.size}`: name a copy of the published log that has more with "
            f"`--log`; where there is none, {NEW_LOG}"
        )
    return WitnessedLog(further, found.silent)
