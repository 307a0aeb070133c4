"""Handovers of a log's key: which key signs the log from which entry on, as proven by the key before.

A handover is a note whose text names the log, the index of the entry that records it, and both keys; both have signed it. The
handovers of a log lie one after the other, an empty line between them, in the file `log.keys` beside the checkpoint:

    sluice.net/key-handover/v1
    sluice.ribera-1/log
    4711
    sluice.ribera-1/log+206dcffc+Af2V…        the former key
    sluice.ribera-1/log+9a01b3c4+AT9z…        the new one

    — sluice.ribera-1/log <signature of the former key>
    — sluice.ribera-1/log <signature of the new one>

Whoever was given any of the keys follows the log from it, forwards only: a checkpoint that covers the entry has to be signed by
the new key, whoever else has signed it. The entry commits to the note under a salt that follows from it, so that everybody can
see that the log itself records the handover.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.notes import ED25519, KeyFormatError, NoteError, Signer, Verifier, open_note, sign_note, split_note

HANDOVER_LINE: Final = "sluice.net/key-handover/v1"
"""The first line of every handover: no checkpoint begins so, whose first line is its log's name and the second its size."""
MOST_HANDOVERS: Final = 1000
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SHOWN: Final = 40
KEYS_NAME: Final = "log.keys"
"""The handovers from each of a log's keys to the next; absent before the first."""


class HandoverError(ValueError):
    """The handovers of a log's key lead nowhere: one is malformed, forged, or does not follow from the one before."""


@dataclass(frozen=True, slots=True)
class Handover:
    """One handover; `note` is its signed text.

    Attributes:
        index: Of the entry that records it.
        old: The key that signs the log up to and without that entry.
        new: The key that signs every checkpoint that covers it.
    """

    index: int
    old: Verifier
    new: Verifier
    note: bytes

    @classmethod
    def make(cls, index: int, old: Signer, new: Signer) -> Handover:
        """Return the handover from one key to another, signed by both."""
        lines = (HANDOVER_LINE, old.name, str(index), old.vkey(), new.vkey())
        return cls(index, old.verifier, new.verifier, sign_note("".join(f"{line}\n" for line in lines), old, new))

    @classmethod
    def parse(cls, note: bytes) -> Handover:
        """Return the handover in a note, once both of its keys are found to have signed it, and nobody else.

        Nobody can make another note of one: what a witness has learnt from whomever is byte for byte what the log goes on to say.

        Raises:
            HandoverError: when it is malformed, or either has not.
        """
        try:
            text, lines_of_keys = split_note(note)
            lines = text.removesuffix("\n").split("\n")
            if len(lines) != 5 or lines[0] != HANDOVER_LINE:
                raise HandoverError("not the five lines of a handover")
            _, origin, index, *keys = lines
            old, new = map(Verifier.parse, keys)
            signed = open_note(note, [old, new]).verified
        except (NoteError, KeyFormatError) as error:
            raise HandoverError(str(error)) from error
        if not _INDEX.fullmatch(index) or int(index) >= 1 << 63:
            raise HandoverError(f"`{index[:_SHOWN]}` is no index")
        if not old.name == new.name == origin or not old.algorithm == new.algorithm == ED25519:
            raise HandoverError("its keys are not those of one log")
        if len(signed) != 2 or [old.vkey(), new.vkey()] != keys:
            raise HandoverError("one of its two keys has not signed it")
        if [(one.name, one.key_id) for one in lines_of_keys] != [(key.name, key.key_id) for key in (old, new)]:
            raise HandoverError("it bears other signatures than that of the former key and that of the new one, in this order")
        return cls(int(index), old, new, note)


def parse_handovers(data: bytes) -> tuple[Handover, ...]:
    """Return the handovers in a `log.keys`, after checking that each follows from the one before.

    Raises:
        HandoverError: when one does not: another log's, from another key, back to an earlier key, or of an earlier entry.
    """
    if not data:
        return ()
    pieces = data.split(b"\n\n")
    if len(pieces) % 2 or len(pieces) > 2 * MOST_HANDOVERS:
        raise HandoverError("not handovers one after the other")
    found: list[Handover] = []
    for at in range(0, len(pieces), 2):
        tail = pieces[at + 1] if at + 2 == len(pieces) else pieces[at + 1] + b"\n"
        try:
            one = Handover.parse(pieces[at] + b"\n\n" + tail)
        except HandoverError as error:
            raise HandoverError(f"handover `{len(found)}`: {error}") from error
        _check_next(found, one)
        found.append(one)
    return tuple(found)


def join_handovers(handovers: Sequence[Handover]) -> bytes:
    """Return the bytes of a `log.keys`."""
    return b"\n".join(one.note for one in handovers)


def _check_next(before: Sequence[Handover], one: Handover) -> None:
    number = len(before)
    if one.new in {one.old, *(each.old for each in before)}:
        raise HandoverError(f"handover `{number}`: leads back to a key that had been handed over")
    if before and one.old != before[-1].new:
        raise HandoverError(f"handover `{number}`: is not by the key of the one before")
    if before and one.index <= before[-1].index:
        raise HandoverError(f"handover `{number}`: is of an earlier entry than the one before")


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of one log from a trusted one on: `handovers` lead from it, forwards, to the present one."""

    first: Verifier
    handovers: tuple[Handover, ...] = ()

    @classmethod
    def follow(cls, first: Verifier, data: bytes) -> LogKeys:
        """Return the keys that the bytes of a `log.keys` lead to from a trusted key; empty bytes lead to no other.

        Raises:
            HandoverError: when they do not hold handovers, or these do not pass through that key.
        """
        found = parse_handovers(data)
        if not found:
            return cls(first)
        for number, one in enumerate(found):
            if one.old == first:
                return cls(first, found[number:])
        if found[-1].new == first:
            return cls(first)
        raise HandoverError(f"the handovers do not pass through the key `{first.vkey()}`")

    def going_on(self, data: bytes) -> LogKeys:
        """Return the keys to which the bytes of a later `log.keys` lead: these, and perhaps more.

        Raises:
            HandoverError: when they do not, or lack handovers that were there before: a former key does not come back so.
        """
        keys = LogKeys.follow(self.first, data)
        if keys.handovers[: len(self.handovers)] != self.handovers:
            raise HandoverError("handovers that were there before are there no more, or are others")
        return keys

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """All of them, in order."""
        return (self.first, *(one.new for one in self.handovers))

    @property
    def latest(self) -> Verifier:
        """The last one, whether or not anything was signed with it yet."""
        return self.verifiers[-1]

    def at(self, size: int) -> Verifier:
        """Return the key that has to have signed a checkpoint of this size, or whatever was signed when the log had it."""
        handover = self.handover_before(size)
        return self.first if handover is None else handover.new

    def checkpoint(self, note: bytes) -> Checkpoint:
        """Return the checkpoint in a note that the key of its size has signed.

        Raises:
            NoteError: when it is malformed, or that key has not signed it.
            CheckpointError: when it is not a checkpoint.
        """
        opened = open_note(note, self.verifiers)
        checkpoint = Checkpoint.parse(opened.text)
        if self.at(checkpoint.size).key_id not in [one.key_id for one in opened.verified]:
            raise NoteError(f"the key to which the log was handed over, `{self.at(checkpoint.size).vkey()}`, has not signed this")
        return checkpoint

    def handover_before(self, size: int) -> Handover | None:
        """Return the last handover that a log of this size records; None before the first."""
        return next((one for one in reversed(self.handovers) if one.index < size), None)
