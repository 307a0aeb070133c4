#!/usr/bin/env python3
"""Verify the transparency log of a Sluice gateway, with nothing but Python (3.9 or later) and the log's public key.

    python3 verify.py --key 'NAME+ID+BASE64' [--witness 'NAME+ID+BASE64' ...] [FOLDER]

Take the key from somewhere else than this folder: council papers, a notice board, a contract, a witness. With `--no-key` the
key that lies in the folder is used; then all that is shown is that the folder agrees with itself.

This file is meant to be read. It imports only Python's standard library, asks no server, writes nothing and trusts nothing
that lies beside it, so whoever has read these few hundred lines knows what the verdict means. It goes from the outside in:

  1. the checkpoint   three lines (the log's name, its size, one hash over all of it) were signed with the log's key; where the
                      log was handed over to another key since, `log.keys` leads to it, each step signed by the key before
  2. the tree         the hashes in `tile/` lead to that one hash
  3. the entries      each entry in `tile/entries/` is the one that was hashed
  4. the chain        each entry is well formed and follows from the one before
  5. the labels       the labels by which citizens find their own releases are those that were committed to
  6. the policies     the policies that came into force are those in `policies/`, each named by its hash

Every other file of the folder is named, since nothing that was signed speaks of it; this program itself is one.

A log that passes can still have been shown to nobody else. Compare checkpoints with others, or look at what witnesses say.
What the entries commit to without saying it (who is in a release, and how much of them) is in the openings, which this file
does not read. Formats: https://c2sp.org (signed-note, tlog-checkpoint, tlog-tiles, tlog-cosignature), RFC 6962, RFC 8032,
RFC 8949, and the project's own docs/log-format.md.

Exit status: 0 all well, 1 something is wrong, 2 wrong usage, or no checkpoint to begin with, of which nothing can be said.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256, sha512
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, NoReturn, TextIO

# --- Ed25519 (RFC 8032, section 5.1) ----------------------------------------------------------------------------------------
#
# Points of the curve -x² + y² = 1 + d·x²·y² over the integers modulo P, as (X, Y, Z, T) with x = X/Z, y = Y/Z, x·y = T/Z.
# Verifying holds no secrets, so that nothing here needs to take constant time.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point
D = -121665 * pow(121666, -1, P) % P
SQRT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def add(p: Point, q: Point) -> Point:
    """Return the sum of two points (section 5.1.4)."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(n: int, p: Point) -> Point:
    """Return n·p."""
    result = NEUTRAL
    while n:
        if n & 1:
            result = add(result, p)
        p, n = add(p, p), n >> 1
    return result


