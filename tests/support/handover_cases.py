"""Logs whose key was handed over, rightly and wrongly, with the verdict that every verifier has to give of them.

A verdict is of what everybody sees: the log's folder, without openings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from gateway.audit.log.cosignature import Cosigner
from gateway.audit.log.entries import Kind
from gateway.audit.log.handover import HANDOVER_LINE, KEYS_NAME, MOST_HANDOVERS, Handover, join_handovers
from gateway.audit.log.notes import Signer, sign_note, split_note
from gateway.audit.log.payloads import LogKeyPayload
from gateway.audit.log.reader import LONGEST_KEYS_BYTES
from tests.support.handed_over import SECOND, STRANGER, THIRD, HandedOver
from tests.support.log import ORIGIN, SIGNER

_ELSEWHERE = "other.example/log"
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True, slots=True)
class HandoverCase:
    """A log to be made, and what is to be said of it.

    Attributes:
        make: Lets a log of one key go on, and publishes it.
        passes: The verdict.
        given: The key from which the verifier is to follow the log.
    """

    make: Callable[[HandedOver], None]
    passes: bool
    given: Signer = SIGNER

    def folder(self, folder: Path) -> Path:
        """Make the log, and return its folder."""
        with patch("os.fsync"):  # a hundred logs, none of which has to outlast a loss of power
            log = HandedOver(folder)
            self.make(log)
        return log.log.log.path


def _signed(*signers: Signer) -> Callable[[HandedOver], None]:
    """Return how a log is made that is handed over once, and its checkpoint signed by these."""

    def make(log: HandedOver) -> None:
        log.hand_over(SIGNER, SECOND)
        log.log.account()
        log.publish(*signers)

    return make


def _twice(log: HandedOver) -> None:
    log.hand_over(SIGNER, SECOND)
    log.log.account()
    log.hand_over(SECOND, THIRD)
    log.log.account()
    log.publish(THIRD)


def _stated(change: Callable[[bytes], bytes], *signers: Signer) -> Callable[[HandedOver], None]:
    """Return how a log is made that is handed over twice, and its `log.keys` changed."""

    def make(log: HandedOver) -> None:
        _twice(log)
        log.publish(*signers or (THIRD,))
        log.log.log.write_handovers(change(join_handovers(log.handovers)))

    return make


def _kept(*numbers: int) -> Callable[[bytes], bytes]:
    """Return what leaves these handovers of two, in this order."""

    def change(data: bytes) -> bytes:
        first, second = re.findall(rb"(?:.+\n){5}\n(?:.+\n){2}", data)
        return b"\n".join((first, second)[number] for number in numbers)

    return change


def _cut(kept: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:kept]


def _swapped(at: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        lines[at : at + 2] = reversed(lines[at : at + 2])
        return b"".join(lines)

    return change


def _without(line: int) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(each for at, each in enumerate(data.splitlines(keepends=True)) if at != line)


def _recorded(*notes: Callable[[int], bytes], signed: Signer = SECOND, kind: Kind = Kind.KEY) -> Callable[[HandedOver], None]:
    """Return how a log is made that states these handovers, and records each as it is: what is wrong is in them alone.

    Args:
        notes: Each is given the index of the entry that records it.
        signed: Who signs the checkpoint.
        kind: Of those entries.
    """

    def make(log: HandedOver) -> None:
        stated = []
        for note in notes:
            stated.append(note(log.log.writer.size))
            log.log.add(kind, [LogKeyPayload(stated[-1]).part])
        log.log.log.write_handovers(b"\n".join(stated))
        log.publish(signed)

    return make


def _handover(former: Signer = SIGNER, new: Signer = SECOND) -> Callable[[int], bytes]:
    return lambda index: Handover.make(index, former, new).note


def _text(
    index: str | None = None,
    signers: tuple[Signer, ...] = (SIGNER, SECOND),
    *,
    begins: str = f"{HANDOVER_LINE}\n{ORIGIN}\n",
    former: str = SIGNER.vkey(),
    new: str = SECOND.vkey(),
    behind: str = "",
) -> Callable[[int], bytes]:
    """Return what makes a note of such a text, signed by these; without an index, that of the entry."""
    return lambda entry: sign_note(f"{begins}{entry if index is None else index}\n{former}\n{new}\n{behind}", *signers)


def _second_spelling(index: int) -> bytes:
    """Return a handover whose last signature is spelled otherwise: the bits that its base64 leaves unused are not nought."""
    note = Handover.make(index, SIGNER, SECOND).note
    unused = _BASE64.index(note[-3:-2].decode())
    return note[:-3] + _BASE64[unused + 1].encode() + note[-2:]


def _further_signature(index: int) -> bytes:
    note = Handover.make(index, SIGNER, SECOND).note
    return note + sign_note(split_note(note)[0], STRANGER).splitlines(keepends=True)[-1]


def _capitals(signer: Signer) -> str:
    """Return a second text form of a key: its id in capitals, which the library in Go takes."""
    name, key_id, key = signer.vkey().split("+", 2)
    assert key_id.upper() != key_id
    return f"{name}+{key_id.upper()}+{key}"


def _published_ahead(*signers: Signer, index: int | None = None) -> Callable[[HandedOver], None]:
    """Return how a log is made whose handover is stated already, and its entry beyond the checkpoint; None: the next one."""

    def make(log: HandedOver) -> None:
        log.state([Handover.make(log.log.writer.size if index is None else index, SIGNER, SECOND)])
        log.publish(*signers)

    return make


def _announced(change: Callable[[Handover], list[Handover]], signed: Signer) -> Callable[[HandedOver], None]:
    """Return how a log is made that records one handover, goes on, and states what is made of it."""

    def make(log: HandedOver) -> None:
        handover = log.hand_over(SIGNER, SECOND)
        log.log.account()
        log.state(change(handover))
        log.publish(signed)

    return make


def _instead(make_file: Callable[[Path], None]) -> Callable[[HandedOver], None]:
    """Return how a log is made whose `log.keys` is something else."""

    def make(log: HandedOver) -> None:
        _signed(SECOND, SIGNER)(log)
        file = log.log.log.path / KEYS_NAME
        file.unlink()
        make_file(file)

    return make


def _both_of_one_entry(log: HandedOver) -> None:
    index = log.log.writer.size
    first, second = Handover.make(index, SIGNER, SECOND), Handover.make(index, SECOND, THIRD)
    log.log.add(Kind.KEY, [LogKeyPayload(second.note).part])
    log.state([first, second])
    log.publish(THIRD)


def _second_recorded_first(log: HandedOver) -> None:
    index = log.log.writer.size
    second, first = Handover.make(index, SECOND, THIRD), Handover.make(index + 1, SIGNER, SECOND)
    for each in (second, first):
        log.log.add(Kind.KEY, [LogKeyPayload(each.note).part])
    log.state([first, second])
    log.publish(THIRD)


def _sized(size: str) -> Callable[[HandedOver], None]:
    """Return how a log is made that is handed over, and its checkpoint one of this size."""

    def make(log: HandedOver) -> None:
        _signed(SECOND)(log)
        text = log.log.writer.checkpoint().text().replace(f"\n{log.log.writer.size}\n", f"\n{size}\n")
        (log.log.log.path / "checkpoint").write_bytes(sign_note(text, SIGNER, SECOND))

    return make


def _plain(log: HandedOver) -> None:
    log.publish(SIGNER)


def _empty_file(log: HandedOver) -> None:
    log.publish(SIGNER)
    log.state([])


def _many(count: int) -> Callable[[HandedOver], None]:
    """Return how a log is made that states so many handovers, all of them beyond its checkpoint."""

    def make(log: HandedOver) -> None:
        log.publish(SIGNER)
        keys = [SIGNER, *(Signer(ORIGIN, b"next" + number.to_bytes(28)) for number in range(count))]
        size = log.log.writer.size
        log.state([Handover.make(size + at, *keys[at : at + 2]) for at in range(count)])

    return make


def _endless(file: Path) -> None:
    file.touch()
    os.truncate(file, LONGEST_KEYS_BYTES + 1)


_NOTE_LINES = 8  # five of text, an empty one, two signatures; and between two handovers another empty one
_FILE_LINES = 2 * _NOTE_LINES + 1

_RIGHT: Mapping[str, HandoverCase] = {
    "never handed over": HandoverCase(_plain, True),
    "never handed over, an empty file": HandoverCase(_empty_file, True),
    "once, from the first key": HandoverCase(_signed(SECOND), True),
    "once, from the second key": HandoverCase(_signed(SECOND), True, SECOND),
    "once, both sign, from the first key": HandoverCase(_signed(SECOND, SIGNER), True),
    "once, both sign, from the second key": HandoverCase(_signed(SIGNER, SECOND), True, SECOND),
    "once, a stranger signs too": HandoverCase(_signed(STRANGER, SECOND), True),
    "twice, from the first key": HandoverCase(_twice, True),
    "twice, from the second key": HandoverCase(_twice, True, SECOND),
    "twice, from the third key": HandoverCase(_twice, True, THIRD),
    "twice, the second left out, signed by the second key": HandoverCase(_stated(_kept(0), SECOND), True),
    "all left out, signed by the first key": HandoverCase(_stated(_cut(0), SIGNER), True),
    "stated ahead of its entry, signed by the first key": HandoverCase(_published_ahead(SIGNER), True),
    "of the last entry that can be": HandoverCase(_published_ahead(SIGNER, index=(1 << 63) - 1), True),
}
"""Two of them stand for what nobody can see without openings: a log that conceals its handovers, signed by a former key."""

_WRONG: Mapping[str, HandoverCase] = {
    # whose signature is due
    "signed by the first key behind a handover": HandoverCase(_signed(SIGNER), False),
    "signed by a stranger": HandoverCase(_signed(STRANGER), False),
    "signed by the second key behind two": HandoverCase(_stated(_kept(0, 1), SECOND), False),
    "signed by the second key before the handover": HandoverCase(_published_ahead(SECOND), False),
    "of a size of many digits": HandoverCase(_sized("9" * 5000), False),
    "given a stranger's key": HandoverCase(_twice, False, STRANGER),
    "given a stranger's key, who signs too": HandoverCase(_signed(SECOND, STRANGER), False, STRANGER),
    "given a later key, signed by the former alone": HandoverCase(_signed(SIGNER), False, SECOND),
    # a handover missing
    "all missing": HandoverCase(_stated(_cut(0)), False),
    "the first missing": HandoverCase(_stated(_kept(1)), False),
    "the second missing": HandoverCase(_stated(_kept(0)), False),
    # an end key, or a handover, that no entry announces
    "an end key that no entry announces": HandoverCase(
        _announced(lambda one: [one, Handover.make(one.index + 1, SECOND, THIRD)], THIRD), False
    ),
    "no entry announces any": HandoverCase(_announced(lambda one: [Handover.make(1, SIGNER, SECOND)], SECOND), False),
    "the entry announces another": HandoverCase(_announced(lambda one: [Handover.make(one.index, SIGNER, THIRD)], THIRD), False),
    "before the given key, no entry announces it": HandoverCase(
        _announced(lambda one: [Handover.make(1, SIGNER, SECOND)], SECOND), False, SECOND
    ),
    "the entry is of another kind": HandoverCase(_recorded(_handover(), kind=Kind.ACCOUNT), False),
    # forged, and recorded so
    "by a stranger's key": HandoverCase(_recorded(_handover(STRANGER)), False),
    "without the former key's signature": HandoverCase(_recorded(_text(signers=(SECOND,))), False),
    "without the new key's signature": HandoverCase(_recorded(_text(signers=(SIGNER,))), False),
    "a stranger's signature for the former key's": HandoverCase(_recorded(_text(signers=(STRANGER, SECOND))), False),
    "the former key signs twice": HandoverCase(_recorded(_text(signers=(SIGNER, SIGNER))), False),
    "the signatures in another order": HandoverCase(_recorded(_text(signers=(SECOND, SIGNER))), False),
    "a signature repeated": HandoverCase(_recorded(_text(signers=(SIGNER, SECOND, SECOND))), False),
    "a stranger's signature at its end": HandoverCase(_recorded(_further_signature), False),
    "a signature spelled otherwise": HandoverCase(_recorded(_second_spelling), False),
    "the key's id in capitals": HandoverCase(_recorded(_text(former=_capitals(SIGNER))), False, SECOND),
    "a space behind a key": HandoverCase(_recorded(_text(new=f"{SECOND.vkey()} ")), False),
    "a witness's key": HandoverCase(_recorded(_text(new=Cosigner(ORIGIN, bytes(range(1, 33))).vkey())), False),
    "of another log": HandoverCase(_recorded(_text(begins=f"{HANDOVER_LINE}\n{_ELSEWHERE}\n")), False),
    "of another form": HandoverCase(_recorded(_text(begins=f"sluice.net/key-handover/v2\n{ORIGIN}\n")), False),
    "a sixth line": HandoverCase(_recorded(_text(behind="and more\n")), False),
    "an empty sixth line": HandoverCase(_recorded(_text(behind="\n")), False),
    # order, recorded so
    "in another order": HandoverCase(_recorded(_handover(SECOND, THIRD), _handover(SIGNER, SECOND)), False),
    "the first twice": HandoverCase(_recorded(_handover(), _handover(), signed=SECOND), False),
    "to the key that it is from": HandoverCase(_recorded(_handover(SIGNER, SIGNER), signed=SIGNER), False),
    "back to the first key": HandoverCase(_recorded(_handover(), _handover(SECOND, SIGNER), signed=SIGNER), False),
    "back to the first key, from the second": HandoverCase(
        _recorded(_handover(), _handover(SECOND, SIGNER), signed=SIGNER), False, SECOND
    ),
    "twice from one key": HandoverCase(_recorded(_handover(), _handover(SIGNER, THIRD), signed=THIRD), False),
    "two of one entry, which announces the second": HandoverCase(_both_of_one_entry, False),
    "the second of an earlier entry": HandoverCase(_second_recorded_first, False),
    "of an entry behind the last that can be": HandoverCase(_published_ahead(SIGNER, index=1 << 63), False),
    # the file
    "ends of lines from elsewhere": HandoverCase(_stated(lambda data: data.replace(b"\n", b"\r\n")), False),
    "an empty line at its end": HandoverCase(_stated(lambda data: data + b"\n"), False),
    "an empty line at its start": HandoverCase(_stated(lambda data: b"\n" + data), False),
    "two empty lines between handovers": HandoverCase(
        _stated(lambda data: data.replace(b"\n\nsluice.net", b"\n\n\nsluice.net")), False
    ),
    "no text": HandoverCase(_stated(lambda data: b"\xff" + data), False),
    "one byte": HandoverCase(_stated(_cut(1)), False),
    "two thirds": HandoverCase(_stated(lambda data: data[: len(data) * 2 // 3]), False),
    "cut behind the first": HandoverCase(_stated(lambda data: _kept(0)(data) + b"\n", SECOND), False),
    "cut behind the second text": HandoverCase(_stated(lambda data: data[: data.rindex(b"\n\n") + 1]), False),
    "the last byte missing": HandoverCase(_stated(_cut(-1)), False),
    "more than are read": HandoverCase(_many(MOST_HANDOVERS + 1), False),
    "longer than is read": HandoverCase(_instead(_endless), False),
    "a pipe": HandoverCase(_instead(os.mkfifo), False),
    "a folder": HandoverCase(_instead(Path.mkdir), False),
    "a device": HandoverCase(_instead(lambda file: file.symlink_to("/dev/zero")), False),
}

CASES: Mapping[str, HandoverCase] = {
    **_RIGHT,
    **_WRONG,
    **{
        f"index `{index[:9]}`": HandoverCase(_recorded(_text(index)), False)
        for index in ("", "015", "-1", "+15", "1٥", "9" * 5000)
    },
    **{f"lines {at} and {at + 1} swapped": HandoverCase(_stated(_swapped(at)), False) for at in range(_FILE_LINES - 1)},
    **{f"without line {at}": HandoverCase(_stated(_without(at)), False) for at in range(_FILE_LINES)},
}
