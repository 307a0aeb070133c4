"""JSON messages that are maps, read by a profile's field map.

Accepted on purpose: for a duplicate key the last value counts, and bytes that are not UTF-8 do no harm inside fields
that nobody declared, since those are skipped and never become values. In a declared field they are ``malformed``.
NaN and Infinity are not JSON (``malformed``); a number too large for a double is a ``wrong_type``.
"""

from __future__ import annotations

import msgspec

from consent.core.profiles.profile import Profile
from gateway.core.codecs.field_map import compile_field_map
from gateway.core.model import MALFORMED, WRONG_TYPE, Decoder, Reading, Reject


def compile_json(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``json``.

    Raises:
        PolicyError: The field map contradicts itself.
    """
    field_map = compile_field_map(profile)
    parse = msgspec.json.Decoder(field_map.message_type).decode
    flatten, read = field_map.flatten, field_map.read

    def decode(_topic: str, payload: bytes, received_ms: int) -> Reading | Reject:
        try:
            message = parse(payload)
        except msgspec.ValidationError:
            return WRONG_TYPE
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return MALFORMED
        return read(message if flatten is None else flatten(message), received_ms)

    return decode
