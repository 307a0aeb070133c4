"""The policy file of those who rely on a log: which logs, which witnesses, and how many of these must have cosigned.

The same file serves an auditor, who checks a checkpoint against it, and a gateway, which asks the witnesses named in it.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

Source: C2SP tlog-policy. Supported key types: Ed25519 for logs (0x01) and for witnesses (0x04).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.cosignature import MAX_TIME_S
from gateway.audit.log.notes import COSIGNATURE, ED25519, KeyFormatError, NoteError, Signature, Verifier, open_note

NO_QUORUM = "none"
LONGEST_POLICY_BYTES: Final = 1 << 16

_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,8}")


class PolicyFormatError(ValueError):
    """A policy file is malformed; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose checkpoints are accepted; the key's name is its origin."""

    verifier: Verifier
    url: str | None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness; `name` is its name in this file, `url` its submission prefix."""

    name: str
    verifier: Verifier
    url: str | None


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    """A name for at least `threshold` of some witnesses and earlier groups."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuorumVerdict:
    """How far a checkpoint satisfies a policy.

    Attributes:
        checkpoint: What was signed.
        log: The key of the policy that signed as its log; None where the policy lists no logs.
        cosigned: The Unix second of each cosignature, by the policy's name for the witness.
        witnesses: How many witnesses the policy names.
        met: Whether the quorum is met.
    """

    checkpoint: Checkpoint
    log: Verifier | None
    cosigned: dict[str, int]
    witnesses: int
    met: bool

    def __str__(self) -> str:
        """Return it in one line: `2 of 3 witnesses, quorum met`."""
        return f"{len(self.cosigned)} of {self.witnesses} witnesses, quorum {'met' if self.met else 'not met'}"


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; groups are in the order of their definition, so each names only earlier ones."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[WitnessGroup, ...]
    quorum: str

    def is_met_by(self, cosigned: Collection[str]) -> bool:
        """Return whether the witnesses of these names are a quorum."""
        if self.quorum == NO_QUORUM:
            return True
        witnessed = {witness.name for witness in self.witnesses if witness.name in cosigned}
        for group in self.groups:
            if sum(member in witnessed for member in group.members) >= group.threshold:
                witnessed.add(group.name)
        return self.quorum in witnessed

    def satisfied(self, note: bytes) -> QuorumVerdict:
        """Return how far a signed checkpoint satisfies the policy.

        Args:
            note: The checkpoint with its signature lines.

        Raises:
            NoteError: when it is malformed, a known key's signature is wrong, or no log of the policy has signed it; where the
                policy lists no logs, when no witness has either.
            CheckpointError: when it is a note but not a checkpoint.
        """
        logs = {(log.verifier.name, log.verifier.key_id): log.verifier for log in self.logs}
        names = {(witness.verifier.name, witness.verifier.key_id): witness.name for witness in self.witnesses}
        opened = open_note(note, [*logs.values(), *(witness.verifier for witness in self.witnesses)])
        checkpoint = Checkpoint.parse(opened.text)
        signers = [logs[_who(one)] for one in opened.verified if _who(one) in logs]
        by_log = next((log for log in signers if log.name == checkpoint.origin), None)
        if self.logs and by_log is None:
            raise NoteError(f"no log of the policy has signed this checkpoint of `{checkpoint.origin}`")
        times = {names[_who(one)]: one.cosigned_s for one in opened.verified if _who(one) in names}
        cosigned = {name: time_s for name, time_s in times.items() if 0 < time_s <= MAX_TIME_S}
        return QuorumVerdict(checkpoint, by_log, cosigned, len(self.witnesses), self.is_met_by(cosigned))


def parse_policy(data: bytes, source: str) -> Policy:
    """Return the policy that a file holds.

    Args:
        data: The file's bytes. Anything beyond ASCII is kept and never interpreted.
        source: The file's name in errors.

    Raises:
        PolicyFormatError: when the file is malformed; it names file and line.
    """
    return _Draft(source).read(data)


