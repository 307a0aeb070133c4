"""Seals what may leave: encoded records in, the bytes of one bundle out. Release calls it, once a bundle's log index is known.

The bytes are specified in `gateway.recipient.wire`, the records in `gateway.recipient.records`. One `ContentKey` serves one
recipient for one UTC day of one process: its key is random, given by the caller and never stored, and is wrapped for the
recipient once, by HPKE. The wrap draws its ephemeral key inside ``cryptography``, which takes no randomness from outside; no
decision depends on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.recipient.records import encode_open, encode_open_record, encode_plaintext, plaintext_overhead_bytes
from gateway.recipient.wire import (
    CONTENT_KEY_BYTES,
    KEY_ID_BYTES,
    KEY_WRAP_SUITE,
    MAX_BUNDLE_BYTES,
    MAX_COUNTER,
    MAX_LOG_INDEX,
    Address,
    Header,
    SealedFrame,
    associated_data,
    content_key_info,
    encode_frame,
    nonce,
    pad,
    padded_plaintext_bytes,
)


class Seal(Protocol):
    """What turns one recipient's records into a bundle."""

    capacity_bytes: int
    """What the records of one bundle may come to, whatever its log index."""

    def record_bytes(self, record: bytes) -> int:
        """Return how much of the capacity a record takes up."""
        ...

    def seal(self, records: Sequence[bytes], log_index: int) -> bytes:
        """Return the bundle of these records for the release entry at this log index."""
        ...


class ContentKey:
    """A random key for one recipient, process start and UTC day, with its wrap and the counter that no two bundles share."""

    def __init__(self, address: Address, day: str, key: bytes, public_key: X25519PublicKey) -> None:
        """Wrap a new key.

        Args:
            address: Gateway, recipient and log origin.
            day: The UTC day, as `2026-11-22`.
            key: 32 random bytes, used for nothing else.
            public_key: The recipient's public key.
        """
        if len(key) != CONTENT_KEY_BYTES:
            raise ValueError(f"a content key has {CONTENT_KEY_BYTES} bytes, not {len(key)}")
        self.address = address
        self.day = day
        self.key_id = hashlib.sha256(b"sluice key id" + key).digest()[:KEY_ID_BYTES]
        self._cipher = ChaCha20Poly1305(key)
        self._wrap = KEY_WRAP_SUITE.encrypt(key, public_key, content_key_info(address, self.key_id, day))
        self._next_counter = 0
        self.capacity_bytes = self._largest_plaintext_bytes() - plaintext_overhead_bytes(address)

    def record_bytes(self, record: bytes) -> int:
        """Return how much of the capacity a record takes up."""
        return len(record)

    def seal(self, records: Sequence[bytes], log_index: int) -> bytes:
        """Return the bundle, in one of the padded sizes.

        Args:
            records: Records by `encode_record`, at least one.
            log_index: Index of the release entry that accounts for it.

        Raises:
            ValueError: If there is no record, or more than fit.
        """
        _check(records, log_index)
        header = self._header(log_index)
        plaintext = encode_plaintext(self.address, records)
        padded_bytes = padded_plaintext_bytes(header, len(plaintext))
        if padded_bytes is None:
            raise ValueError(f"{len(records)} records of {len(plaintext)} bytes are more than one bundle holds")
        self._next_counter += 1  # before it is used: a nonce that may have been used is never used again
        aad = associated_data(self.address, log_index)
        ciphertext = self._cipher.encrypt(nonce(header.counter), pad(plaintext, padded_bytes), aad)
        return encode_frame(SealedFrame(header, ciphertext))

    def _header(self, log_index: int) -> Header:
        if self._next_counter > MAX_COUNTER:
            raise ValueError("the content key's counter is used up")
        return Header(self.address, log_index, self.key_id, self._next_counter, self.day, self._wrap)

    def _largest_plaintext_bytes(self) -> int:
        low, high = 0, MAX_BUNDLE_BYTES
        header = self._header(MAX_LOG_INDEX)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if padded_plaintext_bytes(header, middle) is None else (middle, high)
        return low


class OpenData:
    """Bundles for a recipient without a key: plain JSON, for data that is about nobody."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.capacity_bytes = MAX_BUNDLE_BYTES - len(encode_open(address, MAX_LOG_INDEX, ()))

    def record_bytes(self, record: bytes) -> int:
        """Return how much of the capacity a record takes up: its JSON, and a comma."""
        return len(encode_open_record(record)) + 1

    def seal(self, records: Sequence[bytes], log_index: int) -> bytes:
        """Return the bundle as one line of JSON.

        Raises:
            ValueError: If there is no record, or more than fit.
        """
        _check(records, log_index)
        data = encode_open(self.address, log_index, records)
        if len(data) > MAX_BUNDLE_BYTES:
            raise ValueError(f"{len(records)} records of {len(data)} bytes are more than one bundle holds")
        return data


class DailySeals:
    """One recipient's seal of the day: a fresh content key at process start and with each new UTC day, none for open data."""

    def __init__(self, address: Address, public_key: X25519PublicKey | None, random_bytes: Callable[[int], bytes]) -> None:
        self._address = address
        self._public_key = public_key
        self._random_bytes = random_bytes
        self._open = OpenData(address)
        self._content_key: ContentKey | None = None

    def on(self, day: str) -> Seal:
        """Return the seal for a UTC day; the key of the day before is forgotten."""
        if self._public_key is None:
            return self._open
        if self._content_key is None or self._content_key.day != day:
            self._content_key = ContentKey(self._address, day, self._random_bytes(CONTENT_KEY_BYTES), self._public_key)
        return self._content_key


def _check(records: Sequence[bytes], log_index: int) -> None:
    if not records:
        raise ValueError("a bundle has at least one record")
    if not 0 <= log_index <= MAX_LOG_INDEX:
        raise ValueError(f"log index {log_index} is out of range")
