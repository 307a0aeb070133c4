"""UltraLight 2.0, the text format of FIWARE's agent for small devices: `t|15|k|abc`, several groups of measures joined by `#`.

A group may begin with a time, and is then a measure of that time: `2016-06-13T00:35:30Z|lle|100`. Under a topic that ends in
`attrs/<name>` the whole payload is the value of that one measure. Values are text; a profile's fields name measures. What else
devices publish under the agent's topics (results of commands, requests for settings) is ignored.

Source: FIWARE IoT agent for UltraLight 2.0, User & Programmers Manual, "Ultralight 2.0 Protocol" and "MQTT binding".
"""

from __future__ import annotations

from typing import Final

from consent.core.profiles.profile import Profile
from gateway.core.codecs.elements import compile_elements
from gateway.core.codecs.envelopes.agent_topics import measures_topic
from gateway.core.codecs.envelopes.fiware_json import with_numbers_as_text
from gateway.core.codecs.padding import without_padding
from gateway.core.codecs.tree import MOST_ELEMENTS
from gateway.core.model import IGNORE, MALFORMED, TOO_LARGE, Decoded, Decoder, Reject

TIME: Final = "TimeInstant"
"""What the time that a group begins with is called, as in the agent's own entities."""


def compile_ultralight(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``ultralight``.

    Raises:
        PolicyError: The profile names a list itself, or one of its paths is none.
    """
    read = compile_elements(with_numbers_as_text(profile))

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        place = measures_topic(topic)
        if place is None:
            return IGNORE
        try:
            text = without_padding(payload).decode()
        except UnicodeDecodeError:
            return MALFORMED
        if text.count("#") > MOST_ELEMENTS:
            return TOO_LARGE
        measures, name = place
        groups = parse_ultralight(text) if name is None else [{name: text}]
        return read(measures, groups, received_ms)

    return decode


def parse_ultralight(text: str) -> list[dict[str, str] | Reject]:
    """Return the groups of a payload, each by name of measure; of a name that comes twice the last value counts.

    A group that is no list of pairs is ``malformed`` by itself, since the others can still be read.
    """
    return [_parse_group(group.strip()) for group in text.split("#")]


def _parse_group(text: str) -> dict[str, str] | Reject:
    parts = [part.strip() for part in text.split("|")]
    group = {}
    if len(parts) % 2:
        if not parts[0][:1].isdigit():
            return MALFORMED
        group[TIME] = parts.pop(0)
    names = parts[::2]
    if not names or not all(names):
        return MALFORMED
    group.update(zip(names, parts[1::2], strict=True))
    return group
