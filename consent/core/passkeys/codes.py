"""Paper codes: eighty random bits as sixteen symbols of Crockford's base 32, in four groups; kept by a hash alone."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from consent.core.disclosure import DAY_MS

RANDOM_BYTES: Final = 10
"""Of how many random bytes a code is made."""
RECOVERY_WAIT_MS: Final = DAY_MS
"""For so long a passkey that came by a paper code tells nothing more than before."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SYMBOLS: Final = 16
_GROUP_SYMBOLS: Final = 4
_LONGEST_TYPED: Final = 100
_ALIKE: Final = str.maketrans("OIL", "011", "-‐‑–—_. \t\u00a0")
_HASHED: Final = b"sluice paper code "


def paper_code(random: bytes) -> str:
    """Return the code of 10 random bytes, such as `K7QM-4T2X-9RHD-0B5Z`."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a paper code is made of {RANDOM_BYTES} random bytes")
    bits = int.from_bytes(random)
    symbols = "".join(_ALPHABET[bits >> 5 * (_SYMBOLS - 1 - place) & 31] for place in range(_SYMBOLS))
    return _printed(symbols)


def plain_code(typed: str) -> str:
    """Return a code as it was printed, however it was typed.

    Raises: ValueError: the text cannot be a code.
    """
    return _printed(_symbols_of(typed))


def paper_sha256(code: str) -> bytes:
    """Return the hash by which a code is known, however it was typed: SHA-256 of `sluice paper code ` and its symbols.

    Raises: ValueError: the text cannot be a code.
    """
    return sha256(_HASHED + _symbols_of(code).encode()).digest()


def _printed(symbols: str) -> str:
    return "-".join(symbols[start : start + _GROUP_SYMBOLS] for start in range(0, _SYMBOLS, _GROUP_SYMBOLS))


def _symbols_of(typed: str) -> str:
    symbols = typed[:_LONGEST_TYPED].strip().upper().translate(_ALIKE)
    if len(typed) > _LONGEST_TYPED or len(symbols) != _SYMBOLS or any(symbol not in _ALPHABET for symbol in symbols):
        raise ValueError("a paper code has four groups of four letters and digits")
    return symbols