def _who(signature: Signature) -> tuple[str, bytes]:
    return signature.name, signature.key_id


@dataclass(slots=True)
class _Draft:
    """A policy while its lines are parsed."""

    source: str
    line: int = 0
    logs: list[Log] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[WitnessGroup] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    grouped: set[str] = field(default_factory=set)
    quorum: str | None = None

    def read(self, data: bytes) -> Policy:
        verbs: dict[str, Callable[[list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }
        for self.line, raw in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
            if found := _FORBIDDEN.search(raw):
                raise self._error(f"control character `{found[0][0]:#04x}`")
            words = [word for word in re.split(r"[ \t]+", raw.decode(errors="surrogateescape")) if word]
            if not words or words[0].startswith("#"):
                continue
            if words[0] not in verbs:
                raise self._error(f"`{words[0]}` is none of {', '.join(verbs)}")
            verbs[words[0]](words[1:])
        if self.quorum is None:
            raise self._error("no quorum line")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)

    def _log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise self._error("not of the form `log <vkey> [<url>]`")
        verifier = self._key(words[0], ED25519, [log.verifier for log in self.logs])
        self.logs.append(Log(verifier, words[1] if len(words) == 2 else None))

    def _witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise self._error("not of the form `witness <name> <vkey> [<url>]`")
        verifier = self._key(words[1], COSIGNATURE, [witness.verifier for witness in self.witnesses])
        self._define(words[0])
        self.witnesses.append(Witness(words[0], verifier, words[2] if len(words) == 3 else None))

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise self._error("not of the form `group <name> all|any|<k> <name>...`")
        name, rule, *members = words
        for member in members:
            if member not in self.names:
                raise self._error(f"`{member}` is not defined above")
            if member in self.grouped:
                raise self._error(f"`{member}` is a member already, and may be one once")
            self.grouped.add(member)
        threshold = {"all": len(members), "any": 1}.get(rule) or self._threshold(rule, len(members))
        self._define(name)
        self.groups.append(WitnessGroup(name, threshold, tuple(members)))

    def _threshold(self, text: str, members: int) -> int:
        if not _THRESHOLD.fullmatch(text) or int(text) > members:
            raise self._error(f"`{text}` is none of all, any, 1 to {members}")
        return int(text)

    def _quorum(self, words: list[str]) -> None:
        if len(words) != 1:
            raise self._error("not of the form `quorum <name>|none`")
        if self.quorum is not None:
            raise self._error("a second quorum line")
        if words[0] != NO_QUORUM and words[0] not in self.names:
            raise self._error(f"`{words[0]}` is not defined above")
        self.quorum = words[0]

    def _define(self, name: str) -> None:
        if name == NO_QUORUM:
            raise self._error(f"`{NO_QUORUM}` cannot be defined")
        if name in self.names:
            raise self._error(f"`{name}` is defined already")
        self.names.add(name)

    def _key(self, vkey: str, algorithm: int, others: list[Verifier]) -> Verifier:
        """Return a key of the type that its line requires, which no other such line has, under any name."""
        try:
            verifier = Verifier.parse(vkey)
        except (KeyFormatError, UnicodeEncodeError) as error:
            raise self._error(str(error) if isinstance(error, KeyFormatError) else "the key's name is not UTF-8") from error
        if verifier.algorithm != algorithm:
            wanted = "a witness's, 0x04" if algorithm == COSIGNATURE else "a log's, 0x01"
            raise self._error(f"`{vkey}` is a key of type `{verifier.algorithm:#04x}`; {wanted}, is due")
        if any(other.public_key == verifier.public_key for other in others):
            raise self._error(f"`{vkey}` is there already")
        return verifier

    def _error(self, problem: str) -> PolicyFormatError:
        shown = problem.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return PolicyFormatError(f"`{self.source}`: line {self.line}: {shown}")
