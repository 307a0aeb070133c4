"""A witness's decision, without network, clock or disk: may this checkpoint be cosigned, given what was cosigned before?

A request is a log's new checkpoint with a consistency proof from the previous one. The answer holds, besides status and body,
what the witness has now seen of the log; the caller must store that durably before the answer leaves, and admit no second
request for the same log in between.

Source: C2SP tlog-witness, `add-checkpoint`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.cosignature import Cosigner, cosignatures_in, signature_lines, with_signatures
from gateway.audit.log.handover import HandoverError, LogKeys, parse_handovers
from gateway.audit.log.merkle import EMPTY_ROOT, HASH_BYTES, ProofError, verify_consistency
from gateway.audit.log.notes import ED25519, KeyFormatError, NoteError, OpenedNote, Verifier, open_note, split_note

MAX_PROOF_LINES = 63
TEXT_TYPE = "text/plain; charset=utf-8"
SIZE_TYPE = "text/x.tlog.size"
_OLD_SIZE = re.compile(rb"old (0|[1-9][0-9]{0,18})")


class RequestError(ValueError):
    """A request is malformed."""


class SeenError(ValueError):
    """The stored state of a log is not what this witness has cosigned."""


def origin_hash(origin: str) -> str:
    """Return the name of a log's files and monitoring path: SHA-256 of the origin, lower-case hex."""
    return sha256(origin.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Seen:
    """The latest checkpoint of one log that this witness has cosigned; `note` has the signatures of the log and the witness."""

    size: int
    root: bytes
    time_s: int
    note: bytes

    @classmethod
    def parse(cls, note: bytes, origin: str, witness: Verifier) -> Seen:
        """Return what the note holds.

        Raises:
            SeenError: when it is another log's, or this witness has not cosigned it.
        """
        try:
            (cosignature,) = cosignatures_in(note, [witness])
            checkpoint = Checkpoint.parse(split_note(note)[0])
        except (NoteError, CheckpointError) as error:
            raise SeenError(str(error)) from error
        if checkpoint.origin != origin:
            raise SeenError(f"a checkpoint of log `{checkpoint.origin}`")
        return cls(checkpoint.size, checkpoint.root, cosignature.cosigned_s, note)


@dataclass(frozen=True, slots=True)
class Submission:
    """A parsed request, unverified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, request: bytes) -> Submission:
        """Parse the body of a request.

        Raises:
            RequestError: when it is malformed.
        """
        head, blank, note = request.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        old = _OLD_SIZE.fullmatch(first)
        if not blank or old is None:
            raise RequestError("a request begins with `old <size>`, proof lines and an empty line")
        if len(lines) > MAX_PROOF_LINES:
            raise RequestError(f"more than {MAX_PROOF_LINES} proof lines")
        try:
            return cls(int(old[1]), tuple(map(_hash, lines)), note, Checkpoint.parse(split_note(note)[0]))
        except (NoteError, CheckpointError) as error:
            raise RequestError(str(error)) from error

    def encode(self) -> bytes:
        """Return the body of the request."""
        proof = b"".join(base64.b64encode(one) + b"\n" for one in self.proof)
        return b"old %d\n%b\n%b" % (self.old_size, proof, self.note)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer, and what must be durable before it is sent.

    Attributes:
        status: HTTP status.
        body: Bytes of the answer.
        content_type: Their type.
        seen: The log's new state; None where nothing was cosigned.
        contradiction: The log has signed two trees of one size: proof that it shows different histories.
    """

    status: int
    body: bytes
    content_type: str = TEXT_TYPE
    seen: Seen | None = None
    contradiction: bool = False


@dataclass(frozen=True, slots=True)
class KeysAnswer:
    """The answer to handovers of a log's key, and what must be durable before it is sent.

    Attributes:
        status: HTTP status.
        body: Bytes of the answer.
        origin: The log.
        handovers: Its handovers from now on; None where they stay as they were.
    """

    status: int
    body: bytes
    origin: str = ""
    handovers: bytes | None = None


class LogWitness:
    """A cosigner for some logs.

    A log's key may be handed over; the witness follows it from the keys that it was given, and forwards only.

    Args:
        cosigner: The witness's key.
        logs: The logs' keys; each is named by its log's origin, and a log may have several.

    Raises:
        KeyFormatError: when a key is not a log's.
    """

    def __init__(self, cosigner: Cosigner, logs: Iterable[Verifier]) -> None:
        self.cosigner = cosigner
        self._given: dict[str, list[Verifier]] = {}
        for log in logs:
            if log.algorithm != ED25519:
                raise KeyFormatError(f"`{log.vkey()}` is no log's key")
            self._given.setdefault(log.name, []).append(log)
        self._keys = {origin: [LogKeys(key) for key in given] for origin, given in self._given.items()}
        self._handovers: dict[str, bytes] = {}

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs that it witnesses."""
        return tuple(self._keys)

    def follow(self, origin: str, handovers: bytes) -> None:
        """Follow a log's key by these handovers, in the place of those known so far.

        Raises:
            HandoverError: when they do not hold, or pass through none of the keys that were given.
        """
        keys, problem = [], HandoverError("they pass through none of its keys")
        for given in self._given[origin]:
            try:
                keys.append(LogKeys.follow(given, handovers))
            except HandoverError as error:
                problem = error
        if not keys:
            raise problem
        self._keys[origin], self._handovers[origin] = keys, handovers

    def add_log_keys(self, request: bytes) -> KeysAnswer:
        """Decide on handovers of a log's key: the bytes of its `log.keys`, any bytes.

        They must go on from those that are known: from one key only one way leads on, whoever else can sign with it.
        """
        try:
            found = parse_handovers(request)
        except HandoverError as error:
            return KeysAnswer(400, f"{error}\n".encode())
        origin = found[0].old.name if found else ""
        if origin not in self._keys:
            return KeysAnswer(404, f"log `{origin}` is not witnessed here\n".encode())
        known = parse_handovers(self._handovers.get(origin, b""))
        if found == known[: len(found)]:
            return KeysAnswer(200, b"", origin)
        if found[: len(known)] != known:
            return KeysAnswer(409, b"the log's key was handed over otherwise before\n", origin)
        try:
            self.follow(origin, request)
        except HandoverError as error:
            return KeysAnswer(403, f"{error}\n".encode(), origin)
        return KeysAnswer(200, b"", origin, request)

    def add_checkpoint(self, request: bytes, seen: Mapping[str, Seen], now_s: int) -> Answer:
        """Decide on a request.

        Args:
            request: The body as received, any bytes.
            seen: By origin, the state last cosigned of each log.
            now_s: Unix time.
        """
        try:
            submission = Submission.parse(request)
        except RequestError as error:
            return _refusal(400, str(error))
        checkpoint = submission.checkpoint
        keys = self._keys.get(checkpoint.origin)
        if keys is None:
            return _refusal(404, f"log `{checkpoint.origin}` is not witnessed here")
        try:
            opened = open_note(submission.note, [each for one in keys for each in one.verifiers])
        except NoteError as error:
            return _refusal(403, str(error))
        signed = {one.key_id for one in opened.verified}
        due = [one.at(checkpoint.size) for one in keys]
        if not any(key.key_id in signed for key in due):
            return _refusal(403, f"the key to which the log was handed over, `{due[0].vkey()}`, has not signed this")
        last = seen.get(checkpoint.origin)
        return _objection(submission, last) or self._cosign(checkpoint, opened, now_s)

    def _cosign(self, checkpoint: Checkpoint, opened: OpenedNote, now_s: int) -> Answer:
        cosignature = self.cosigner.cosign(opened.text, now_s)
        note = opened.text.encode() + b"\n" + signature_lines(opened.verified)  # lines of unknown keys are not kept
        seen = Seen(checkpoint.size, checkpoint.root, now_s, with_signatures(note, [cosignature]))
        return Answer(200, signature_lines([cosignature]), seen=seen)


def _objection(submission: Submission, last: Seen | None) -> Answer | None:
    """Return why a log's own checkpoint must not be cosigned after the last one."""
    old_size, checkpoint = submission.old_size, submission.checkpoint
    last_size, last_root = (0, EMPTY_ROOT) if last is None else (last.size, last.root)
    if old_size > checkpoint.size:
        return _refusal(400, f"old size `{old_size}` is beyond the checkpoint's `{checkpoint.size}`")
    if old_size != last_size:
        return Answer(409, b"%d\n" % last_size, SIZE_TYPE)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return _refusal(422, "an empty log has another root")
    if old_size == 0:
        return _refusal(422, "nothing needs no proof") if submission.proof else None
    try:
        verify_consistency(old_size, checkpoint.size, submission.proof, last_root, checkpoint.root)
    except ProofError as error:
        contradiction = checkpoint.size == last_size and checkpoint.root != last_root
        return _refusal(422, str(error), contradiction=contradiction)
    return None


def _refusal(status: int, reason: str, *, contradiction: bool = False) -> Answer:
    return Answer(status, f"{reason}\n".encode(), contradiction=contradiction)


def _hash(line: bytes) -> bytes:
    try:
        data = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError("a proof line is not base64") from error
    if len(data) != HASH_BYTES or base64.b64encode(data) != line:
        raise RequestError("a proof line is not a hash in base64")
    return data
