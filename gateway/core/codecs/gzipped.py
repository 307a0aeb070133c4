"""Gzip around a message (RFC 1952), taken off before its codec reads it, for profiles that allow it.

Whether a message is compressed is told by its first two bytes, so that devices which compress only what is long need no second
profile. What comes out is bounded before it is made, in bytes and in proportion to what came in: a few hundred bytes can stand
for gigabytes. ``registry`` puts this around any codec.
"""

from __future__ import annotations

import zlib
from typing import Final

from gateway.core.codecs.padding import PADDING
from gateway.core.model import MALFORMED, TOO_LARGE, Decoded, Decoder, Reject

MOST_BYTES: Final = 256 * 1024
"""The most that a message may hold once it is decompressed; four times what a frame itself may hold."""

MOST_RATIO: Final = 100
"""The most that it may grow by; readings as text come to about a tenth."""

_MAGIC: Final = b"\x1f\x8b"
_MOST_MEMBERS: Final = 8
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
"""For zlib: a gzip header and trailer, whose checksum and length it compares, and any window."""


def compile_gzip(decode: Decoder) -> Decoder:
    """Put decompression before a decoder; what is not compressed goes to it as it came."""

    def decode_either(topic: str, payload: bytes, received_ms: int) -> Decoded:
        if payload[:2] == _MAGIC:
            content = decompress(payload)
            if isinstance(content, Reject):
                return content
            payload = content
        return decode(topic, payload, received_ms)

    return decode_either


def decompress(payload: bytes) -> bytes | Reject:
    """Return what is in a gzip file of one or more members, or why it is not read.

    Padding of zeros or blanks may follow the last member; anything else there is ``malformed``, as is a member that is cut off
    or whose checksum is wrong. What would grow beyond the bounds is ``too_large``.
    """
    most_bytes = min(MOST_BYTES, len(payload) * MOST_RATIO)
    content, rest = b"", payload
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            content += member.decompress(rest, most_bytes - len(content) + 1)
        except zlib.error:
            return MALFORMED
        if len(content) > most_bytes:
            return TOO_LARGE
        if not member.eof:
            return MALFORMED
        rest = member.unused_data.lstrip(PADDING)
        if not rest:
            return content
    return MALFORMED
