"""Sealed bundles: deterministic CBOR in a `COSE_Encrypt0`, padded, for a recipient that has a key.

The bytes are specified in `gateway.recipient.wire`, the records in `gateway.recipient.records`. One `ContentKey` serves one
recipient for one UTC day of one process: its key is random, given by the caller and never stored, and is wrapped once for each
of the recipient's keys, by HPKE. A wrap draws its ephemeral key inside ``cryptography``, which takes no randomness from outside;
no decision depends on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.core.release.formats.port import check_contents
from gateway.recipient.records import Record, encode_plaintext, encode_record, plaintext_overhead_bytes
from gateway.recipient.wire import (
    CONTENT_KEY_BYTES,
    KEY_ID_BYTES,
    KEY_WRAP_SUITE,
    MAX_BUNDLE_BYTES,
    MAX_COUNTER,
    MAX_LOG_INDEX,
    PADDED_SIZES_BYTES,
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


class ContentKey:
    """A random key for one recipient, process start and UTC day, with its wrap and the counter that no two bundles share."""

    def __init__(self, address: Address, day: str, key: bytes, *public_keys: X25519PublicKey) -> None:
        """Wrap a new key.

        Args:
            address: Gateway, recipient and log origin.
            day: The UTC day, as `2026-11-22`.
            key: 32 random bytes, used for nothing else.
            public_keys: The recipient's public keys: any one of the private ones opens what is sealed.
        """
        if len(key) != CONTENT_KEY_BYTES:
            raise ValueError(f"a content key has {CONTENT_KEY_BYTES} bytes, not {len(key)}")
        self.address = address
        self.day = day
        self.key_id = hashlib.sha256(b"sluice key id" + key).digest()[:KEY_ID_BYTES]
        self._cipher = ChaCha20Poly1305(key)
        info = content_key_info(address, self.key_id, day)
        self._wrap = b"".join(KEY_WRAP_SUITE.encrypt(key, each, info) for each in public_keys)
        self._next_counter = 0
        self._rooms_bytes = {size: self._room_bytes(size) for size in PADDED_SIZES_BYTES[1:]}

    def encode(self, record: Record) -> bytes:
        """Return a record as a deterministic CBOR map."""
        return encode_record(record)

    @property
    def is_sealed(self) -> bool:
        """Return that the recipient alone may read it."""
        return True

    def capacity(self, records: int, padded_to: int = MAX_BUNDLE_BYTES) -> int:
        """Return how many bytes the records of one bundle may come to, however many they are."""
        return self._rooms_bytes[padded_to]

    def seal(self, records: Sequence[bytes], log_index: int, padded_to: int | None = None) -> bytes:
        """Return the bundle, in one of the padded sizes.

        Args:
            records: Records by `encode`: at least one, unless the size is given.
            log_index: Index of the release entry that accounts for it.
            padded_to: Which of the padded sizes, but the least; None is the least that holds the records.

        Raises:
            ValueError: If there is no record, or more than fit.
        """
        check_contents(records, log_index, padded_to)
        header = self._header(log_index)
        plaintext = encode_plaintext(self.address, records)
        padded_bytes = padded_plaintext_bytes(header, len(plaintext), padded_to)
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

    def _room_bytes(self, size: int) -> int:
        """Return how many bytes of records a bundle of this size has room for, whatever its log index."""
        padded_bytes = padded_plaintext_bytes(self._header(MAX_LOG_INDEX), 0, size)
        assert padded_bytes is not None, "a header takes no more than a few hundred bytes"
        return padded_bytes - 1 - plaintext_overhead_bytes(self.address)
