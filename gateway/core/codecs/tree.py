"""The reading of a parsed message: which messages are readings, of which device, what stands where, and when it held.

Every format parses its bytes into dicts, lists, texts and numbers, and shares what is compiled here from a profile: conditions,
lists read by element, devices behind a hub, fields, time and sequence. What no path of the profile names is never looked at,
and a bad field costs that field alone. (Profiles whose fields are plain numbers take the quicker way of ``field_map``, which
gives the same.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from consent.core.profiles.profile import Profile
from gateway.core.codecs.message.conditions import compile_match
from gateway.core.codecs.message.identity import compile_hub_id, compile_sequence
from gateway.core.codecs.message.locate import compile_path
from gateway.core.codecs.message.one import ReadOne, compile_one
from gateway.core.codecs.message.place import Place, Whole
from gateway.core.model import (
    IGNORE,
    NO_READING,
    NO_VALUE,
    TOO_LARGE,
    WRONG_TYPE,
    Decoded,
    HubPart,
    HubParts,
    Ignore,
    Observation,
    Reading,
    Reject,
)

ReadTree = Callable[[str, Any, int], Decoded]
"""``read(topic, message, received_ms)``: never raises, if the message is made of what JSON and CBOR are made of."""

MOST_ELEMENTS: Final = 4096
"""The most elements of one message, be they of a list, lines, groups of measures or records: agents send a thousand at most, and
each takes its time."""

_ReadWhole = Callable[[Any, Any, str, int], Decoded]
"""``read(message, whole, topic, received_ms)``"""


def compile_tree(profile: Profile) -> ReadTree:
    """Compile the reading of a profile's parsed messages.

    Raises:
        PolicyError: A JMESPath expression of it is none.
    """
    matches_first, matches_each = compile_match(profile)
    read = compile_one(profile, matches_each)
    by_element = profile.each is not None
    if profile.each is None:
        of_whole = _hub_read(profile, read) if profile.hub else read
    else:
        elements = compile_path(profile, profile.each, "each")
        of_whole = _hub_each(profile, elements, read) if profile.hub else _plain_each(profile, elements, read)

    def read_tree(topic: str, message: Any, received_ms: int) -> Decoded:
        whole = Whole(message, topic) if by_element else message
        if not matches_first(message, whole, topic):
            return IGNORE
        return of_whole(message, whole, topic, received_ms)

    return read_tree


def _hub_read(profile: Profile, read: ReadOne) -> _ReadWhole:
    """Compile the reading of a hub's message of one device."""
    id_of = compile_hub_id(profile)

    def of_hub(message: Any, whole: Any, topic: str, received_ms: int) -> HubParts | Ignore:
        outcome = read(message, whole, topic, received_ms)
        if isinstance(outcome, Ignore):
            return IGNORE
        hub_id = id_of(message, whole, topic)
        return HubParts([HubPart(hub_id, outcome if hub_id else NO_VALUE)])

    return of_hub


def _plain_each(profile: Profile, elements_of: Place, read: ReadOne) -> _ReadWhole:
    """Compile the reading of a list into one reading: its elements have times of their own, and the message one number."""
    identity_of = compile_sequence(profile)

    def of_list(message: Any, whole: Any, topic: str, received_ms: int) -> Reading | Ignore | Reject:
        elements = _elements(elements_of(message, whole, topic))
        if isinstance(elements, Reject):
            return elements
        identity = identity_of(message, whole, topic)
        if isinstance(identity, Reject):
            return identity
        observations: list[Observation] = []
        refused: list[Reject] = []
        has_time, read_any = True, False
        for element in elements:
            outcome = read(element, whole, topic, received_ms)
            if isinstance(outcome, Ignore):
                continue
            read_any = True
            if isinstance(outcome, Reading):
                has_time = has_time and outcome.has_time
                observations += outcome.observations
                refused += outcome.refused
            elif outcome is not NO_READING:
                refused.append(outcome)
        if observations:
            return Reading(*identity, has_time, observations, tuple(refused))
        return refused[0] if refused else NO_READING if read_any else IGNORE

    return of_list


def _hub_each(profile: Profile, elements_of: Place, read: ReadOne) -> _ReadWhole:
    """Compile the reading of a hub's message that lists readings of its devices."""
    id_of = compile_hub_id(profile)

    def of_list(message: Any, whole: Any, topic: str, received_ms: int) -> HubParts | Ignore | Reject:
        elements = _elements(elements_of(message, whole, topic))
        if isinstance(elements, Reject):
            return elements
        parts = []
        for element in elements:
            outcome = read(element, whole, topic, received_ms)
            if isinstance(outcome, Ignore):
                continue
            hub_id = id_of(element, whole, topic)
            parts.append(HubPart(hub_id, outcome if hub_id else NO_VALUE))
        return HubParts(_merged(parts)) if parts else IGNORE

    return of_list


def _elements(found: Any) -> list[Any] | Reject:
    """Return the list to be read by element, or why there is none."""
    if type(found) is list:
        return TOO_LARGE if len(found) > MOST_ELEMENTS else found or NO_READING
    return NO_READING if found is None else WRONG_TYPE


def _merged(parts: list[HubPart]) -> list[HubPart]:
    """Put together what a message says of one device at one time: hubs list values one by one."""
    merged: dict[tuple[object, ...], HubPart] = {}
    rejected: list[HubPart] = []
    for part in parts:
        reading = part.outcome
        if isinstance(reading, Reject):
            rejected.append(part)
            continue
        key = (part.hub_id, reading.boot, reading.sequence, reading.observations[0].phenomenon_time_ms)
        before = merged.setdefault(key, part)
        if before is not part:
            assert isinstance(before.outcome, Reading)
            before.outcome.observations += reading.observations
            before.outcome.refused += reading.refused
    if not rejected:
        return list(merged.values())
    kept = {id(part) for part in (*merged.values(), *rejected)}
    return [part for part in parts if id(part) in kept]
