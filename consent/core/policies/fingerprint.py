"""Fingerprints of recipients' public keys: what people compare over the telephone, and programs by eye or by bytes.

A fingerprint is always computed from the key itself. Whatever stands beside a key and calls itself its fingerprint, such as a
comment in the file, is nothing but a claim.
"""

from __future__ import annotations

import hashlib
from typing import Final

KEY_BYTES: Final = 32
"""Of a raw public key; those of a recipient with several stand one behind the other."""
MOST_RECIPIENT_KEYS: Final = 4
_SHOWN_BYTES: Final = 16
_GROUP: Final = 4


def key_sha256(key: bytes) -> bytes:
    """Return the SHA-256 of a raw public key, or of several one behind the other, as the log's openings hold it."""
    return hashlib.sha256(key).digest()


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a raw public key; of several one behind the other, all of theirs."""
    return " + ".join(fingerprint_of(key_sha256(each)) for each in split_keys(key))


def split_keys(keys: bytes) -> tuple[bytes, ...]:
    """Return the raw public keys that stand one behind the other."""
    return tuple(keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES))


def fingerprint_of(sha256: bytes) -> str:
    """Return the first 16 bytes of a key's SHA-256, in groups of four hexadecimal digits."""
    digits = sha256[:_SHOWN_BYTES].hex()
    return " ".join(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP))


def same_fingerprint(one: str, other: str) -> bool:
    """Return whether two texts are the same fingerprint, however they are spaced and whatever their case."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return "".join(text.split()).lower()
