"""Openings: the payload parts and salts behind an entry's commitment, and the labels by which a citizen finds releases.

A commitment is a Merkle root over an entry's parts, each hidden under a salt of its own, so that one part can be shown or
destroyed without the others. Erasing a subject deletes its parts and their salts and keeps their leaf hashes: the
commitment can still be computed, and reveals nothing of the subject.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from gateway.audit.log.canonical import head
from gateway.audit.log.merkle import GrowingRoot, leaf_hash, tree_root

SALT_BYTES: Final = 32
LABEL_BYTES: Final = 16
_HASH_BYTES = 32
_FORMAT_VERSION = 1
_MAX_INDEX = (1 << 63) - 1
_BEGINNING = bytes((0x83, _FORMAT_VERSION))
_HASH_HEAD = b"\x58\x20"  # of a byte string of 32
_LEAST_PART_BYTES = len(_HASH_HEAD) + _HASH_BYTES
_BLOCK_BYTES: Final = 64  # of SHA-256, to which HMAC fills a key up
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}


class OpeningError(ValueError):
    """The bytes are not an opening, or its parts are impossible."""


class Part(NamedTuple):
    """One part of an entry's payload, in canonical bytes, under its salt."""

    salt: bytes
    data: bytes


def keyed(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA256 of data under a key of at most 64 bytes: from two hashes, it takes a third of the library's time.

    A release of a large city has one or more for each of its households.
    """
    whole = key.ljust(_BLOCK_BYTES, b"\0")
    inner = sha256(whole.translate(_INNER) + data).digest()
    return sha256(whole.translate(_OUTER) + inner).digest()


def part_leaf(salt: bytes, data: bytes) -> bytes:
    """Return the leaf hash of a part: that of HMAC-SHA256 of the part under its salt."""
    return sha256(b"\x00" + keyed(salt, data)).digest()


def commit(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the commitment to parts, given as pairs of salt and canonical bytes.

    Raises:
        OpeningError: when there are none, or a salt is not 32 bytes long.
    """
    if not parts:
        raise OpeningError("a commitment has at least one part")
    for salt, _ in parts:
        if len(salt) != SALT_BYTES:
            raise OpeningError(f"a salt of `{len(salt)}` bytes where {SALT_BYTES} are due")
    return tree_root([part_leaf(salt, data) for salt, data in parts])


class Opening(msgspec.Struct, frozen=True):
    """What an accredited auditor sees of one entry; an erased part is represented by its leaf hash."""

    index: int
    parts: tuple[Part | bytes, ...]

    def commitment(self) -> bytes:
        """Return the commitment that these parts and leaf hashes lead to."""
        return tree_root([part if isinstance(part, bytes) else part_leaf(*part) for part in self.parts])

    @property
    def first(self) -> bytes | None:
        """The bytes of the first part, which is the only one but in a release; None where it is erased."""
        part = self.parts[0]
        return part.data if isinstance(part, Part) else None

    @property
    def erased_count(self) -> int:
        """How many parts have been erased."""
        return len([part for part in self.parts if isinstance(part, bytes)])

    def erase(self, numbers: Collection[int]) -> Opening:
        """Return the opening without the parts of these numbers, their leaf hashes kept."""
        return Opening(
            self.index,
            tuple(
                part_leaf(*part) if number in numbers and isinstance(part, Part) else part
                for number, part in enumerate(self.parts)
            ),
        )

    def encode(self) -> bytes:
        """Return the bytes of the opening's file.

        Raises:
            OpeningError: when a salt or leaf hash has another length, or there is no part.
        """
        if type(self.index) is not int or not 0 <= self.index <= _MAX_INDEX or not self.parts:
            raise OpeningError("an opening has an index and at least one part")
        return _beginning(self.index, len(self.parts)) + b"".join(map(_part_bytes, self.parts))

    @classmethod
    def decode(cls, data: bytes) -> Opening:
        """Return the opening that a file holds.

        It is read as the one form that it has, not as any CBOR, so that no more is made of bytes than parts of an opening.

        Raises:
            OpeningError: when the bytes are anything but what `encode` writes.
        """
        if data[:2] != _BEGINNING:
            raise OpeningError(f"not an array of version `{_FORMAT_VERSION}`, index and parts")
        index, at = _argument(data, 2, 0x00)
        count, at = _argument(data, at, 0x80)
        if not 0 < count <= len(data) // _LEAST_PART_BYTES or index > _MAX_INDEX:
            raise OpeningError(f"an opening has an index and parts; `{count}` do not fit in `{len(data)}` bytes")
        parts: list[Part | bytes] = []
        for _ in range(count):
            part, at = _read_part(data, at)
            parts.append(part)
        if at != len(data):
            raise OpeningError("bytes after its parts, or too few for them")
        return cls(index, tuple(parts))


def write_opening(index: int, parts: Iterable[Part], count: int, root: GrowingRoot) -> Iterator[bytes]:
    """Yield the bytes of an opening while its parts are made: those of a large city's day take 12 MB together.

    Args:
        index: Of the entry.
        parts: Taken one after another.
        count: How many there are.
        root: Grows by the leaf of each part; at the end it is the commitment.
    Raises:
        OpeningError: when a salt has another length, there is no part, or there are more or fewer.
    """
    yield _beginning(index, count)
    taken = 0
    for part in parts:
        root.add(part_leaf(*part))
        taken += 1
        yield _part_bytes(part)
    if taken != count:
        raise OpeningError(f"`{taken}` parts of an opening where `{count}` were announced")


def _beginning(index: int, parts: int) -> bytes:
    if type(index) is not int or not 0 <= index <= _MAX_INDEX or not parts:
        raise OpeningError("an opening has an index and at least one part")
    return b"".join((_BEGINNING, head(0x00, index), head(0x80, parts)))


def _part_bytes(part: Part | bytes) -> bytes:
    if isinstance(part, bytes):
        _check_bytes(part, _HASH_BYTES)
        return _HASH_HEAD + part
    salt, data = part
    _check_bytes(salt, SALT_BYTES)
    return b"".join((b"\x82\x58\x20", salt, head(0x40, len(data)), data))


def commitment(opening: Opening) -> bytes:
    """Return the commitment that an opening leads to."""
    return opening.commitment()


def _read_part(data: bytes, at: int) -> tuple[Part | bytes, int]:
    """Return the part that begins at a place, and where the next one does; that may be behind the end of the data."""
    if data[at : at + 2] == _HASH_HEAD:
        return data[at + 2 : at + 2 + _HASH_BYTES], at + 2 + _HASH_BYTES
    if data[at : at + 3] != b"\x82" + _HASH_HEAD:
        raise OpeningError("a part is neither salt and bytes nor a leaf hash")
    length, start = _argument(data, at + 3 + SALT_BYTES, 0x40)
    return Part(data[at + 3 : at + 3 + SALT_BYTES], data[start : start + length]), start + length


def _argument(data: bytes, at: int, major: int) -> tuple[int, int]:
    """Return the argument of an item of a major type that begins at a place, and where that ends."""
    first = data[at] - major if at < len(data) else -1
    if 0 <= first < 24:
        return first, at + 1
    end = at + 1 + _ARGUMENT_BYTES.get(first, 0)
    argument = int.from_bytes(data[at + 1 : end], "big")
    if head(major, argument) != data[at:end]:
        raise OpeningError("not the deterministic encoding of an opening")
    return argument, end


def _check_bytes(value: bytes, length: int) -> None:
    if len(value) != length:
        raise OpeningError(f"a salt or leaf hash of `{len(value)}` bytes where {length} are due")


def opening_salt(subject_secret: bytes, index: int, record: int) -> bytes:
    """Return the salt of a subject's part in record number `record` of the release at log index `index`."""
    return keyed(subject_secret, b"opening" + index.to_bytes(8, "big") + record.to_bytes(8, "big"))


def void_salt(bundle_sha256: bytes) -> bytes:
    """Return the salt of the part that voids the release of a bundle.

    Nothing in it is secret: a void concerns nobody but the recipient, who finds with it whether a bundle at hand was voided.
    """
    return sha256(b"sluice void" + bundle_sha256).digest()


def handover_salt(note: bytes) -> bytes:
    """Return the salt of the part that records a handover of the log's key: everybody sees by it which it was."""
    return sha256(b"sluice key handover" + note).digest()


def subject_label_key(subject_secret: bytes, generation: int = 0) -> bytes:
    """Return the key with which a citizen computes the labels of their subject; each resident's departure begins a generation."""
    return keyed(subject_secret, b"labels" if generation == 0 else b"labels|%d" % generation)


def label(subject_key: bytes, index: int) -> bytes:
    """Return the label that the release at log index `index` bears if the subject is in it."""
    return keyed(subject_key, index.to_bytes(8, "big"))[:LABEL_BYTES]


def labels_file(labels: Iterable[bytes], random_bytes: Callable[[int], bytes], least: int = 1) -> bytes:
    """Return a release's label file: its distinct labels among random ones up to a power of two, in byte order.

    A release without any subject has one random label, so it looks like one with a single subject.

    Args:
        labels: One label for each subject in the release; a repeated one counts once.
        random_bytes: Returns that many unpredictable bytes.
        least: So many there are at least, whoever is in the release: everybody may count them.
    """
    distinct = set(labels)
    if any(len(one) != LABEL_BYTES for one in distinct):
        raise ValueError(f"a label is {LABEL_BYTES} bytes long")
    wanted = 1 << max(0, max(len(distinct), least) - 1).bit_length()
    while lacking := wanted - len(distinct):
        others = random_bytes(LABEL_BYTES * lacking)
        distinct.update(others[at : at + LABEL_BYTES] for at in range(0, len(others), LABEL_BYTES))
    return b"".join(sorted(distinct))


def split_labels(data: bytes) -> list[bytes]:
    """Return the labels of a label file.

    Raises:
        ValueError: when they are not a power of two in number, or not in strictly rising order.
    """
    labels = [data[at : at + LABEL_BYTES] for at in range(0, len(data), LABEL_BYTES)]
    count = len(labels)
    if not labels or len(data) % LABEL_BYTES or count & (count - 1):
        raise ValueError(f"`{len(data)}` bytes are not a power of two of labels")
    if any(low >= high for low, high in pairwise(labels)):
        raise ValueError("the labels are not in strictly rising order")
    return labels


def labels_root(data: bytes) -> bytes:
    """Return the RFC 6962 root over the labels of a label file, each a leaf of 16 bytes."""
    root = GrowingRoot()
    for one in split_labels(data):
        root.add(leaf_hash(one))
    return root.value()
