"""The client of one witness: asks it to cosign checkpoints, and counts the outcomes.

Each request carries a consistency proof from the size that the witness last cosigned. If it answers that it is at another
size, the request is sent again from there. Its final answer is a cosignature, or that it has seen more of this log, or another
log of this name, than it is being shown.

Source: C2SP tlog-witness, `add-checkpoint`.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.cosignature import cosignatures_in
from gateway.audit.log.notes import NoteError, Signature, split_note
from gateway.audit.log.submission import Submission, origin_hash
from gateway.audit.log.witness_policy import Witness
from gateway.edge.http import Endpoint, HttpError, Reply, get, post
from gateway.edge.loggers import structlog

_ADD_CHECKPOINT = "/add-checkpoint"
_ADD_LOG_KEYS = "/add-log-keys"
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")
_RESENDS = 3
_PASSING = (408, 429)

_log = structlog.get_logger()


class Proofs(Protocol):
    """The tree of a log, such as `audit.log.consistency_proofs.GrowthProofs`; it may read files, and is called in a thread."""

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """Return the proof that the log has only grown from one size to the other."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for witnesses, in seconds.

    Attributes:
        bound_s: The time for all of them together.
        request_s: The time for one answer; a witness that needs longer is asked again.
        grace_s: The time for the others, once there is a quorum.
        pause_s: The pause before the second request to one that failed; it doubles from there.
        longest_pause_s: The longest pause.
    """

    bound_s: float = 5.0
    request_s: float = 2.5
    grace_s: float = 0.5
    pause_s: float = 0.2
    longest_pause_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Objection:
    """A witness's answer that it has seen another history of this log, or a longer one; `size` where it gave its size."""

    witness: str
    size: int | None

    def __str__(self) -> str:
        """Return the problem in one line."""
        if self.size is None:
            return f"witness `{self.witness}` has cosigned another history of this log"
        return f"witness `{self.witness}` has cosigned `{self.size}` entries of this log"


@dataclass(slots=True)
class Standing:
    """What one witness has done for us so far: counters for metrics, and where to continue.

    Attributes:
        name: The name that the policy uses.
        asked: Requests begun, first and repeated ones.
        cosigned: Cosignatures received.
        conflicts: Answers that the log is not at the expected size (409), or not what the witness has seen of it (422).
        failures: Requests that brought no usable answer.
        size: The size that it last cosigned or gave as its own.
        cosigned_at_s: When it last cosigned, by the monotonic clock.
        problem: Why it did not cosign when last asked.
    """

    name: str
    asked: int = 0
    cosigned: int = 0
    conflicts: int = 0
    failures: int = 0
    size: int | None = None
    cosigned_at_s: float | None = None
    problem: str | None = None


class _RefusedError(Exception):
    """An answer that would be the same if the request were repeated."""


def jitter() -> float:
    """Return a factor around 1 for a pause, so that gateways that lost a witness together do not return together."""
    return random.uniform(0.5, 1.5)  # noqa: S311  spreads requests, guards nothing


