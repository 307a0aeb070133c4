"""Log entries: what the log says in clear, in deterministic CBOR of a fixed shape.

An entry names no person and reveals no reading. What it accounts for is in its opening (see `openings`), to which the
entry is bound by a commitment. Every kind of entry has the same first fields; a release and an erasure carry two more.
The exact bytes are described in ``docs/log-format.md``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import msgspec

from consent.core.canonical import CborError, decode_item
from gateway.audit.log.canonical import head

FORMAT_VERSION: Final = 1
MAX_ENTRY_BYTES: Final = 65_535
NO_CONSENT: Final = -1
NO_POLICY: Final = bytes(32)

_HASH_HEAD = b"\x58\x20"
_HASH_BYTES = 32
_MAX_INTEGER = (1 << 63) - 1


class EntryError(ValueError):
    """The bytes or fields are not those of a log entry."""


class Kind(IntEnum):
    """What an entry accounts for; the numbers are those in the log."""

    GENESIS = 1
    POLICY = 2
    CONSENT = 3
    WITHDRAWAL = 4
    ERASURE = 5
    RELEASE = 6
    VOID = 7
    ACCOUNT = 8
    KEY = 9
    GAP = 10
    REIDENTIFICATION = 11

    @property
    def word(self) -> str:
        """The kind's name in payloads and on screens."""
        return self.name.lower()


CHANGES_CONSENT: Final = frozenset({Kind.CONSENT, Kind.WITHDRAWAL, Kind.ERASURE})


class Entry(msgspec.Struct, frozen=True):
    """One log entry.

    Attributes:
        kind: What it accounts for.
        time_ms: When it was made, by the gateway's clock; later entries may bear earlier times.
        sequence: Its index in the log.
        policy: SHA-256 of the policy set in force once the entry is, `NO_POLICY` before the first.
        consent_head: Index of the latest consent, withdrawal or erasure entry, itself included; `NO_CONSENT` before the first.
        commitment: RFC 6962 root over the parts of its opening.
        bundle_sha256: Of a release: SHA-256 of the bytes handed to the sink.
        labels_root: Of a release: RFC 6962 root over its labels.
        subject_sha256: Of an erasure: SHA-256 of the subject's id.
        parts_deleted: Of an erasure: how many parts of openings it deleted.
    """

    kind: Kind
    time_ms: int
    sequence: int
    policy: bytes
    consent_head: int
    commitment: bytes
    bundle_sha256: bytes | None = None
    labels_root: bytes | None = None
    subject_sha256: bytes | None = None
    parts_deleted: int | None = None

    def encode(self) -> bytes:
        """Return the entry's bytes.

        Raises:
            EntryError: when a field is missing, superfluous or out of range.
        """
        _check_common(self)
        consent = head(0x00, self.consent_head) if self.consent_head >= 0 else b"\x20"
        common = b"".join((
            b"\x00\x01\x01", head(0x00, self.kind),
            b"\x02", head(0x00, self.time_ms),
            b"\x03", head(0x00, self.sequence),
            b"\x04", _HASH_HEAD, self.policy,
            b"\x05", consent,
            b"\x06", _HASH_HEAD, self.commitment,
        ))  # fmt: skip
        if self.kind is Kind.RELEASE:
            bundle, labels = _hash(self.bundle_sha256, "bundle_sha256"), _hash(self.labels_root, "labels_root")
            _check_absent(self, self.subject_sha256, self.parts_deleted)
            return b"\xa9" + common + b"\x07" + _HASH_HEAD + bundle + b"\x08" + _HASH_HEAD + labels
        _check_absent(self, self.bundle_sha256, self.labels_root)
        if self.kind is Kind.ERASURE:
            subject = _hash(self.subject_sha256, "subject_sha256")
            deleted = _integer(self.parts_deleted, "parts_deleted")
            return b"\xa9" + common + b"\x09" + _HASH_HEAD + subject + b"\x0a" + head(0x00, deleted)
        _check_absent(self, self.subject_sha256, self.parts_deleted)
        return b"\xa7" + common

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """Return the entry that the bytes encode.

        Raises:
            EntryError: when they are anything but what `encode` writes.
        """
        try:
            fields = decode_item(data, 2)
        except CborError as error:
            raise EntryError(f"not CBOR: {error}") from error
        if type(fields) is not dict or not _COMMON_KEYS <= fields.keys() <= _KNOWN_KEYS:
            raise EntryError("not a map of the fields of an entry")
        if fields[0] != FORMAT_VERSION:
            raise EntryError(f"unknown format version `{fields[0]}`")
        kind = _KINDS.get(fields[1]) if type(fields[1]) is int else None
        if kind is None:
            raise EntryError(f"unknown kind `{fields[1]}`")
        values: Any = map(fields.get, _FIELD_KEYS)  # of any type; `encode` checks them
        entry = cls(kind, *values)
        if entry.encode() != data:
            raise EntryError("not the deterministic encoding of an entry")
        return entry


_FIELD_KEYS = range(2, 11)
_COMMON_KEYS = frozenset(range(7))
_KNOWN_KEYS = frozenset(range(11))
_KINDS = {int(kind): kind for kind in Kind}


def _check_common(entry: Entry) -> None:
    """Check the fields that every kind has; types too, since decoded fields pass through here."""
    _integer(entry.time_ms, "time_ms")
    sequence = _integer(entry.sequence, "sequence")
    if type(entry.consent_head) is not int or not NO_CONSENT <= entry.consent_head <= sequence:
        raise EntryError(f"consent_head `{entry.consent_head}` is none of the entries up to `{sequence}`")
    _hash(entry.policy, "policy")
    _hash(entry.commitment, "commitment")


def _check_absent(entry: Entry, *fields: object) -> None:
    for field in fields:
        if field is not None:
            raise EntryError(f"a field that an entry of kind `{entry.kind.word}` does not have")


def _integer(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        raise EntryError(f"{name} `{value}` is not an unsigned integer")
    return value


def _hash(value: object, name: str) -> bytes:
    if type(value) is not bytes or len(value) != _HASH_BYTES:
        raise EntryError(f"{name} is not {_HASH_BYTES} bytes long")
    return value
