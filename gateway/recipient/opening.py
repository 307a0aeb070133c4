"""Opens a bundle: from the bytes as received to the records inside, or a plain reason why not; and shows what it holds.

An opened bundle need not be the gateway's own, since anyone can seal for a public key; the log shows whether it is
(`gateway.recipient.coverage`). What is shown of it has passed ``records``: printable text, finite numbers, and times that a
calendar has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.recipient.records import Record, decode_open, decode_plaintext, record_to_json
from gateway.recipient.wire import (
    CONTENT_KEY_BYTES,
    KEY_WRAP_SUITE,
    MAX_BUNDLE_BYTES,
    Address,
    BundleError,
    Header,
    SealedFrame,
    associated_data,
    content_key_info,
    decode_frame,
    nonce,
    unpad,
)

_NORMAL_95: Final = 1.96
"""So many standard errors to each side hold 95 of 100 normally distributed values."""


@dataclass(frozen=True, slots=True)
class BundleCounter:
    """Which bundle of its content key a bundle is.

    Attributes:
        key_id: The content key's id; there is a new key at each start of the gateway and on each UTC day.
        day: That UTC day, as `2026-11-22`.
        number: Counts from 0, by one with each bundle made for this recipient under the key.
    """

    key_id: bytes
    day: str
    number: int

    @classmethod
    def of(cls, header: Header) -> BundleCounter:
        """Return the counter in a sealed bundle's header."""
        return cls(header.key_id, header.day, header.counter)


@dataclass(frozen=True, slots=True)
class OpenedBundle:
    """An opened bundle.

    Attributes:
        address: The gateway, the recipient, and the log's origin.
        log_index: Index of the release entry that accounts for it.
        sha256: Hash of the bytes as received, which that entry names.
        records: What it holds, every value in its range (see ``gateway.recipient.records``).
        counter: Which of its content key's bundles it is; None for open data, which has no key.
    """

    address: Address
    log_index: int
    sha256: bytes
    records: tuple[Record, ...]
    counter: BundleCounter | None = None


def open_bundle(data: bytes, private_key: X25519PrivateKey | None, log_index: int | None = None) -> OpenedBundle:
    """Open a bundle, sealed or open data.

    Args:
        data: The bundle's bytes, exactly as received.
        private_key: The recipient's key; None reads open data only.
        log_index: The log index in its user property or file name; None if unknown.

    Raises:
        BundleError: If the bytes were changed, are for another key, or belong to another log index.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise BundleError(f"bundle has `{len(data)}` bytes, more than any bundle")
    counter = None
    if data.startswith(b"{"):
        address, index, records = decode_open(data)
    else:
        frame = decode_frame(data)
        address, index, counter = frame.header.address, frame.header.log_index, BundleCounter.of(frame.header)
        records = _decrypt(frame, private_key)
    if log_index is not None and index != log_index:
        raise BundleError(f"bundle says log index `{index}`, but came under `{log_index}`")
    return OpenedBundle(address, index, hashlib.sha256(data).digest(), records, counter)


def peek(data: bytes) -> tuple[Address, int]:
    """Return the address and log index that a bundle states, without opening it; they are not authenticated.

    Raises:
        BundleError: If the bytes are not a bundle.
    """
    if data.startswith(b"{"):
        address, index, _ = decode_open(data)
        return address, index
    header = decode_frame(data).header
    return header.address, header.log_index


def _decrypt(frame: SealedFrame, private_key: X25519PrivateKey | None) -> tuple[Record, ...]:
    if private_key is None:
        raise BundleError("bundle is sealed, and no private key was given")
    header = frame.header
    info = content_key_info(header.address, header.key_id, header.day)
    content_key = _unwrapped(header, private_key, info)
    if len(content_key) != CONTENT_KEY_BYTES:
        raise BundleError(f"bundle's content key has `{len(content_key)}` bytes")
    try:
        padded = ChaCha20Poly1305(content_key).decrypt(
            nonce(header.counter), frame.ciphertext, associated_data(header.address, header.log_index)
        )
    except InvalidTag as error:
        raise BundleError("bundle was changed after it was sealed") from error
    return decode_plaintext(header.address, unpad(padded))


def _unwrapped(header: Header, private_key: X25519PrivateKey, info: bytes) -> bytes:
    """Return the content key, from the wrap that is for this key."""
    for wrap in header.wraps:
        try:
            return KEY_WRAP_SUITE.decrypt(wrap, private_key, info)
        except (InvalidTag, ValueError):
            continue
    raise BundleError("bundle is sealed for another key, or its header was changed")


def json_records(bundle: OpenedBundle) -> Iterator[dict[str, object]]:
    """Yield a bundle's records as JSON objects, each with the bundle's log index and, where it is sealed, its counter."""
    head: dict[str, object] = {"log_index": bundle.log_index}
    if bundle.counter is not None:
        head |= {"content_key": bundle.counter.key_id.hex(), "counter": bundle.counter.number}
    for record in bundle.records:
        yield head | record_to_json(record)


def readable_records(bundle: OpenedBundle) -> Iterator[str]:
    """Yield a line for each record of a bundle, or one that says that there is none, as in a publication without figures."""
    if not bundle.records:
        yield f"{bundle.log_index:>8}  no records"
    for record in bundle.records:
        yield _describe(bundle.log_index, record)


def _describe(log_index: int, record: Record) -> str:
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for ms in record.phenomenon_time)
    name = record.pseudonym or record.id
    fields = [
        f"{log_index:>8}",
        begin if begin == end else f"{begin}/{end}",
        record.flow,
        _value(record),
        record.cell,
        "" if record.n is None else f"n={record.n}",
        "" if name is None else f"{record.identity} {name.hex()}",
    ]
    return "  ".join(field for field in fields if field)


def _value(record: Record) -> str:
    """Return what a record says, with its 95 % interval where it has noise: 1.96 standard errors to each side."""
    hour = "" if record.hour is None else f" at {record.hour:02}:00"
    spread = "" if record.standard_error is None else f" ± {_short(_NORMAL_95 * record.standard_error)}"
    return f"{record.observed_property}{hour} {record.result}{spread} {record.unit}"


def _short(number: float) -> str:
    """Return a number to two digits, as nobody needs more of a spread."""
    return f"{float(f'{number:.2g}'):g}"
