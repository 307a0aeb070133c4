"""Payloads that are one value: a number or a word, as text, of a topic that says what it is.

Numbers may be written as firmware writes them, with a sign, a leading zero or a bare point. Where a profile says that its
decimal mark is a comma, a point in a number means nothing, since it could stand between thousands.
"""

from __future__ import annotations

from typing import Any

from consent.core.profiles.profile import Profile
from gateway.core.codecs.padding import without_padding
from gateway.core.codecs.tree import compile_tree
from gateway.core.codecs.values import LONGEST_NUMBER, NUMBER
from gateway.core.model import MALFORMED, Decoded, Decoder

_LONGEST = 256
"""The most characters of a value; whatever is longer is none."""
_QUOTES = 2


def compile_one_value(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``value``."""
    read_tree = compile_tree(profile)
    has_comma = any(field.decimal_mark == "," for field in profile.fields.values())

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        try:
            text = without_padding(payload).decode()
        except UnicodeDecodeError:
            return MALFORMED
        if len(text) > _LONGEST:
            return MALFORMED
        return read_tree(topic, _value(text, has_comma=has_comma), received_ms)

    return decode


def _value(text: str, *, has_comma: bool) -> Any:
    """Return what a text is: nothing, a number, or itself without the quotation marks that JSON has."""
    if not text or text == "null":
        return None
    if len(text) >= _QUOTES and text[0] == text[-1] == '"':
        return text[1:-1]
    if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text) or (has_comma and "." in text):
        return text
    return int(text) if text.lstrip("+-").isdigit() else float(text)
