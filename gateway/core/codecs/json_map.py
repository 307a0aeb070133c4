"""JSON messages: read by a profile's compiled field map where its fields are plain numbers, and else as trees.

Accepted on purpose: for a duplicate key the last value counts, and bytes that are not UTF-8 do no harm inside fields that
nobody declared. A byte order mark, NULs, spaces and line ends around a message, and bare `nan` or `Infinity` in place of a
value, which firmware writes and JSON has not, cost nothing: the value counts as absent. Anything else that is not JSON is
``malformed``.

Most messages take the quick way. Where a message does not fit the compiled types, it is parsed as a tree and read field by
field, so that one bad field costs that field alone.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

import msgspec

from consent.core.profiles.profile import Profile
from gateway.core.codecs.field_map import compile_field_map, is_plain
from gateway.core.codecs.message.conditions import compile_topics
from gateway.core.codecs.message.place import MISPLACED, Misplaced
from gateway.core.codecs.padding import without_padding
from gateway.core.codecs.tree import compile_tree
from gateway.core.model import IGNORE, MALFORMED, WRONG_TYPE, Decoded, Decoder, Reject

# Strings are passed over whole, closed or not, so that the search takes time in proportion to the length.
_NO_NUMBER: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|(?<![\w.])[-+]?(?:nan|inf(?:inity)?)(?![\w.])', re.IGNORECASE | re.DOTALL)


def _double(digits: str) -> float | Misplaced:
    number = float(digits)
    return number if isfinite(number) else MISPLACED


_parse: Final = msgspec.json.Decoder().decode
_parse_large: Final = msgspec.json.Decoder(float_hook=_double).decode
"""Takes a number that no double can hold for a value of no type, which costs its field alone."""


class NotJsonError(ValueError):
    """Bytes that are no JSON, even mended.

    Attributes:
        reject: The reason for which a frame that holds them is refused.
    """

    def __init__(self, reject: Reject) -> None:
        """Set the reason."""
        self.reject = reject
        super().__init__(reject.reason)


def compile_json(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``json``.

    Raises:
        PolicyError: The field map contradicts itself.
    """
    read_tree, concerns = compile_tree(profile), compile_topics(profile)

    def decode_tree(topic: str, payload: bytes, received_ms: int) -> Decoded:
        try:
            message = parse_json(payload)
        except NotJsonError as error:
            return error.reject if concerns(topic) else IGNORE  # states beside readings are often no JSON: `Online`
        return read_tree(topic, message, received_ms)

    if not is_plain(profile):
        return decode_tree
    field_map = compile_field_map(profile)
    parse = msgspec.json.Decoder(field_map.message_type).decode
    flatten, read = field_map.flatten, field_map.read

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        try:
            message = parse(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return decode_tree(topic, payload, received_ms)
        return read(message if flatten is None else flatten(message), received_ms)

    return decode


def parse_json(payload: bytes) -> Any:
    """Parse a JSON text that a device sent, mended where firmware is known to break it.

    Raises:
        NotJsonError: It is none.
    """
    try:
        return _parse(payload)
    except msgspec.ValidationError:
        return _parsed(payload, _parse_large)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        mended = mend(payload)
        if mended == payload:
            raise NotJsonError(MALFORMED) from None
        return _parsed(mended, _parse_large)


def _parsed(payload: bytes, parse: Any) -> Any:
    try:
        return parse(payload)
    except msgspec.ValidationError as error:
        raise NotJsonError(WRONG_TYPE) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJsonError(MALFORMED) from error


def mend(payload: bytes) -> bytes:
    """Return a message without what firmware is known to break JSON by; bytes that are not UTF-8 become U+FFFD.

    Text with such a sign is the name of nothing (see ``values.as_text``): two devices could have it.
    """
    bare = without_padding(payload)
    bare = _NO_NUMBER.sub(lambda found: found[0] if found[0].startswith(b'"') else b"null", bare)
    return bare if bare.isascii() else bare.decode("utf-8", "replace").encode()
