"""The trust behind a verdict: the log's key, where that key came from, and the witnesses that have cosigned.

Every auditor's command opens the log's checkpoint here and prints what it had to trust, so that a log which vouches only for
itself is not mistaken for one that others vouch for.

Source: C2SP tlog-checkpoint, tlog-cosignature v1.0.1, tlog-policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.audit.log.checkpoint import Checkpoint, CheckpointError
from gateway.audit.log.cosignature import MAX_TIME_S
from gateway.audit.log.handover import KEYS_NAME, HandoverError, LogKeys
from gateway.audit.log.merkle import EMPTY_ROOT
from gateway.audit.log.notes import NoteError, OpenedNote, Signature, Verifier, open_note, split_note
from gateway.audit.log.witness_policy import Policy

_LATEST_S = 253_402_300_799  # the last second of the year 9999, the calendar's end


class UntrustedError(ValueError):
    """A checkpoint without a valid signature by the trusted key; `unknown` lists the signature lines of unknown keys."""

    def __init__(self, problem: str, unknown: tuple[str, ...] = ()) -> None:
        super().__init__(problem)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Anchors:
    """What an auditor trusts from the start (trust anchors).

    Attributes:
        log: The log's public key.
        pinned: Whether it came from elsewhere than the log itself.
        policy: The witnesses that the auditor knows, and how many of them are a quorum; None without a policy. The logs that
            it lists are not used here: `log` is the one in question.
        handovers: What the log says of how its key was handed on, unverified; empty where it says nothing.
    """

    log: Verifier
    pinned: bool = True
    policy: Policy | None = None
    handovers: bytes = b""

    def keys(self) -> LogKeys:
        """Return the log's keys from the trusted one on.

        Raises:
            UntrustedError: when the handovers do not hold, or do not pass through it.
        """
        try:
            return LogKeys.follow(self.log, self.handovers)
        except HandoverError as error:
            raise UntrustedError(f"`{KEYS_NAME}`: {error}") from error

    @property
    def witnesses(self) -> dict[str, Verifier]:
        """The keys of the known witnesses, by their names in the policy."""
        return {} if self.policy is None else {one.name: one.verifier for one in self.policy.witnesses}


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness that has cosigned a checkpoint, and the Unix second that its cosignature states."""

    witness: str
    time_s: int

    def __str__(self) -> str:
        if self.time_s > _LATEST_S:
            return f"{self.witness} at second {self.time_s}"
        return f"{self.witness} at {datetime.fromtimestamp(self.time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verdict rests on: keys, witnesses and signatures.

    Attributes:
        key: The log's public key with which the checkpoint was verified.
        pinned: Whether that key came from elsewhere than the log.
        cosigned: The known witnesses whose cosignatures are valid.
        witnesses_n: How many witnesses are known.
        quorum: Whether those that cosigned are a quorum by the auditor's policy; None without a policy.
        unknown: Signature lines of keys that the auditor does not know, which count for nothing.
        handed_over: The keys to which the log was handed over since, in order.
    """

    key: str
    pinned: bool = True
    cosigned: tuple[Cosigned, ...] = ()
    witnesses_n: int = 0
    quorum: bool | None = None
    unknown: tuple[str, ...] = ()
    handed_over: tuple[str, ...] = ()

    @property
    def witnesses_k(self) -> int:
        """How many of the known witnesses have cosigned."""
        return len(self.cosigned)

    def lines(self) -> list[str]:
        """Return the lines that a terminal shows."""
        named = f" ({', '.join(map(str, self.cosigned))})" if self.cosigned else ""
        seen = f"{self.witnesses_k} of {self.witnesses_n}{named}" if self.witnesses_n else "none configured"
        key = f"pinned key {self.key}" if self.pinned else f"NONE: the key comes from the log itself, {self.key}"
        lines = [f"trust: {key}", *(f"handed over to {each}" for each in self.handed_over), f"witnesses: {seen}"]
        if self.unknown:
            lines.append(f"signatures of unknown keys: {', '.join(self.unknown)}")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the same for a program."""
        return {
            "key": self.key,
            "pinned": self.pinned,
            "handed_over": list(self.handed_over),
            "witnesses": [one.witness for one in self.cosigned],
            "cosigned": [{"witness": one.witness, "time_s": one.time_s} for one in self.cosigned],
            "witnesses_k": self.witnesses_k,
            "witnesses_n": self.witnesses_n,
            "quorum": self.quorum,
            "unknown": list(self.unknown),
        }


