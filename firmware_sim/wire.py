"""The encodings that simulated devices use: JSON, CBOR, SenML JSON and COSE_Mac0.

Written from the standards alone, sharing no code with the gateway's decoders, so that a misreading on one side shows
on the other. ``messages`` chooses the format for a kind of device; ``run`` and ``load`` publish the result.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | bytes | Sequence[Value] | Mapping[str, Value] | Mapping[int, Value] | None"

_JSON_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}
_JSON_ESCAPES |= {code: f"\\u{code:04x}" for code in range(0x20) if code not in _JSON_ESCAPES}

_MAC0_TAG = 17
_HEADER_ALGORITHM = 1
_HEADER_PARTIAL_IV = 6
_HMAC_256_256 = 5


class Invalid(bytes):
    """Bytes to be written unchanged in place of text, by which the faults make text that is not UTF-8."""


def json_bytes(value: Value) -> bytes:
    """Return compact JSON as small firmware writes it: floats are not rounded, ``nan`` and ``inf`` are bare words.

    Source: RFC 8259; the bare ``nan``, which is not JSON, is what MicroPython's ``json.dumps`` writes.
    """
    return _json(value)


def _json(value: Value) -> bytes:
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int | float):
        return repr(value).encode()
    if isinstance(value, str):
        return b'"' + value.translate(_JSON_ESCAPES).encode() + b'"'
    if isinstance(value, Invalid):
        return b'"' + bytes(value) + b'"'
    if isinstance(value, Mapping):
        return b"{" + b",".join(_json(str(key)) + b":" + _json(item) for key, item in value.items()) + b"}"
    if isinstance(value, bytes):
        raise TypeError("json has no byte strings")
    return b"[" + b",".join(map(_json, value)) + b"]"


def cbor_bytes(value: Value) -> bytes:
    """Return CBOR with definite lengths, shortest heads and 64-bit floats.

    Source: RFC 8949, sections 3 and 4.1.
    """
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xFB, value)
    if isinstance(value, Invalid):
        return cbor_head(3, len(value)) + bytes(value)
    if isinstance(value, bytes):
        return cbor_head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return cbor_head(3, len(text)) + text
    if isinstance(value, Mapping):
        return cbor_head(5, len(value)) + b"".join(cbor_bytes(key) + cbor_bytes(item) for key, item in value.items())
    return cbor_head(4, len(value)) + b"".join(map(cbor_bytes, value))


def cbor_head(major: int, argument: int) -> bytes:
    """Return the head of a CBOR item: its major type and the shortest form of its argument.

    Raises:
        OverflowError: If the argument does not fit in 64 bits.
    """
    if argument < 24:
        return bytes((major << 5 | argument,))
    for additional, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes((major << 5 | additional,)) + argument.to_bytes(width, "big")
    raise OverflowError("integer over 64 bits")


def senml_bytes(base_name: str, base_time_s: int, records: Sequence[tuple[str, str, Value]]) -> bytes:
    """Return a SenML JSON pack whose first record holds the base name and time.

    Args:
        base_name: Prefix of every record's name.
        base_time_s: Unix time of every record, in seconds.
        records: Name, SenML unit and value of each; the key is ``v`` for a number, ``vs`` for text, ``vb`` for a bool.

    Source: RFC 8428, sections 4 and 5.
    """
    pack: list[dict[str, Value]] = []
    for name, unit, value in records:
        label = "vb" if isinstance(value, bool) else "vs" if isinstance(value, str | Invalid) else "v"
        record: dict[str, Value] = {"n": name, "u": unit, label: value} if unit else {"n": name, label: value}
        pack.append(record if pack else {"bn": base_name, "bt": base_time_s, **record})
    return json_bytes(pack)


def mac0_bytes(key: bytes, sequence: int, payload: bytes) -> bytes:
    """Return a message in a tagged COSE_Mac0 with HMAC 256/256.

    The sequence number is the Partial IV in the *protected* header: Mac0 does not cover the unprotected one, where
    anyone could raise the number and so replay the message.

    Source: RFC 9052, sections 3.1, 6.2 and 6.3; RFC 9053, section 3.1.
    """
    partial_iv = sequence.to_bytes(max(1, (sequence.bit_length() + 7) // 8), "big")
    protected = cbor_bytes({_HEADER_ALGORITHM: _HMAC_256_256, _HEADER_PARTIAL_IV: partial_iv})
    tag = hmac.new(key, cbor_bytes(["MAC0", protected, b"", payload]), hashlib.sha256).digest()
    return cbor_head(6, _MAC0_TAG) + cbor_bytes([protected, {}, payload, tag])
