"""Claim codes: what a crew leaves on paper, and with which a person becomes a resident of a household or brings a device into it.

Sixty random bits in twelve symbols of Crockford's base 32, in three groups: no letter looks like a digit, and case does not
matter. The gateway keeps only a hash, so that whoever reads its memory or disk cannot claim anything.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SYMBOLS: Final = 12
_GROUP: Final = 4
_ALIKE: Final = str.maketrans("OIL", "011", "- ")
_HASH_BYTES: Final = 16


def new_code(random_bytes: Callable[[int], bytes]) -> str:
    """Return a fresh code, such as `K7QM-4T2X-9RHD`."""
    number = int.from_bytes(random_bytes(8), "big")
    symbols = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_SYMBOLS))
    return "-".join(symbols[at : at + _GROUP] for at in range(0, _SYMBOLS, _GROUP))


def code_hash(code: str) -> bytes:
    """Return the 16 bytes under which a code is known, however it was typed.

    Raises: ValueError: it cannot be a code.
    """
    symbols = code.upper().translate(_ALIKE)
    if len(symbols) != _SYMBOLS or not set(symbols) <= set(_ALPHABET):
        raise ValueError(f"a claim code has {_SYMBOLS} letters and digits")
    return sha256(b"sluice claim code " + symbols.encode()).digest()[:_HASH_BYTES]
