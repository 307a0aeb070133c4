"""The log's side of witnessing: submits each new checkpoint to the witnesses of a policy and collects their cosignatures.

    note ─► every witness at once, each with a proof from the size that it last cosigned ─► note with cosignature lines

A witness that is slow, silent or answers incorrectly costs at most the bound; the note then goes on without it. A witness that
knows more of the log than the log itself is the one failure that waiting cannot cure: an old state was restored. While
the gateway runs that raises an alarm; at start (`confirm`) it stops the process before anything new is signed.

Source: C2SP tlog-witness, tlog-policy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.cosignature import with_signatures
from gateway.audit.log.notes import Signature, split_note
from gateway.audit.log.witness_policy import LONGEST_POLICY_BYTES, Policy, PolicyFormatError, parse_policy
from gateway.edge.http import Endpoint
from gateway.edge.loggers import structlog
from gateway.edge.tls import tls_context
from gateway.edge.witnesses.client import Objection, Proofs, Standing, Timeouts, WitnessClient, jitter
from gateway.errors import CorruptionError, OperatorError
from gateway.files import read_regular, reason_of

ALARM_S: Final = 3600.0
"""The time without a quorum after which an error is logged, and again each time that much has passed."""

NEW_LOG: Final = "begin a new log under another `gateway` id, with new keys"
"""The way on where a log cannot be continued."""
TWO_HISTORIES: Final = f"an old state was restored and signed on, so that the log has two histories; {NEW_LOG}"

_log = structlog.get_logger()
_Tasks = dict[asyncio.Task[Signature | Objection | None], str]


@dataclass(frozen=True, slots=True)
class CosignedNote:
    """A checkpoint's note with the cosignatures that came in time.

    Attributes:
        note: The note, cosignature lines behind the log's own, in the policy's order.
        cosigned: By the policy's name for each witness, the Unix second of its cosignature.
        met: Whether they are a quorum.
        objections: Of witnesses that have seen another history or a longer one.
        silent: Names of those that have not answered in time, or not so that it could be used.
    """

    note: bytes
    cosigned: dict[str, int]
    met: bool
    objections: tuple[Objection, ...]
    silent: tuple[str, ...] = ()


@dataclass(slots=True)
class Witnesses:
    """The witnesses of one log.

    Args:
        policy: Names them; those without a URL are not asked.
        patience: How long to wait.
        ca_file: Certificates to trust instead of the system's.
        clock_s: The monotonic clock.

    Raises:
        OperatorError: when a URL is malformed, or the witnesses with URLs cannot make up the quorum.
    """

    policy: Policy
    patience: Timeouts = field(default_factory=Timeouts)
    ca_file: Path | None = None
    clock_s: Callable[[], float] = time.monotonic
    _clients: list[WitnessClient] = field(init=False)
    _quorum_at_s: float = field(init=False)
    _alarm_at_s: float = field(init=False)

    def __post_init__(self) -> None:
        asked = [(witness, _endpoint(witness.url)) for witness in self.policy.witnesses if witness.url is not None]
        if not asked or not self.policy.is_met_by({witness.name for witness, _ in asked}):
            raise OperatorError("the witnesses that have a url are no quorum of the policy")
        tls = tls_context(self.ca_file) if any(endpoint.tls for _, endpoint in asked) else None
        self._clients = [WitnessClient(witness, endpoint, self.patience, tls, self.clock_s) for witness, endpoint in asked]
        self._quorum_at_s = self.clock_s()
        self._alarm_at_s = self._quorum_at_s + ALARM_S

    @property
    def standings(self) -> list[Standing]:
        """What each witness has done so far, in the policy's order."""
        return [client.standing for client in self._clients]

    def seconds_since_quorum(self) -> float:
        """Return the time since a checkpoint last had a quorum; since the start where none has."""
        return self.clock_s() - self._quorum_at_s

    async def cosign(self, note: bytes, proofs: Proofs, *, await_all: bool = False) -> CosignedNote:
        """Ask all witnesses for their cosignatures, for no longer than the bound.

        Args:
            note: A checkpoint signed by the log, already durable.
            proofs: The log's tree, at least as large as the checkpoint.
            await_all: Wait for every witness until the bound, even if there is a quorum.

        Raises:
            FileError: when a tile of our own cannot be read.
        """
        checkpoint = Checkpoint.parse(split_note(note)[0])
        tasks = {asyncio.create_task(each.ask(note, checkpoint, proofs)): each.witness.name for each in self._clients}
        try:
            await self._wait(tasks, await_all=await_all)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        answers = {name: task.result() for task, name in tasks.items() if not task.cancelled()}
        signatures = {name: answer for name, answer in answers.items() if isinstance(answer, Signature)}
        cosigned = {name: signature.cosigned_s for name, signature in signatures.items()}
        met = self.policy.is_met_by(cosigned)
        self._watch_quorum(met)
        objections = tuple(answer for answer in answers.values() if isinstance(answer, Objection))
        silent = tuple(name for name in tasks.values() if answers.get(name) is None)
        return CosignedNote(with_signatures(note, signatures.values()), cosigned, met, objections, silent)

    async def latest(self, witness: str, origin: str) -> bytes | None:
        """Return the note of the latest checkpoint of a log that a witness shows, unverified; None where it shows none."""
        (client,) = (each for each in self._clients if each.witness.name == witness)
        return await client.latest(origin)

    async def teach(self, handovers: bytes, note: bytes, proofs: Proofs) -> bool:
        """Have every witness that is asked learn a new key of the log; return whether all of them go by it now.

        Args:
            handovers: The handovers that lead to it.
            note: A checkpoint that each may have cosigned already, signed by the new key alone.
            proofs: The log's tree.
        """
        checkpoint = Checkpoint.parse(split_note(note)[0])
        return all(await asyncio.gather(*(each.learn(handovers, note, checkpoint, proofs) for each in self._clients)))

    def without(self, handovers: bytes) -> list[str]:
        """Return the witnesses that are not known to go by the key to which these handovers lead."""
        return [each.witness.name for each in self._clients if not each.has_learnt(handovers)]

    async def confirm(self, note: bytes, proofs: Proofs) -> CosignedNote:
        """Ask until a witness has cosigned the last signed checkpoint, and none of those that answer objects.

        To be called at start, before anything new is signed; waits without limit.

        Raises:
            CorruptionError: when a witness has seen more of this log, or another history of it: an old state was restored.
        """
        size = Checkpoint.parse(split_note(note)[0]).size
        pause_s, waiting = self.patience.pause_s, False
        while True:
            found = await self.cosign(note, proofs, await_all=True)
            if found.objections:
                raise CorruptionError(_advice(found.objections, size))
            if found.cosigned:
                return found
            if not waiting:
                _log.warning("no witness answers: nothing is signed or released until one does")
            waiting = True
            await asyncio.sleep(pause_s * jitter())
            pause_s = min(2 * pause_s, self.patience.longest_pause_s)

    async def _wait(self, tasks: _Tasks, *, await_all: bool) -> None:
        """Wait for all answers, until the bound or, where a quorum is enough, for the grace period after it."""
        now_s = asyncio.get_running_loop().time
        end_s = now_s() + self.patience.bound_s
        pending, cosigned, settled = set(tasks), set[str](), await_all
        while pending and (left_s := end_s - now_s()) > 0:
            done, pending = await asyncio.wait(pending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            cosigned |= {tasks[task] for task in done if isinstance(task.result(), Signature)}
            if not settled and cosigned and self.policy.is_met_by(cosigned):
                settled = True
                end_s = min(end_s, now_s() + self.patience.grace_s)

    def _watch_quorum(self, met: bool) -> None:
        now_s = self.clock_s()
        if met:
            self._quorum_at_s = now_s
            self._alarm_at_s = now_s + ALARM_S
        elif now_s >= self._alarm_at_s:
            self._alarm_at_s = now_s + ALARM_S
            _log.error("no quorum of witnesses for an hour or longer", minutes=int(self.seconds_since_quorum() // 60))


def furthest(objections: Sequence[Objection]) -> Objection:
    """Return the gravest of some objections: another history, or else the largest size."""
    return max(objections, key=lambda each: (each.size is None, each.size or 0))


def _advice(objections: Sequence[Objection], size: int) -> str:
    """Return what is wrong at start, and what leads on from there."""
    objection = furthest(objections)
    if objection.size is None:
        return f"{objection}: {TWO_HISTORIES}"
    return (
        f"{objection}, and the last of our own had `{size}`: an old state was restored; what leads on is "
        f"`sluice restore FILE --replace --log COPY` with a copy of the published log that has `{objection.size}` or more"
    )


def load_policy(file: Path) -> Policy:
    """Read a policy file.

    Raises:
        OperatorError: when it cannot be read or is malformed; the message names file and line.
    """
    try:
        return parse_policy(read_regular(file, LONGEST_POLICY_BYTES), str(file))
    except OSError as error:
        raise OperatorError(f"`{file}`: {reason_of(error)}") from error
    except PolicyFormatError as error:
        raise OperatorError(str(error)) from error


def _endpoint(url: str) -> Endpoint:
    try:
        return Endpoint.parse(url)
    except ValueError as error:
        raise OperatorError(f"a witness's url: {error}") from error
