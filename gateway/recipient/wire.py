"""The bytes of a bundle, which the gateway writes and a recipient reads, as pure functions.

A sealed bundle is a COSE_Encrypt0 message (RFC 9052 section 5.2) in deterministic CBOR (RFC 8949 section 4.2):

    16([ protected   << { 1: 24, -65537: [1, gateway, recipient, log origin, log index] } >>,
         unprotected    { 4: key id (8 bytes), 6: partial IV (5 bytes), -65538: [1, day, wraps] },
         ciphertext     ChaCha20/Poly1305 over the padded plaintext ])

* The protected header is part of the authenticated data, so a bundle cannot be moved to another gateway, recipient, log or index.
* The content key is wrapped by HPKE base mode (RFC 9180: DHKEM X25519, HKDF-SHA256, ChaCha20-Poly1305), whose ``info`` binds
  gateway, recipient, key id and UTC day. Every bundle carries the wraps, 80 bytes for each key that the recipient has, one behind
  the other, so that each can be opened alone, with any of them.
* The nonce is the partial IV with zeros on its left: a counter under the content key, which is random and never outlives its
  process.
* The plaintext is a CBOR map, then 0x80 and zeros (ISO/IEC 7816-4), so that the whole bundle has one of `PADDED_SIZES_BYTES`.

There is exactly one encoding of each bundle: bytes that re-encode differently are refused. HPKE base mode does not authenticate
the sender; the log shows that a bundle is the gateway's own, since it holds the SHA-256 of the bytes
(`gateway.recipient.coverage`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from cryptography.hazmat.primitives import hpke

from consent.core.canonical import CborError, decode_item, encode_canonical
from consent.printable import one_line

FORMAT_VERSION: Final = 1
TOPIC_PREFIX: Final = "sluice"
"""First level of every topic that a gateway publishes to."""
PADDED_SIZES_BYTES: Final = (512, 2048, 8192, 32_768, 131_072)
MAX_BUNDLE_BYTES: Final = PADDED_SIZES_BYTES[-1]
CONTENT_KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
WRAP_BYTES: Final = 80
MOST_WRAPS: Final = 4
_WRAPS_BYTES: Final = tuple(WRAP_BYTES * count for count in range(1, MOST_WRAPS + 1))
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
PARTIAL_IV_BYTES: Final = 5
MAX_COUNTER: Final = 2 ** (8 * PARTIAL_IV_BYTES) - 1
MAX_LOG_INDEX: Final = 2**63 - 1
MAX_NAME_BYTES: Final = 255

_ALGORITHM, _KEY_ID, _PARTIAL_IV = 1, 4, 6  # COSE header labels, RFC 9052 section 3.1
_CONTEXT, _WRAP = -65_537, -65_538  # ours, from the range for private use
_CHACHA20_POLY1305 = 24  # RFC 9053 section 4.3
_COSE_ENCRYPT0 = 0xD0  # CBOR tag 16
_PADDING_MARK = b"\x80"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LARGEST_SHOWN: Final = 2**63 - 1
_QUOTED: Final = 40

KEY_WRAP_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


class BundleError(ValueError):
    """Bytes that are not a bundle, or not one for this reader. The message is one printable line, free of the content."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bundle comes from and goes: the gateway, the recipient, and the origin of the log that accounts for it."""

    gateway: str
    recipient: str
    log_origin: str

    def __post_init__(self) -> None:
        for name in (self.gateway, self.recipient, self.log_origin):
            if not name.isprintable():
                raise ValueError(f"name `{one_line(name, _QUOTED)}` holds a character that cannot be shown")
            if not 0 < len(name.encode()) <= MAX_NAME_BYTES:
                raise ValueError(f"name `{name[:_QUOTED]}` must have 1 to {MAX_NAME_BYTES} bytes")
        for name in (self.gateway, self.recipient):
            if not set(name).isdisjoint("/+#"):
                raise ValueError(f"name `{name}` cannot be part of an mqtt topic")

    @property
    def topic(self) -> str:
        """The MQTT topic on which this recipient's bundles are published."""
        return bundle_topic(self.gateway, self.recipient)


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a sealed bundle that can be read without the key; ``wrap`` is the wraps, one behind the other."""

    address: Address
    log_index: int
    key_id: bytes
    counter: int
    day: str
    wrap: bytes

    @property
    def wraps(self) -> tuple[bytes, ...]:
        """The content key, wrapped for each of the recipient's keys."""
        return tuple(self.wrap[at : at + WRAP_BYTES] for at in range(0, len(self.wrap), WRAP_BYTES))


