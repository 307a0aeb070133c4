"""Fingerprints of recipients' public keys: what people compare over the telephone, and programs by eye or by bytes.

A fingerprint is always computed from the key itself. Whatever stands beside a key and calls itself its fingerprint, such as a
comment in the file, is nothing but a claim.
"""

from __future__ import annotations

import hashlib
from typing import Final

_SHOWN_BYTES: Final = 16
_GROUP: Final = 4


def key_sha256(key: bytes) -> bytes:
    """Return the SHA-256 of a raw public key, as the log's openings hold it."""
    return hashlib.sha256(key).digest()


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a raw public key."""
    return fingerprint_of(key_sha256(key))


def fingerprint_of(sha256: bytes) -> str:
    """Return the first 16 bytes of a key's SHA-256, in groups of four hexadecimal digits."""
    digits = sha256[:_SHOWN_BYTES].hex()
    return " ".join(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP))


def same_fingerprint(one: str, other: str) -> bool:
    """Return whether two texts are the same fingerprint, however they are spaced and whatever their case."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return "".join(text.split()).lower()