def open_checkpoint(note: bytes, anchors: Anchors) -> tuple[Checkpoint, Trust]:
    """Return a checkpoint whose signature by the log's key is valid, and the trust that this rests on.

    Whether the witnesses are a quorum is in `Trust.quorum`; the caller decides what follows from it.

    Raises:
        UntrustedError: when it is malformed, another log's, or a known key's signature is missing or invalid.
    """
    keys = anchors.keys()
    known = (*keys.verifiers, *anchors.witnesses.values())
    try:
        opened = open_note(note, known)
        checkpoint = Checkpoint.parse(opened.text)
    except NoteError as error:
        raise UntrustedError(_unsigned(str(error), note, anchors), _unknown_keys(note, known)) from error
    except CheckpointError as error:
        raise UntrustedError(str(error)) from error
    unknown = _unknown_keys(note, known)
    if _line_of(keys.at(checkpoint.size), opened) is None:
        problem = "the log's own key has not signed this"
        handover = keys.handover_before(checkpoint.size)
        if handover is not None:
            problem = f"entry `{handover.index}` handed the log over to `{handover.new.vkey()}`, which has not signed this"
        raise UntrustedError(_unsigned(problem, note, anchors), unknown)
    if checkpoint.origin != anchors.log.name:
        raise UntrustedError(f"line 1: origin `{checkpoint.origin}` is not the key's name `{anchors.log.name}`")
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise UntrustedError("line 3: not the root of an empty log")
    lines = {name: _line_of(witness, opened) for name, witness in anchors.witnesses.items()}
    cosigned = [Cosigned(name, line.cosigned_s) for name, line in lines.items() if line and 0 < line.cosigned_s <= MAX_TIME_S]
    policy = anchors.policy
    return checkpoint, Trust(
        key=anchors.log.vkey(),
        pinned=anchors.pinned,
        handed_over=tuple(one.new.vkey() for one in keys.handovers if one.index < checkpoint.size),
        cosigned=tuple(cosigned),
        witnesses_n=len(lines),
        quorum=None if policy is None else policy.is_met_by({one.witness for one in cosigned}),
        unknown=unknown,
    )


def _unsigned(problem: str, note: bytes, anchors: Anchors) -> str:
    """Return a problem, with what is missing where another key of the log's name has signed and nothing leads to it."""
    try:
        signed = {one.name for one in split_note(note)[1]}
    except NoteError:
        return problem
    if anchors.handovers or anchors.log.name not in signed:
        return problem
    return f"{problem}; where the log has another key by now, `{KEYS_NAME}` would lead to it, and there is none"


def _line_of(verifier: Verifier, opened: OpenedNote) -> Signature | None:
    return next((one for one in opened.verified if (one.name, one.key_id) == (verifier.name, verifier.key_id)), None)


def _unknown_keys(note: bytes, known: tuple[Verifier, ...]) -> tuple[str, ...]:
    """Return the signature lines of unknown keys, each by its line number and the key's name and id."""
    try:
        text, signatures = split_note(note)
    except NoteError:
        return ()
    keys = {(verifier.name, verifier.key_id) for verifier in known}
    first = text.count("\n") + 2
    return tuple(
        f"line {number} `{one.name}+{one.key_id.hex()}`"
        for number, one in enumerate(signatures, first)
        if (one.name, one.key_id) not in keys
    )
