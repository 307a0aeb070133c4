"""CBOR messages that are maps (RFC 8949), read by a profile's field map with the same meaning as JSON.

Strict, since a sensor needs no more: definite lengths, text or byte strings as map keys, no duplicate keys, nothing
after the message, and of tags only 0 and 1, which are read as the date that they hold. Everything else that a tag can
request (shared references, huge fractions, regular expressions) costs the receiver work, and is ``malformed``.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, NoReturn

import cbor2
import msgspec

from consent.core.profiles.profile import Profile
from gateway.core.codecs.field_map import compile_field_map
from gateway.core.model import MALFORMED, WRONG_TYPE, Decoder, Reading, Reject

_MAX_DEPTH = 16
_KNOWN_TAGS = (2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
"""Every tag that the library would interpret by itself, except dates."""


def compile_cbor(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``cbor``.

    Raises:
        PolicyError: The field map contradicts itself.
    """
    field_map = compile_field_map(profile)
    message_type, flatten, read = field_map.message_type, field_map.flatten, field_map.read

    def decode(_topic: str, payload: bytes, received_ms: int) -> Reading | Reject:
        try:
            message = msgspec.convert(parse_cbor(payload), message_type)
        except msgspec.ValidationError:
            return WRONG_TYPE
        except (cbor2.CBORError, ValueError, RecursionError):
            return MALFORMED
        return read(message if flatten is None else flatten(message), received_ms)

    return decode


def parse_cbor(payload: bytes) -> Any:
    """Parse one CBOR item that a device sent, strictly.

    Raises:
        cbor2.CBORError: It is not a well-formed item, or uses something that this module refuses.
        ValueError: Bytes follow it.
    """
    stream = BytesIO(payload)
    item = cbor2.CBORDecoder(
        stream,
        tag_hook=_refuse_tag,
        semantic_decoders=_TAGS,
        max_depth=_MAX_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
        strict_hashable_types=True,  # keys could be chosen to collide
    ).decode()
    if stream.tell() != len(payload):
        raise ValueError("bytes follow the item")
    return item


def _refuse_tag(*_: object) -> NoReturn:
    raise cbor2.CBORDecodeError("tag refused")


def _take_content(content: object, *_: object) -> object:
    return content


_TAGS = dict.fromkeys(_KNOWN_TAGS, _refuse_tag) | {0: _take_content, 1: _take_content}