@dataclass(frozen=True, slots=True)
class SealedFrame:
    """The two parts of a sealed bundle: the header, and the ciphertext with its authentication tag at the end."""

    header: Header
    ciphertext: bytes


def bundle_topic(gateway: str, recipient: str) -> str:
    """Return the MQTT topic of one recipient's bundles."""
    return f"{TOPIC_PREFIX}/{gateway}/{recipient}"


def is_utc_day(text: str) -> bool:
    """Return whether a text is a day of the calendar, as `2026-11-22`."""
    try:
        return _DAY.fullmatch(text) is not None and date.fromisoformat(text).year > 0
    except ValueError:
        return False


def is_log_index(value: object) -> bool:
    """Return whether a value from a bundle can be the index of a log's entry."""
    return type(value) is int and 0 <= value <= MAX_LOG_INDEX


def shown_number(number: int) -> str:
    """Return a number as a message may quote it: one that somebody made up may have more digits than can be written."""
    return str(number) if abs(number) <= _LARGEST_SHOWN else "a number beyond 64 bits"


def deterministic(value: object) -> bytes:
    """Return the deterministic CBOR of a value."""
    return encode_canonical(value)


def strict_loads(data: bytes) -> object:
    """Return the value of one CBOR item, nested no deeper than a bundle needs.

    Raises:
        BundleError: If the bytes are not CBOR, or use what deterministic encoding forbids.
    """
    try:
        return decode_item(data)
    except CborError as error:
        raise BundleError("bundle is not well-formed cbor") from error


def content_key_info(address: Address, key_id: bytes, day: str) -> bytes:
    """Return the HPKE ``info`` under which a content key is wrapped."""
    return deterministic(["sluice content key", FORMAT_VERSION, address.gateway, address.recipient, key_id, day])


def associated_data(address: Address, log_index: int) -> bytes:
    """Return the Enc_structure (RFC 9052 section 5.3) that the ciphertext's tag covers."""
    return deterministic(["Encrypt0", _protected(address, log_index), b""])


def nonce(counter: int) -> bytes:
    """Return the nonce of one bundle: the counter as a partial IV with zeros on its left (RFC 9052 section 3.1)."""
    return counter.to_bytes(NONCE_BYTES, "big")


def encode_frame(frame: SealedFrame) -> bytes:
    """Return the bytes of a sealed bundle."""
    return _before_ciphertext(frame.header) + deterministic(frame.ciphertext)


def decode_frame(data: bytes) -> SealedFrame:
    """Return the parts of a sealed bundle, without opening it.

    Raises:
        BundleError: If the bytes are not exactly what `encode_frame` writes, in one of the padded sizes.
    """
    if len(data) not in PADDED_SIZES_BYTES:
        raise BundleError(f"bundle has `{len(data)}` bytes, which is none of the padded sizes")
    if data[0] != _COSE_ENCRYPT0:
        raise BundleError("bundle is not a cose encrypt0 message")
    parts = strict_loads(data[1:])
    if not isinstance(parts, list | tuple) or len(parts) != 3:
        raise BundleError("bundle is not a cose encrypt0 message of three parts")
    protected, unprotected, ciphertext = parts
    if not isinstance(protected, bytes) or not isinstance(unprotected, Mapping) or not isinstance(ciphertext, bytes):
        raise BundleError("bundle is not a cose encrypt0 message of headers and ciphertext")
    address, log_index = _parse_protected(strict_loads(protected))
    frame = SealedFrame(_parse_unprotected(address, log_index, unprotected), ciphertext)
    if encode_frame(frame) != data:
        raise BundleError("bundle is not in deterministic encoding")
    return frame


