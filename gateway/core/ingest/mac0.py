"""COSE_Mac0 with HMAC 256/256 (RFC 9052, section 6.2): how a device proves that a reading is its own and not a replay.

::

    [ protected: << {1: 5, 6: partial IV} >>, unprotected: {} or {4: kid}, payload, tag ]      tag 17 in front or not

The partial IV is the device's sequence number, big-endian, inside the protected header, so that the code covers it
too; admission refuses one that it has seen. The key is that of the device that the topic names: the key
identifier is not authenticated and therefore not read.

Only the deterministic encoding (RFC 8949, section 4.2) is accepted. A message then has exactly one form, so the
parts that the code covers can be cut out of the bytes as received.
"""

from __future__ import annotations

from hmac import compare_digest

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from gateway.core.model import BAD_MAC, Reject

_TAG_17 = 0xD1
_ARRAY_OF_4 = 0x84
_PROTECTED = b"\xa2\x01\x05\x06"
"""A map of two: algorithm (1) is HMAC 256/256 (5), and the partial IV (6) follows."""
_CONTEXT = b"\x84\x64MAC0"
_NO_EXTERNAL_DATA = b"\x40"
_TAG_BYTES = 32
_TAG_HEAD = b"\x58\x20"


class Mac0Key:
    """The key of one device, ready to verify."""

    __slots__ = ("_hmac",)

    def __init__(self, key: bytes) -> None:
        """Prepare the key once: copying that state costs half as much as setting it up again."""
        self._hmac = HMAC(key, SHA256())

    def verify(self, data: bytes) -> tuple[bytes, int] | Reject:
        """Return the payload and sequence number of a message, or ``BAD_MAC`` unless it is valid."""
        try:
            protected_at = 2 if data[0] == _TAG_17 else 1
            if data[protected_at - 1] != _ARRAY_OF_4:
                return BAD_MAC
            header_at, header_end = _byte_string(data, protected_at)
            iv_at, iv_end = _byte_string(data, header_at + len(_PROTECTED))
            payload_head = _skip_unprotected(data, header_end)
            payload_at, payload_end = _byte_string(data, payload_head)
        except IndexError:
            return BAD_MAC
        if (
            iv_end != header_end
            or not 1 <= iv_end - iv_at <= 8
            or data[header_at : iv_at - 1] != _PROTECTED
            or len(data) != payload_end + len(_TAG_HEAD) + _TAG_BYTES
            or data[payload_end : payload_end + len(_TAG_HEAD)] != _TAG_HEAD
        ):
            return BAD_MAC
        code = self._hmac.copy()
        # MAC_structure (RFC 9052, section 6.3) from the bytes as received: each part with its own head.
        code.update(_CONTEXT + data[protected_at:header_end] + _NO_EXTERNAL_DATA + data[payload_head:payload_end])
        if not compare_digest(code.finalize(), data[-_TAG_BYTES:]):
            return BAD_MAC
        return data[payload_at:payload_end], int.from_bytes(data[iv_at:iv_end], "big")


def unverified(data: bytes) -> bytes | None:
    """Return the payload of a message whose authentication code nobody has checked; None where it is no such message.

    Nothing may ever be counted of it: it is for looking at what a device that is not registered might send.
    """
    stated = _stated(data)
    return None if stated is None else stated[0]


def stated_sequence(data: bytes) -> int | None:
    """Return the sequence number that a message states, which nobody has checked either; None where it is no such message."""
    stated = _stated(data)
    return None if stated is None else int.from_bytes(stated[1], "big")


def _stated(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the payload and the partial IV of a message as it stands."""
    try:
        protected_at = 2 if data[0] == _TAG_17 else 1
        if data[protected_at - 1] != _ARRAY_OF_4:
            return None
        header_at, header_end = _byte_string(data, protected_at)
        iv_at, iv_end = _byte_string(data, header_at + len(_PROTECTED))
        payload_at, payload_end = _byte_string(data, _skip_unprotected(data, header_end))
    except IndexError:
        return None
    return (data[payload_at:payload_end], data[iv_at:iv_end]) if iv_end == header_end and iv_end - iv_at <= 8 else None


def mac0(key: bytes, payload: bytes, sequence: int, kid: bytes | None = None) -> bytes:
    """Return a message, with tag 17, as a device would make it.

    Args:
        sequence: 0 to 2**64 - 1.
        kid: Key identifier for the unprotected header, which stays empty without one.
    """
    partial_iv = sequence.to_bytes(max(1, (sequence.bit_length() + 7) // 8), "big")
    protected = _encode(_PROTECTED + _encode(partial_iv))
    unprotected = b"\xa0" if kid is None else b"\xa1\x04" + _encode(kid)
    code = HMAC(key, SHA256())
    code.update(_CONTEXT + protected + _NO_EXTERNAL_DATA + _encode(payload))
    return bytes([_TAG_17, _ARRAY_OF_4]) + protected + unprotected + _encode(payload) + _encode(code.finalize())


def _encode(data: bytes) -> bytes:
    """Encode a byte string with its shortest head."""
    size = len(data)
    if size < 24:
        return bytes([0x40 + size]) + data
    if size < 256:
        return bytes([0x58, size]) + data
    return b"\x59" + size.to_bytes(2, "big") + data  # a frame is under 64 KiB


def _byte_string(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the byte string at an offset begins and ends.

    Raises:
        IndexError: There is none, it is cut short, or its head is not the shortest.
    """
    head = data[at]
    if 0x40 <= head < 0x58:
        start, size = at + 1, head - 0x40
    elif head == 0x58 and data[at + 1] >= 24:
        start, size = at + 2, data[at + 1]
    elif head == 0x59 and data[at + 1]:
        start, size = at + 3, data[at + 1] << 8 | data[at + 2]
    else:
        raise IndexError
    if start + size > len(data):
        raise IndexError
    return start, start + size


def _skip_unprotected(data: bytes, at: int) -> int:
    """Return where the unprotected header ends: an empty map, or one with only a key identifier.

    Raises:
        IndexError: It is neither.
    """
    if data[at] == 0xA0:
        return at + 1
    if data[at] == 0xA1 and data[at + 1] == 0x04:
        return _byte_string(data, at + 2)[1]
    raise IndexError
