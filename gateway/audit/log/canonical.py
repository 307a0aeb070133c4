"""The encoding of what the log commits to: the deterministic CBOR of ``consent.core.canonical``, over a small set of values.

These are null, booleans, 64-bit integers, floats, byte and text strings, arrays, and maps whose keys are text. Decoding refuses
every other value, and every other encoding of the same one, so that a hash of the bytes is a hash of the meaning.
"""

from __future__ import annotations

import math
from types import NoneType
from typing import Final

from consent.core.canonical import CborError, decode_item, encode_canonical

LONGEST_BYTES: Final = 1 << 23
"""How long the bytes of a value may be: read as arrays of nothing, they would take seventy times that."""
_MAX_DEPTH = 16
_PERMITTED_WHOLE: Final = frozenset({NoneType, bool, str, bytes})
"""The types of which every value is permitted."""


class CanonicalError(ValueError):
    """The bytes are not deterministic CBOR, or the value has no such form."""


def head(major: int, argument: int) -> bytes:
    """Return the first bytes of a CBOR item: its major type (already shifted, 0x00 to 0xe0) and its argument."""
    if argument < 24:
        return bytes((major | argument,))
    if argument < 0x100:
        return bytes((major | 24, argument))
    if argument < 0x10000:
        return bytes((major | 25,)) + argument.to_bytes(2, "big")
    if argument < 0x100000000:
        return bytes((major | 26,)) + argument.to_bytes(4, "big")
    return bytes((major | 27,)) + argument.to_bytes(8, "big")


def encode(value: object) -> bytes:
    """Return the deterministic CBOR of a value.

    Raises:
        CanonicalError: when the value is not of a permitted kind.
    """
    _check(value, _MAX_DEPTH)
    return encode_canonical(value)


def decode(data: bytes) -> object:
    """Return the value of deterministic CBOR.

    Raises:
        CanonicalError: when the bytes are anything else, including another encoding of a value.
    """
    value = decode_any_spelling(data)
    if encode_canonical(value) != data:
        raise CanonicalError("not the deterministic encoding of its value")
    return value


def decode_any_spelling(data: bytes) -> object:
    """Return the value of CBOR that need not be deterministic, for callers who compare the bytes with their own encoding.

    Raises:
        CanonicalError: when the bytes are no CBOR, or of a value that is not of a permitted kind.
    """
    if len(data) > LONGEST_BYTES:
        raise CanonicalError(f"longer than `{LONGEST_BYTES}` bytes")
    try:
        value: object = decode_item(data, _MAX_DEPTH)
    except CborError as error:
        raise CanonicalError(f"not CBOR: {error}") from error
    _check(value, _MAX_DEPTH)
    return value


def _check(value: object, depth: int) -> None:
    """Refuse values outside the permitted kinds, including tags and simple values."""
    kind = type(value)
    if kind in _PERMITTED_WHOLE:
        return
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise CanonicalError("an integer beyond 64 bits")
    elif isinstance(value, float):
        if math.isnan(value):
            raise CanonicalError("a value that is not a number")
    elif depth == 0:
        raise CanonicalError("nested too deep")
    elif kind in (list, tuple):
        for item in value:  # type: ignore[attr-defined]  # a list or tuple, as just seen
            if type(item) not in _PERMITTED_WHOLE:  # most are, and a call for each would take longer than the question
                _check(item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise CanonicalError("a map key that is not text")
            if type(item) not in _PERMITTED_WHOLE:
                _check(item, depth - 1)
    else:
        raise CanonicalError(f"a value of type `{kind.__name__}`")
