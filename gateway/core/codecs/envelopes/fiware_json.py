"""Measures that devices send to FIWARE's IoT agent for JSON: `{"t": 21.5, "h": "40"}`, a list of such, or one value by its topic.

Each object is read like a message of its own; `TimeInstant` is when it held. A value under `attrs/<name>` may also be text that
is no JSON. Numbers may come as text.

Source: FIWARE IoT agent for JSON, User & Programmers Manual, "MQTT binding"; lists since its version 3.5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from consent.core.profiles.profile import Profile
from gateway.core.codecs.elements import compile_elements
from gateway.core.codecs.envelopes.agent_topics import measures_topic
from gateway.core.codecs.envelopes.envelope import Document
from gateway.core.codecs.json_map import NotJsonError, parse_json
from gateway.core.codecs.padding import without_padding
from gateway.core.model import IGNORE, MALFORMED, WRONG_TYPE, Decoded, Decoder, Reject


def compile_fiware_json(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``fiware-json``.

    Raises:
        PolicyError: The profile names a list itself, or one of its paths is none.
    """
    read = compile_elements(with_numbers_as_text(profile))

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        place = measures_topic(topic)
        if place is None:
            return IGNORE
        measures, name = place
        message = _parse(payload, bare_text=name is not None)
        if name is not None and not isinstance(message, Reject):
            message = {name: message}
        elements = message if type(message) is list else [message]
        return read(measures, [_checked(element) for element in elements], received_ms)

    return decode


def with_numbers_as_text(profile: Profile) -> Profile:
    """Return a profile whose numbers may come as text, with a point where it states no other mark."""
    fields = {name: replace(field, decimal_mark=field.decimal_mark or ".") for name, field in profile.fields.items()}
    return replace(profile, fields=fields)


def _parse(payload: bytes, *, bare_text: bool) -> Any:
    try:
        return parse_json(payload)
    except NotJsonError:
        pass
    try:
        return without_padding(payload).decode() if bare_text else MALFORMED
    except UnicodeDecodeError:
        return MALFORMED


def _checked(element: Any) -> Document | Reject:
    if isinstance(element, Reject):
        return element
    return element if type(element) is dict else WRONG_TYPE
