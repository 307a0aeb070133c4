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
from gateway.core.codecs.field_map import compile_field_map, is_plain
from gateway.core.codecs.tree import compile_tree
from gateway.core.model import MALFORMED, Decoded, Decoder

_MAX_DEPTH = 16
_KNOWN_TAGS = (2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
"""Every tag that the library would interpret by itself, except dates."""


def compile_cbor(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``cbor``.

    Raises:
        PolicyError: The field map contradicts itself.
    """
    read_tree = compile_tree(profile)
    plain = compile_field_map(profile) if is_plain(profile) else None

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        try:
            item = parse_cbor(payload)
        except (cbor2.CBORError, ValueError, RecursionError):
            return MALFORMED
        if plain is None:
            return read_tree(topic, item, received_ms)
        try:
            message = msgspec.convert(item, plain.message_type)
        except msgspec.ValidationError:
            return read_tree(topic, item, received_ms)
        return plain.read(message if plain.flatten is None else plain.flatten(message), received_ms)

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