def padded_plaintext_bytes(header: Header, plaintext_bytes: int, size: int | None = None) -> int | None:
    """Return the length to which a plaintext is padded, so that the bundle has the smallest padded size that can hold it.

    Args:
        header: The bundle's.
        plaintext_bytes: The length without padding.
        size: The only padded size that is considered; None considers all.
    Returns:
        The length with padding, or None where the plaintext is too long.
    """
    overhead = len(_before_ciphertext(header)) + TAG_BYTES
    for each in PADDED_SIZES_BYTES if size is None else (size,):
        for head in (1, 2, 3, 5):  # of the ciphertext's byte string; where no head gives the exact size, the next size is used
            padded = each - overhead - head
            if padded > plaintext_bytes and _head_bytes(padded + TAG_BYTES) == head:
                return padded
    return None


def pad(plaintext: bytes, padded_bytes: int) -> bytes:
    """Return the plaintext padded as in ISO/IEC 7816-4: one 0x80, then zeros."""
    return (plaintext + _PADDING_MARK).ljust(padded_bytes, b"\0")


def unpad(padded: bytes) -> bytes:
    """Return the plaintext without its padding."""
    plaintext = padded.rstrip(b"\0")
    if not plaintext.endswith(_PADDING_MARK):
        raise BundleError("bundle has no padding")
    return plaintext[:-1]


def _protected(address: Address, log_index: int) -> bytes:
    context = [FORMAT_VERSION, address.gateway, address.recipient, address.log_origin, log_index]
    return deterministic({_ALGORITHM: _CHACHA20_POLY1305, _CONTEXT: context})


def _before_ciphertext(header: Header) -> bytes:
    unprotected = {
        _KEY_ID: header.key_id,
        _PARTIAL_IV: header.counter.to_bytes(PARTIAL_IV_BYTES, "big"),
        _WRAP: [FORMAT_VERSION, header.day, header.wrap],
    }
    protected = deterministic(_protected(header.address, header.log_index))
    return bytes((_COSE_ENCRYPT0, 0x83)) + protected + deterministic(unprotected)


def _parse_protected(protected: object) -> tuple[Address, int]:
    match protected:
        case {1: int(algorithm)} if algorithm != _CHACHA20_POLY1305:
            used = shown_number(algorithm)
            raise BundleError(f"bundle uses cose algorithm `{used}`; this version reads `{_CHACHA20_POLY1305}`")
        case {-65537: [int(version), *_]} if version != FORMAT_VERSION:
            raise BundleError(f"bundle has format version `{shown_number(version)}`; this version reads `{FORMAT_VERSION}`")
        case {1: _, -65537: [_, str(gateway), str(recipient), str(origin), int(index)]} if is_log_index(index):
            try:
                return Address(gateway, recipient, origin), index
            except ValueError as error:
                raise BundleError(f"bundle header: {error}") from error
        case _:
            raise BundleError("bundle header does not say gateway, recipient, log origin and log index")


def _parse_unprotected(address: Address, log_index: int, unprotected: Mapping[object, object]) -> Header:
    match unprotected:
        case {4: bytes(key_id), 6: bytes(partial_iv), -65538: [_, str(day), bytes(wrap)]} if (
            len(key_id) == KEY_ID_BYTES and len(partial_iv) == PARTIAL_IV_BYTES and len(wrap) in _WRAPS_BYTES and is_utc_day(day)
        ):
            return Header(address, log_index, key_id, int.from_bytes(partial_iv, "big"), day, wrap)
        case _:
            raise BundleError("bundle header has no key id, partial iv, day and wrapped content key")


def _head_bytes(length: int) -> int:
    return 1 if length < 24 else 2 if length < 256 else 3 if length < 65_536 else 5