@dataclass(slots=True)
class WitnessClient:
    """One witness of a log's policy.

    Args:
        witness: Its key, and its name in the policy.
        endpoint: Its submission prefix.
        patience: How long to wait.
        tls: How to check its server, where the endpoint has TLS.
        clock_s: The monotonic clock.
    """

    witness: Witness
    endpoint: Endpoint
    patience: Timeouts
    tls: ssl.SSLContext | None = None
    clock_s: Callable[[], float] = time.monotonic
    standing: Standing = field(init=False)
    _learnt: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        self.standing = Standing(self.witness.name)

    async def ask(self, note: bytes, checkpoint: Checkpoint, proofs: Proofs) -> Signature | Objection | None:
        """Ask, and repeat after failures, until it has answered; None when repeating would not help.

        It goes on until it is cancelled.
        """
        pause_s, problem = self.patience.pause_s, "no answer in time"
        while True:
            self.standing.asked += 1
            try:
                answer = await self._exchange(note, checkpoint, proofs)
            except asyncio.CancelledError:
                self._failed(problem)  # the earlier problem is more informative than the timeout
                raise
            except _RefusedError as error:
                self._failed(str(error))
                return None
            except (OSError, HttpError, NoteError) as error:
                if not isinstance(error, TimeoutError):
                    problem = str(error) or type(error).__name__
                self._failed(problem)
            else:
                self._answered(answer)
                return answer
            await asyncio.sleep(pause_s * jitter())
            pause_s = min(2 * pause_s, self.patience.longest_pause_s)

    def has_learnt(self, handovers: bytes) -> bool:
        """Return whether it is known to go by the key to which these handovers lead."""
        return self._learnt == handovers

    async def learn(self, handovers: bytes, note: bytes, checkpoint: Checkpoint, proofs: Proofs) -> bool:
        """Have it learn a new key of the log, and return whether it cosigns what that key alone has signed.

        A witness that takes no handovers learns the key from its own operator; it then cosigns all the same.
        """
        if self.has_learnt(handovers):
            return True
        try:
            async with asyncio.timeout(self.patience.request_s):
                await post(self.endpoint, _ADD_LOG_KEYS, handovers, self.tls)
            answer = await self._exchange(note, checkpoint, proofs)
        except (OSError, HttpError, NoteError, _RefusedError):
            return False
        if not isinstance(answer, Signature):
            return False
        self._learnt = handovers
        return True

    async def latest(self, origin: str) -> bytes | None:
        """Return the note of the latest checkpoint of a log that it shows, unverified; None where it shows none."""
        try:
            async with asyncio.timeout(self.patience.request_s):
                reply = await get(self.endpoint, f"/{origin_hash(origin)}/checkpoint", self.tls)
        except (OSError, HttpError):
            return None
        return reply.body if reply.status == 200 else None

    async def _exchange(self, note: bytes, checkpoint: Checkpoint, proofs: Proofs) -> Signature | Objection:
        """Submit a checkpoint from the witness's size; it may have to state that size first."""
        for _ in range(_RESENDS):
            known = self.standing.size
            if known is not None and known > checkpoint.size:  # outdated or wrong: let it state its size again
                known = None
            proof = await asyncio.to_thread(proofs.consistency, known or 0, checkpoint.size)
            reply = await self._submit(Submission(known or 0, tuple(proof), note, checkpoint))
            if reply.status == 200:
                self.standing.size = checkpoint.size
                return self._cosignature(note, reply.body)
            if reply.status == 422:
                self.standing.conflicts += 1
                return Objection(self.witness.name, None)
            size = self.standing.size = _size(reply)
            if known is not None or size > checkpoint.size:
                self.standing.conflicts += 1
            if size > checkpoint.size:
                return Objection(self.witness.name, size)
        raise HttpError("it says at each request that it is elsewhere")

    async def _submit(self, submission: Submission) -> Reply:
        async with asyncio.timeout(self.patience.request_s):
            return await post(self.endpoint, _ADD_CHECKPOINT, submission.encode(), self.tls)

    def _cosignature(self, note: bytes, lines: bytes) -> Signature:
        """Return the witness's own signature among the lines of its answer; signatures of unknown keys are ignored."""
        (signature,) = cosignatures_in(split_note(note)[0].encode() + b"\n" + lines, [self.witness.verifier])
        return signature

    def _answered(self, answer: Signature | Objection) -> None:
        standing, before = self.standing, self.standing.problem
        if isinstance(answer, Objection):
            standing.problem = str(answer)
            if standing.problem != before:
                _log.error("a witness has seen another history of this log", witness=standing.name, size=answer.size)
            return
        standing.cosigned += 1
        standing.cosigned_at_s = self.clock_s()
        standing.problem = None
        if before is not None:
            _log.info("a witness cosigns again", witness=standing.name)

    def _failed(self, problem: str) -> None:
        standing, before = self.standing, self.standing.problem
        standing.failures += 1
        standing.problem = problem
        if before is None:
            _log.warning("a witness does not cosign", witness=standing.name, problem=problem)


def _size(reply: Reply) -> int:
    """Return the size in a conflict answer.

    Raises:
        HttpError: when it is another answer, or not a size; repeating the request may help.
        _RefusedError: when it would not.
    """
    if reply.status != 409:
        passing = reply.status >= 500 or reply.status in _PASSING
        raise (HttpError if passing else _RefusedError)(f"it answers {reply.status}")
    size = _SIZE.fullmatch(reply.body)
    if size is None:
        raise HttpError("a conflict without a size")
    return int(size[1])
