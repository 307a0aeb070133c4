"""Signed notes: a text with signature lines, and the text forms of the keys that sign and verify them.

A checkpoint travels as such a note. Supported are plain Ed25519 keys, with which logs sign, and the Ed25519 keys of
`cosignature/v1`, with which witnesses state when they saw a checkpoint.

Source: C2SP signed-note v1.0.0, tlog-cosignature v1.0.1.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
_ALGORITHMS = (ED25519, COSIGNATURE)
_KEY_BYTES = 32
_ID_BYTES = 4
_MAX_LINES = 100
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A note is malformed, or nobody trusted has signed it."""


class KeyFormatError(ValueError):
    """The text of a verifying or signing key is malformed."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A named public key that checks the signature lines bearing its name and id."""

    name: str
    public_key: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.algorithm not in _ALGORITHMS:
            raise KeyFormatError(f"unknown key algorithm `{self.algorithm:#04x}`")
        if len(self.public_key) != _KEY_BYTES:
            raise KeyFormatError(f"a public key of `{len(self.public_key)}` bytes where {_KEY_BYTES} are due")

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Return the key that the text form `name+id+base64` describes.

        Raises:
            KeyFormatError: when the text is malformed or the id does not belong to the key.
        """
        fields = vkey.strip().split("+", 2)  # the base64 may contain plus signs
        if len(fields) != 3 or not re.fullmatch(r"[0-9a-f]{8}", fields[1]):
            raise KeyFormatError(f"`{vkey}` is not a key of the form name+id+base64")
        data = _decode_base64(fields[2])
        if not data:
            raise KeyFormatError(f"`{vkey}` is not a key of the form name+id+base64")
        key = cls(fields[0], data[1:], data[0])
        if key.key_id.hex() != fields[1]:
            raise KeyFormatError(f"key id `{fields[1]}` does not belong to this name and key")
        return key

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        return _key_id(self.name, self.algorithm, self.public_key)

    def vkey(self) -> str:
        """Return the text form of the key."""
        return f"{self.name}+{self.key_id.hex()}+{_encode_base64(bytes((self.algorithm,)) + self.public_key)}"

    def verify(self, text: str, signature: bytes) -> bool:
        """Return whether `signature`, without its key id, is this key's over `text`."""
        message = text.encode()
        if self.algorithm == COSIGNATURE:
            if len(signature) != 72:
                return False
            message = b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8], "big") + message
            signature = signature[8:]
        return self.verify_bytes(message, signature)

    def verify_bytes(self, message: bytes, signature: bytes) -> bool:
        """Return whether a plain signature is this key's over bytes; see ``Signer.sign_bytes``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A named Ed25519 private key that signs notes."""

    __slots__ = ("_key", "_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != _KEY_BYTES:
            raise KeyFormatError(f"a seed of `{len(seed)}` bytes where {_KEY_BYTES} are due")
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, skey: str) -> Signer:
        """Return the key that the text form `PRIVATE+KEY+name+id+base64` describes.

        Raises:
            KeyFormatError: when the text is malformed; the message repeats nothing of it.
        """
        fields = skey.strip().split("+", 4)
        if len(fields) != 5 or fields[:2] != ["PRIVATE", "KEY"]:
            raise KeyFormatError("not a signing key of the form PRIVATE+KEY+name+id+base64")
        data = _decode_base64(fields[4])
        if not data or data[0] != ED25519:
            raise KeyFormatError("not an Ed25519 signing key")
        signer = cls(fields[2], data[1:])
        if signer.verifier.key_id.hex() != fields[3]:
            raise KeyFormatError("the key id does not belong to this name and key")
        return signer

    @property
    def name(self) -> str:
        """The name in the signature lines; for a log, its origin."""
        return self.verifier.name

    def skey(self) -> str:
        """Return the text form of the key, which is secret."""
        secret = _encode_base64(bytes((ED25519,)) + self._seed)
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{secret}"

    def vkey(self) -> str:
        """Return the text form of the public key."""
        return self.verifier.vkey()

    def sign(self, text: str) -> bytes:
        """Return the signature over `text`, without key id."""
        return self._key.sign(text.encode())

    def sign_bytes(self, message: bytes) -> bytes:
        """Return the plain signature over bytes that begin as no note can, such as a CBOR array."""
        return self._key.sign(message)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line; `signature` is without the key id."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def cosigned_s(self) -> int:
        """The Unix second at which a cosignature/v1 says it was made."""
        return int.from_bytes(self.signature[:8], "big")


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note that at least one trusted key has signed."""

    text: str
    verified: tuple[Signature, ...]
    ignored: tuple[Signature, ...]


def sign_note(text: str, *signers: Signer) -> bytes:
    """Return the note of `text`, which must end in a newline, with one signature line for each signer."""
    if not text.endswith("\n") or _FORBIDDEN.search(text):
        raise NoteError("a note's text must end in a newline and hold no control characters")
    lines = [f"— {s.name} {_encode_base64(s.verifier.key_id + s.sign(text))}\n" for s in signers]
    return (text + "\n" + "".join(lines)).encode()


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> OpenedNote:
    """Return a note's text and signatures once a trusted key's signature has been verified.

    Lines of unknown keys are returned apart. Of a known key's repeated lines the first counts.

    Raises:
        NoteError: when the note is malformed, a known key's signature is wrong, or no known key has signed.
    """
    text, signatures = split_note(note)
    known = {(v.name, v.key_id): v for v in verifiers}
    verified: dict[tuple[str, bytes], Signature] = {}
    ignored: list[Signature] = []
    for signature in signatures:
        who = (signature.name, signature.key_id)
        if who not in known:
            ignored.append(signature)
        elif who not in verified:
            if not known[who].verify(text, signature.signature):
                raise NoteError(f"the signature of `{signature.name}` is wrong")
            verified[who] = signature
    if not verified:
        raise NoteError("no trusted key has signed this")
    return OpenedNote(text, tuple(verified.values()), tuple(ignored))


def split_note(note: bytes) -> tuple[str, list[Signature]]:
    """Return a note's text and signature lines, unverified.

    Raises:
        NoteError: when the note is malformed.
    """
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteError(f"byte `{error.start}` is not UTF-8") from error
    if _FORBIDDEN.search(whole):
        raise NoteError("control characters in a note")
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise NoteError("no signature lines after an empty line")
    lines = tail[:-1].split("\n")
    if len(lines) > _MAX_LINES:
        raise NoteError(f"more than {_MAX_LINES} signature lines")
    before = text.count("\n") + 3
    return text + "\n", [_parse_line(line, number) for number, line in enumerate(lines, before)]


def _parse_line(line: str, number: int) -> Signature:
    """Return the signature on one line; `number` counts the note's lines from 1, for the error."""
    fields = line.split(" ")
    if len(fields) != 3 or fields[0] != "—":
        raise NoteError(f"line `{number}` is not a signature line")
    try:
        _check_name(fields[1])
        data = _decode_base64(fields[2])
    except KeyFormatError as error:
        raise NoteError(f"line `{number}`: {error}") from error
    if len(data) <= _ID_BYTES:
        raise NoteError(f"line `{number}`: the signature is too short")
    return Signature(fields[1], data[:_ID_BYTES], data[_ID_BYTES:])


def _key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes((algorithm,)) + public_key).digest()[:_ID_BYTES]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() for c in name) or _FORBIDDEN.search(name):
        raise KeyFormatError(f"`{name}` cannot be a key's name, which holds no space and no `+`")


def _encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode_base64(text: str) -> bytes:
    """Return the bytes of canonical, padded base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyFormatError("malformed base64") from error
    if _encode_base64(data) != text:
        raise KeyFormatError("base64 that is not canonical")
    return data