def decompress(data: bytes) -> Point | None:
    """Return the point that 32 bytes stand for (section 5.1.3), None where there is none."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P  # x² = u/v
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * SQRT_OF_MINUS_1 % P
        if (v * x * x - u) % P:
            return None
    if x & 1 != sign:
        x = -x % P
    return (x, y % P, 1, x * y % P)


def compress(p: Point) -> bytes:
    """Return the 32 bytes that stand for a point (section 5.1.2)."""
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def ed25519_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is this key's over this message.

    As OpenSSL does it: S must be below the order, so that no signature has a second form; and R is compared as bytes with the
    one point that fits (section 5.1.7 without the cofactor), so that R has one form as well.
    """
    assert BASE is not None
    if len(public_key) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    a = decompress(public_key)
    if s >= ORDER or a is None:
        return False
    h = int.from_bytes(sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    minus_a = (-a[0] % P, a[1], a[2], -a[3] % P)
    return compress(add(multiply(s, BASE), multiply(h, minus_a))) == signature[:32]


# --- Signed notes, keys and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature) --------------------------------

LOG_KEY, WITNESS_KEY = 1, 4  # the types of keys that we know


class Wrong(Exception):  # noqa: N818  it is read as a sentence: raise Wrong(where, problem)
    """Something is wrong: where, and what."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where, self.problem = where, problem


class Key(NamedTuple):
    """A public key with its name; `id` are the four bytes by which a signature line names it."""

    name: str
    id: bytes
    type: int
    public: bytes

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Return whether a signature line's bytes, without the id, are this key's over the note's text."""
        if self.type == LOG_KEY:
            return ed25519_verify(self.public, text, signature)
        # A witness signs the time at which it saw the checkpoint, and sends it along in front: 8 bytes, Unix seconds.
        seen = int.from_bytes(signature[:8], "big")
        message = b"cosignature/v1\ntime %d\n" % seen + text
        return ed25519_verify(self.public, message, signature[8:])


def unbase64(text: str) -> bytes | None:
    """Return the bytes of padded base64 in its only form, None for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def parse_key(text: str) -> Key:
    """Return the key of a text `NAME+ID+BASE64`, where ID = SHA-256(NAME, newline, type, key)[:4]."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    data = unbase64(encoded) or b""
    right_id = sha256(name.encode() + b"\n" + data).digest()[:4]
    if not name or any(c.isspace() for c in name) or len(data) != 33 or right_id.hex() != key_id:
        raise Wrong("key", f"`{text.strip()}` is no public key of the form NAME+ID+BASE64")
    if data[0] not in (LOG_KEY, WITNESS_KEY):
        raise Wrong("key", f"a key of type `{data[0]}`, which this program does not know")
    return Key(name, right_id, data[0], data[1:])


class Line(NamedTuple):
    """A signature line of a note."""

    number: int
    name: str
    id: bytes
    signature: bytes


def split_note(note: bytes, where: str = "checkpoint") -> tuple[bytes, list[Line]]:
    """Return a note's text, which ends in a newline, and its signature lines: those behind the last empty line."""
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise Wrong(where, f"byte {error.start} is not UTF-8") from error
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or any(c < " " and c != "\n" for c in whole):
        raise Wrong(where, "it is not a text with signature lines after an empty line")
    lines = []
    for number, line in enumerate(tail[:-1].split("\n"), text.count("\n") + 3):
        words = line.split(" ")
        data = unbase64(words[2]) if len(words) == 3 and words[0] == "\u2014" else None
        if data is None or len(data) < 5 or not words[1] or "+" in words[1] or any(c.isspace() for c in words[1]):
            raise Wrong(where, f"line {number} is not a signature line")
        lines.append(Line(number, words[1], data[:4], data[4:]))
    if len(lines) > 100:
        raise Wrong(where, "more than 100 signature lines")
    return text.encode() + b"\n", lines


class Checkpoint(NamedTuple):
    """The log's name, size and root, and who has signed them."""

    origin: str
    size: int
    root: bytes
    cosigned: dict[str, int]  # witness -> the second at which it signed
    unknown: list[str]  # signature lines of keys that we do not know


class Handover(NamedTuple):
    """A handover of the log's key: the entry that records it, the key before and after, and the note that both have signed."""

    entry: int
    old: Key
    new: Key
    note: bytes


HANDOVER_LINE = "sluice.net/key-handover/v1"
MOST_HANDOVERS = 1000


def is_count(text: str) -> bool:
    """Return whether a text is a number of entries, or an entry's, in its only form."""
    return re.fullmatch("0|[1-9][0-9]{0,18}", text) is not None and int(text) < 2**63


def parse_handovers(data: bytes, name: str) -> list[Handover]:
    """Return the handovers in `log.keys`: notes one after the other, each signed by the key before and by its own."""
    found: list[Handover] = []
    parts = data.split(b"\n\n") if data else []
    if len(parts) > 2 * MOST_HANDOVERS:
        raise Wrong("log.keys", f"it is more than {MOST_HANDOVERS} handovers")
    for number in range(0, len(parts) - len(parts) % 2, 2):
        where = f"log.keys, handover {number // 2}"
        note = parts[number] + b"\n\n" + parts[number + 1] + (b"" if number + 2 == len(parts) else b"\n")
        text, lines = split_note(note, where)
        rows = text.decode().split("\n")[:-1]
        if len(rows) != 5 or rows[:2] != [HANDOVER_LINE, name] or not is_count(rows[2]):
            raise Wrong(where, "it has not the five lines of a handover of this log")
        old, new = parse_key(rows[3]), parse_key(rows[4])
        if old.type != LOG_KEY or new.type != LOG_KEY or not old.name == new.name == name or rows[3:] != [vkey(old), vkey(new)]:
            raise Wrong(where, "its keys are not those of this log")
        for key in (old, new):
            line = next((line for line in lines if (line.name, line.id) == (key.name, key.id)), None)
            if line is None or not key.verify(text, line.signature):
                raise Wrong(where, f"the key `{vkey(key)}` has not signed it")
        if [(line.name, line.id) for line in lines] != [(key.name, key.id) for key in (old, new)]:
            raise Wrong(where, "it bears other signatures than that of the former key and that of the new one, in this order")
        if new in (old, *(each.old for each in found)):
            raise Wrong(where, "it leads back to a key that had been handed over")
        if found and (found[-1].new != old or found[-1].entry >= int(rows[2])):
            raise Wrong(where, "it does not follow from the one before")
        found.append(Handover(int(rows[2]), old, new, note))
    if len(parts) % 2:
        raise Wrong("log.keys", "it is not handovers one after the other")
    return found


def followed(log: Key, handovers: list[Handover]) -> list[Handover]:
    """Return the handovers from a key on, forwards; a log that was handed over has to have passed through the key."""
    for number, each in enumerate(handovers):
        if each.old == log:
            return handovers[number:]
    if handovers and handovers[-1].new != log:
        raise Wrong("log.keys", "its handovers do not pass through the key that was given")
    return []


def read_handovers(folder: Path, name: str) -> list[Handover]:
    """Return the handovers that lie in a folder; none where the log has always had one key."""
    try:
        return parse_handovers(read(folder, "log.keys", LONGEST_KEYS), name)
    except Absent:
        return []


def handover_commitment(note: bytes) -> bytes:
    """Return what the entry of a handover commits to: one leaf, the HMAC of `{kind: "log-key", handover: note}` under a salt."""
    length = bytes([0x58, len(note)]) if len(note) < 256 else b"\x59" + len(note).to_bytes(2, "big")
    payload = b"\xa2\x64kind\x67log-key\x68handover" + length + note
    return leaf_hash(hmac.digest(sha256(b"sluice key handover" + note).digest(), payload, "sha256"))


def open_checkpoint(note: bytes, log: Key, witnesses: list[Key], handovers: list[Handover] | None = None) -> Checkpoint:
    """Return a checkpoint once the log's key has signed it; a wrong signature of any key that we know is an error."""
    known = (log, *(each.new for each in handovers or ()), *witnesses)
    text, lines = split_note(note)
    signed: dict[bytes, Line] = {}
    unknown = []
    for line in lines:
        key = next((key for key in known if (key.name, key.id) == (line.name, line.id)), None)
        if key is None:
            unknown.append(f"line {line.number} `{line.name}+{line.id.hex()}`")
        elif key.id not in signed:  # of a key's repeated lines the first counts
            if not key.verify(text, line.signature):
                raise Wrong("checkpoint", f"line {line.number}: the signature of `{line.name}` is wrong")
            signed[key.id] = line
    rows = text.decode().split("\n")[:-1]
    covered = [each for each in handovers or () if len(rows) > 1 and is_count(rows[1]) and each.entry < int(rows[1])]
    due = covered[-1].new if covered else log
    if due.id not in signed:
        if covered and signed:
            raise Wrong("checkpoint", f"entry {covered[-1].entry} handed the log over to {vkey(due)}, which has not signed it")
        strangers = f"; signed by unknown keys: {', '.join(unknown)}" if unknown else ""
        raise Wrong("checkpoint", f"the log's key has not signed it{strangers}")
    if len(rows) < 3 or not all(rows):
        raise Wrong("checkpoint", "it has not three lines or more, none of them empty")
    origin, size, root = rows[0], rows[1], unbase64(rows[2])
    if not is_count(size):
        raise Wrong("checkpoint", f"line 2: `{size}` is no size")
    if root is None or len(root) != 32 or (size == "0" and root != root_over([])):
        raise Wrong("checkpoint", f"line 3: `{rows[2]}` is no root of a log of that size")
    if origin != log.name:
        raise Wrong("checkpoint", f"line 1: `{origin}` is not the key's name `{log.name}`")
    times = {key.name: int.from_bytes(signed[key.id].signature[:8], "big") for key in witnesses if key.id in signed}
    cosigned = {name: second for name, second in times.items() if 0 < second < 2**63}
    return Checkpoint(origin, int(size), root, cosigned, unknown)


# --- The Merkle tree (RFC 6962, section 2.1) and its files (C2SP tlog-tiles) ------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of an entry, or of a label, as a leaf."""
    return sha256(b"\x00" + data).digest()


def root_over(hashes: list[bytes]) -> bytes:
    """Return the root over leaf hashes, or over the roots of equally large full subtrees and one smaller last one."""
    row = hashes
    while len(row) > 1:  # hash pairs together; an odd last one goes up as it is
        above = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        row = above + row[len(above) * 2 :]
    return row[0] if row else sha256(b"").digest()


def pieces(data: bytes, length: int) -> list[bytes]:
    """Cut bytes into pieces of one length."""
    return [data[at : at + length] for at in range(0, len(data), length)]


def numbered(index: int) -> str:
    """Return a tile's number as a path: 1234067 is x001/x234/067."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups)


def spans(size: int, level: int) -> Iterator[tuple[int, int]]:
    """Yield number and width (1 to 256) of the tiles that a log of this size has at a level."""
    count = size >> (8 * level)
    for index in range((count + 255) // 256):
        yield index, min(256, count - 256 * index)


LONGEST_NOTE = 1 << 16  # bytes; no checkpoint is longer
LONGEST_KEYS = 1 << 20
LONGEST_TILE = 256 * 32
LONGEST = 256 * (2 + 65_535)  # no other file is longer than a bundle of the longest entries
LONG_LOG = 1 << 24  # entries; of a longer log the tile at the top must be there before all others are looked for
MOST_SHOWN = 1000
MOST_WRONG = 10_000  # things; after more than that nobody needs to read on


class Unreachable(Exception):  # noqa: N818  like `Wrong`
    """There is no log to be read."""


class Absent(Wrong):
    """A file is not there."""


def read(folder: Path, path: str, longest: int = LONGEST) -> bytes:
    """Return the bytes of a regular file; a pipe or a device would be waited for without end, and is not opened."""
    try:
        if not (folder / path).is_file():
            raise Wrong(path, "it is no regular file") if (folder / path).exists() else Absent(path, "it is absent")
        with open(folder / path, "rb") as file:
            data = file.read(longest + 1)
    except OSError as error:
        raise Wrong(path, "it cannot be read") from error
    if len(data) > longest:
        raise Wrong(path, f"it is longer than {longest} bytes")
    return data


def read_wide(folder: Path, path: str, width: int, longest: int) -> tuple[str, bytes, bool]:
    """Return path and bytes of a tile or bundle, and whether it is a full one that has replaced the partial one that is due."""
    due = path if width == 256 else f"{path}.p/{width}"
    try:
        return due, read(folder, due, longest), False
    except Absent:
        if due == path or not (folder / path).exists():
            raise
    return path, read(folder, path, longest), True


def narrower(folder: Path, path: str, width: int) -> Iterator[tuple[str, int]]:
    """Yield path and width of the partial files that earlier checkpoints have left behind."""
    if (folder / f"{path}.p").is_dir():
        for name in sorted(file.name for file in (folder / f"{path}.p").iterdir()):
            if re.fullmatch(r"[1-9][0-9]{0,2}", name, re.ASCII) and int(name) < width:
                yield f"{path}.p/{name}", int(name)


def split_tile(where: str, data: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    if len(data) % 32:
        raise Wrong(where, f"{len(data)} bytes are no whole hashes")
    return pieces(data, 32)


def split_bundle(where: str, data: bytes) -> list[bytes]:
    """Return the entries of a bundle: each stands behind its length in two bytes."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or at + 2 > len(data):
            raise Wrong(where, f"entry {len(entries)} in it runs past its end")
        entries.append(data[at + 2 : end])
        at = end
    return entries


# --- Entries: maps in deterministic CBOR (RFC 8949, section 4.2.1) of whole numbers and byte strings ------------------------


LONGER = {24: 1, 25: 2, 26: 4, 27: 8}  # numbers from 24 on stand in so many bytes behind the first
LEAST = {0: 0, 1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}  # and are never smaller than that


def read_item(data: bytes, at: int) -> tuple[object, int]:
    """Return the whole number or byte string at a place, and where the next item begins."""
    if at >= len(data):
        raise ValueError("it ends too early")
    major, number = data[at] >> 5, data[at] & 31
    width = LONGER.get(number, 0)
    at += 1 + width
    if width:
        number = int.from_bytes(data[at - width : at], "big")
    elif number > 27:
        raise ValueError("a length that is not definite")
    if at > len(data) or number < LEAST[width]:
        raise ValueError("a number that is cut off, or not in its shortest form")
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major == 2 and at + number <= len(data):
        return data[at : at + number], at + number
    raise ValueError("something that is neither a number nor a byte string")


KINDS = (  # numbered from 1
    *("genesis", "policy", "consent", "withdrawal", "erasure", "release"),
    *("void", "account", "key", "gap", "reidentification"),
)
VERSION, KIND, TIME, SEQUENCE, POLICY, CONSENT_HEAD, COMMITMENT, BUNDLE, LABELS, SUBJECT, PARTS = range(11)
COMMON = (VERSION, KIND, TIME, SEQUENCE, POLICY, CONSENT_HEAD, COMMITMENT)
FURTHER = {"release": (BUNDLE, LABELS), "erasure": (SUBJECT, PARTS)}
HASHES = (POLICY, COMMITMENT, BUNDLE, LABELS, SUBJECT)


def parse_entry(data: bytes) -> tuple[str, dict[int, int], dict[int, bytes]]:
    """Return an entry's kind, its numbers and its hashes, by key."""
    if not data or data[0] not in (0xA7, 0xA9):
        raise ValueError("not a map of 7 or 9 fields")
    fields: dict[object, object] = {}
    at, last = 1, -1
    for _ in range(data[0] & 31):
        key, at = read_item(data, at)
        if not isinstance(key, int) or key <= last:
            raise ValueError("its keys are not in rising order")
        last = key
        fields[key], at = read_item(data, at)
    number = fields.get(KIND)
    if at != len(data) or fields.get(VERSION) != 1 or not isinstance(number, int) or not 1 <= number <= len(KINDS):
        raise ValueError("an unknown version or kind, or bytes behind its end")
    kind = KINDS[number - 1]
    if tuple(fields) != COMMON + FURTHER.get(kind, ()):
        raise ValueError(f"it has not the fields of an entry of kind `{kind}`")
    hashes = {key: value for key, value in fields.items() if isinstance(key, int) and isinstance(value, bytes)}
    numbers = {key: value for key, value in fields.items() if isinstance(key, int) and isinstance(value, int)}
    if tuple(hashes) != tuple(key for key in fields if key in HASHES) or any(len(value) != 32 for value in hashes.values()):
        raise ValueError("a hash that is not 32 bytes long")
    if any(not (-1 if key == CONSENT_HEAD else 0) <= value < 2**63 for key, value in numbers.items()):
        raise ValueError("a number out of its range")
    return kind, numbers, hashes


# --- The verification --------------------------------------------------------------------------------------------------------


class Verification:
    """One pass over a log folder; `wrong` collects what is wrong."""

    def __init__(self, folder: Path, size: int, handovers: list[Handover]) -> None:
        self.folder, self.size = folder, size
        self.handovers = {each.entry: handover_commitment(each.note) for each in handovers}
        self.wrong: list[Wrong] = []
        self.releases: set[int] = set()
        self.policies: set[bytes] = set()
        self.set_back = self.time = 0
        self.stopped = ""  # why the log was not read to its end
        # What the entries so far say about the next one; None once an entry could not be read.
        self.policy: bytes | None = bytes(32)
        self.consent_head: int | None = -1

    def find(self, where: str, problem: str) -> None:
        """Take down something wrong."""
        self.wrong.append(Wrong(where, problem))

    def wide(self, base: str, width: int, split: Callable[[str, bytes], list[bytes]]) -> tuple[str, list[bytes]]:
        """Return path and content of a tile or bundle of some width; nothing where it cannot be read."""
        longest = LONGEST_TILE if split is split_tile else LONGEST
        try:
            where, data, may_be_longer = read_wide(self.folder, base, width, longest)
            items = split(where, data)
            if len(items) < width or (len(items) > width and not may_be_longer):
                raise Wrong(where, f"it holds {len(items)} where {width} are due")
            head = 0 if split is split_tile else 2  # the length before an entry
            self.older(base, where, data, width, [*accumulate(head + len(item) for item in items)])
        except Wrong as problem:
            self.find(problem.where, problem.problem)
            return base, []
        return where, items[:width]

    def older(self, base: str, where: str, data: bytes, width: int, ends: list[int]) -> None:
        """Check that earlier checkpoints have left the start of what is there now; past the first that is not, none is read."""
        for path, count in narrower(self.folder, base, width):
            try:
                is_start = read(self.folder, path, ends[count - 1]) == data[: ends[count - 1]]
            except Wrong as problem:
                is_start = isinstance(problem, Absent)  # removed meanwhile
            if not is_start:
                self.find(path, f"it is not the start of `{where}`")
                return

    def stops(self, where: str) -> bool:
        """Return whether so much is wrong that nothing more is read."""
        if len(self.wrong) > MOST_WRONG and not self.stopped:
            self.stopped = f"reading stopped at `{where}`, after {len(self.wrong)} things were wrong"
        return bool(self.stopped)

    def run(self, root: bytes) -> None:
        """Check tree, entries, chain and labels against the root that the checkpoint names."""
        top = max(0, self.size.bit_length() - 1) // 8
        if self.size >= LONG_LOG and not self.wide(f"tile/{top}/000", self.size >> (8 * top), split_tile)[1]:
            self.stopped = f"nothing shows that the log has {self.size} entries"
        self.levels(root)
        if self.stopped:
            self.find("log", self.stopped)

    def levels(self, root: bytes) -> None:
        """Check the tiles from the lowest level up, the entries along with the lowest."""
        below: list[bytes] = []  # the roots of the full tiles of the level below, which are the hashes of this one
        found: list[bytes] = []  # the root over what is not in full tiles yet, from the lowest level up
        for level in range(8):
            roots: list[bytes] = []
            for index, width in spans(self.size, level):
                if self.stops(f"tile/{level}/{numbered(index)}"):
                    return
                where, hashes = self.wide(f"tile/{level}/{numbered(index)}", width, split_tile)
                if level == 0:
                    self.entries(index, width, where, hashes)
                for place, (stored, due) in enumerate(zip(hashes, below[256 * index :])):  # noqa: B905  of Python 3.10
                    if stored != due:
                        self.find(where, f"hash {place} is not that of the tile below")
                if width == 256:
                    roots.append(root_over(hashes))
                else:
                    found = [root_over(hashes + found)]
            below = roots
        if root_over(found) != root:
            self.find("checkpoint", "the tiles do not lead to its root")

    def entries(self, block: int, width: int, tile: str, hashes: list[bytes]) -> None:
        """Check the up to 256 entries below a tile of level 0."""
        where, entries = self.wide(f"tile/entries/{numbered(block)}", width, split_bundle)
        for place in range(width):
            index = 256 * block + place
            entry = entries[place] if entries else None
            if entry is not None and hashes and leaf_hash(entry) != hashes[place]:
                self.find(f"entry {index}", f"it does not hash to its leaf: `{where}` or `{tile}` has been changed")
                entry = None
            self.chain(index, entry)

    def chain(self, index: int, data: bytes | None) -> None:
        """Check that an entry is well formed and follows from those before."""
        try:
            kind, numbers, hashes = parse_entry(data) if data is not None else ("", {}, {})
        except ValueError as error:
            self.find(f"entry {index}", str(error))
            kind = ""
        if not kind:
            self.policy = self.consent_head = None
            return
        if numbers[SEQUENCE] != index:
            self.find(f"entry {index}", f"it says that it is number {numbers[SEQUENCE]}")
        if (kind == "genesis") != (index == 0):
            self.find(f"entry {index}", "the first entry, and no other, is the genesis")
        if self.policy not in (None, hashes[POLICY]) and kind not in ("genesis", "policy"):
            self.find(f"entry {index}", "the policy changes without a policy entry")
        changes_consent = kind in ("consent", "withdrawal", "erasure")
        if numbers[CONSENT_HEAD] > index or (index if changes_consent else self.consent_head) not in (
            None,
            numbers[CONSENT_HEAD],
        ):
            self.find(f"entry {index}", f"its consent head is {numbers[CONSENT_HEAD]}")
        self.policy, self.consent_head = hashes[POLICY], numbers[CONSENT_HEAD]
        self.set_back += numbers[TIME] < self.time  # no fault: clocks are set, and the log's order is that of its indices
        self.time = numbers[TIME]
        if index in self.handovers and (kind != "key" or self.handovers[index] != hashes[COMMITMENT]):
            self.find(f"entry {index}", "`log.keys` says that it hands the log over, and it does not")
        if kind == "release":
            self.labels(index, hashes[LABELS])
        elif kind == "policy":
            self.policy_set(index, hashes[POLICY])

    def labels(self, index: int, root: bytes) -> None:
        """Check the labels of a release: 16 bytes each, a power of two of them, in rising order, leading to the root."""
        self.releases.add(index)
        where = f"labels/{index}"
        try:
            data = read(self.folder, where)
        except Wrong as problem:
            self.find(problem.where, problem.problem)
            return
        labels = pieces(data, 16)
        count = len(labels)
        if not count or count & (count - 1) or len(data) % 16 or labels != sorted(set(labels)):
            self.find(where, "they are not a power of two of different labels in rising order")
        elif root_over([leaf_hash(label) for label in labels]) != root:
            self.find(where, "they do not lead to the root in the entry")

    def policy_set(self, index: int, digest: bytes) -> None:
        """Check that the policies which an entry put in force are there, and hash to what it says."""
        if digest in self.policies:
            return
        self.policies.add(digest)
        where = f"policies/{digest.hex()}"
        try:
            if sha256(read(self.folder, where)).digest() != digest:
                self.find(where, f"it is not what entry {index} put in force")
        except Wrong as problem:
            self.find(problem.where, problem.problem)

    def others(self) -> tuple[list[str], int]:
        """Return the files that nothing above has read, and how many belong to entries beyond the checkpoint."""
        unknown, beyond = [], 0
        try:
            listed = paths(self.folder)
        except Wrong as problem:
            self.find(problem.where, problem.problem)
            return [], 0
        for path in listed:
            index = int(path[7:]) if LABELS_PATH.fullmatch(path) else None
            tile = TILE_PATH.fullmatch(path)
            if tile and tile[2] == numbered(number := int(re.sub("[x/]", "", tile[2]))) and int(tile[3] or 0) < 256:
                level = 0 if tile[1] == "entries" else int(tile[1])
                beyond += 256 * number + int(tile[3] or 256) > self.size >> (8 * level)
            elif index is not None and index >= self.size:
                beyond += 1
            elif path not in ("checkpoint", "log.vkey", "log.keys") and index not in self.releases:
                digest = bytes.fromhex(path[9:]) if POLICIES_PATH.fullmatch(path) else None
                if digest not in self.policies:
                    unknown.append(path)
        return unknown, beyond


TILE_PATH = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
LABELS_PATH = re.compile(r"labels/(?:0|[1-9][0-9]{0,18})", re.ASCII)
POLICIES_PATH = re.compile(r"policies/[0-9a-f]{64}", re.ASCII)


def paths(folder: Path) -> list[str]:
    """Return the paths of all files in a folder, in order; links are not followed, and count as files."""
    found, folders = [], [""]
    while folders:
        above = folders.pop()
        try:
            each = [(above + file.name, file.is_dir() and not file.is_symlink()) for file in (folder / above).iterdir()]
        except OSError as error:
            raise Wrong(above or ".", "it cannot be listed") from error
        found += [path for path, is_folder in each if not is_folder]
        folders += [f"{path}/" for path, is_folder in each if is_folder]
    return sorted(found)


def offered_key(folder: Path) -> str | None:
    """Return the key that lies in the folder; None where none can be read."""
    try:
        return read(folder, "log.vkey", LONGEST_NOTE).decode("utf-8", "replace").strip()
    except Wrong:
        return None


def read_checkpoint(folder: Path) -> bytes:
    """Return the bytes of the checkpoint; without one there is no log, and nothing that could be wrong with it."""
    try:
        return read(folder, "checkpoint", LONGEST_NOTE)
    except Wrong as problem:
        raise Unreachable(f"the log cannot be reached: {problem}") from problem


def verify(folder: Path, log: Key, witnesses: list[Key]) -> tuple[Checkpoint | None, list[Wrong], list[str]]:
    """Verify a log folder; return its checkpoint if that is to be trusted, what is wrong, and lines about what was read."""
    wrong = []
    note = read_checkpoint(folder)
    try:
        handovers = read_handovers(folder, log.name)
        ahead = followed(log, handovers)
        if offered_key(folder) not in (None, vkey(log), *(vkey(key) for each in handovers for key in (each.old, each.new))):
            wrong.append(Wrong("log.vkey", "it is another key than the one given"))
        checkpoint = open_checkpoint(note, log, witnesses, ahead)
    except Wrong as problem:
        return None, [*wrong, problem], ["nothing below the checkpoint was looked at"]
    verification = Verification(folder, checkpoint.size, handovers)
    verification.run(checkpoint.root)
    unknown, beyond = verification.others()
    releases, policies = len(verification.releases), len(verification.policies)
    what = [
        f"{checkpoint.size} entries, {releases} releases, {policies} policy sets, clock set back {verification.set_back} times",
        *(f"entry {each.entry} handed the log over to {vkey(each.new)}" for each in ahead if each.entry < checkpoint.size),
        f"files: {len(unknown)} named by no entry, {beyond} beyond the checkpoint",
        *(f"  {printable(path)} is named by no entry" for path in unknown[:100]),
    ]
    return checkpoint, wrong + verification.wrong, what


def printable(text: str) -> str:
    """Return a text with whatever could write over a terminal, begin a line or change the order of its words escaped."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def say(line: str, file: TextIO | None = None) -> None:
    """Print one line; all that is printed comes through here, since most of it is other people's text."""
    out = sys.stdout if file is None else file
    shown = printable(line).encode(out.encoding or "utf-8", "backslashreplace").decode(out.encoding or "utf-8")
    print(shown, file=out)


class LineParser(argparse.ArgumentParser):
    """A parser that quotes what was typed in one line."""

    def error(self, message: str) -> NoReturn:
        """End with the usage, the message and status 2."""
        super().error(printable(message))


def main(arguments: list[str] | None = None) -> int:
    """Verify, print the verdict and return the exit status."""
    parser = LineParser(description="Verify the log of a Sluice gateway.", allow_abbrev=False)
    parser.add_argument("folder", nargs="?", default=Path(__file__).resolve().parent, type=Path, help="default: where this lies")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--key", metavar="VKEY", help="the log's public key, from elsewhere than the folder")
    whose.add_argument("--no-key", action="store_true", help="use the key that lies in the folder, and trust nobody")
    parser.add_argument("--witness", metavar="VKEY", action="append", default=[], help="a witness's public key; may be repeated")
    parser.add_argument("--need", metavar="K", type=int, default=0, help="how many of the witnesses must have cosigned")
    args = parser.parse_args(arguments)
    try:
        log = parse_key((offered_key(args.folder) or "") if args.no_key else args.key)
        witnesses = [parse_key(text) for text in args.witness]
        checkpoint, wrong, what = verify(args.folder, log, witnesses)
    except (Wrong, Unreachable) as problem:
        say(f"verify.py: {problem}", sys.stderr)
        return 2
    except UnicodeError:
        say("verify.py: an argument is not utf-8", sys.stderr)
        return 2
    say(f"log: {log.name}, {what[0]}")
    for line in what[1:]:
        say(line)
    say(f"trust: {'NONE: the key comes from the folder itself' if args.no_key else 'key given'}, {vkey(log)}")
    if checkpoint is not None:
        if len(checkpoint.cosigned) < args.need:
            wrong.append(
                Wrong("checkpoint", f"{len(checkpoint.cosigned)} witnesses have cosigned it where {args.need} are needed")
            )
        say(f"witnesses: {len(checkpoint.cosigned)} of {len(witnesses)}")
        for name, second in checkpoint.cosigned.items():
            say(f"  {name} saw it at {moment(second)}")
        for line in checkpoint.unknown:
            say(f"  {line} is the signature of an unknown key, which says nothing")
    for each in (*wrong[:MOST_SHOWN], *wrong[MOST_SHOWN:][-1:]):  # the last one says where reading stopped
        say(f"WRONG  {each}")
    if len(wrong) > MOST_SHOWN + 1:
        say(f"WRONG  and {len(wrong) - MOST_SHOWN - 1} more")
    say("audit: failed" if wrong else "audit: ok")
    return 1 if wrong else 0


def vkey(key: Key) -> str:
    """Return the text form of a key."""
    return f"{key.name}+{key.id.hex()}+{base64.b64encode(bytes([key.type]) + key.public).decode()}"


def moment(second: int) -> str:
    """Return a Unix second in words."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)) if second < 2**37 else f"second {second}"


if __name__ == "__main__":
    sys.exit(main())
