"""The reading of one message, or of one element of a list: its fields, when they held, and the number that its device gave it.

``tree`` puts together what comes of it. A bad field costs that field; a bad time or number costs the message, or the element.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from consent.core.profiles.profile import Field, Profile
from gateway.core.codecs.message.conditions import Holds, compile_suffix
from gateway.core.codecs.message.identity import compile_sequence, no_identity
from gateway.core.codecs.message.locate import compile_path
from gateway.core.codecs.times import compile_time
from gateway.core.codecs.values import Finish, compile_finish, compile_number, compile_units
from gateway.core.model import IGNORE, NO_READING, Ignore, Observation, Reading, Reject

ReadOne = Callable[[Any, Any, str, int], Reading | Ignore | Reject]
"""``read(message, whole, topic, received_ms)``"""

_ReadField = Callable[[Any, Any, str], float | Reject | None]
"""``read(message, whole, topic)``: the value in the property's unit, why there is none, or None where nothing stands there."""


@dataclass(frozen=True, slots=True)
class _FieldReader:
    """One field, compiled."""

    name: str
    read: _ReadField
    applies: Callable[[str], bool] | None


def compile_one(profile: Profile, matches: Holds) -> ReadOne:
    """Compile the reading of one message, or of one element of a list."""
    fields = [_compile_field(profile, name, field) for name, field in profile.fields.items()]
    by_topic = all(field.applies is not None for field in fields)
    in_list = profile.each is not None and not profile.hub
    identity_of = no_identity if in_list else compile_sequence(profile)
    time_of = _compile_time(profile)

    def read(message: Any, whole: Any, topic: str, received_ms: int) -> Reading | Ignore | Reject:
        if not matches(message, whole, topic):
            return IGNORE
        here = [field for field in fields if field.applies is None or field.applies(topic)]
        if by_topic and not here:
            return IGNORE
        time_ms = None if time_of is None else time_of(message, whole, topic)
        if isinstance(time_ms, Reject):
            return time_ms
        has_time = time_ms is not None
        if time_ms is None:
            time_ms = received_ms
        identity = identity_of(message, whole, topic)
        if isinstance(identity, Reject):
            return identity
        observations, refused = [], []
        for field in here:
            value = field.read(message, whole, topic)
            if value is None:
                continue
            if isinstance(value, Reject):
                refused.append(value)
            else:
                observations.append(Observation(field.name, time_ms, value))
        if observations:
            return Reading(*identity, has_time, observations, tuple(refused))
        return refused[0] if refused else NO_READING

    return read


def _compile_time(profile: Profile) -> Callable[[Any, Any, str], int | Reject | None] | None:
    """Compile when the values of a message held; None, of the profile or of a message, where that is when it arrived."""
    if profile.time is None:
        return None
    place, read, optional = (
        compile_path(profile, profile.time.path, "time.path"),
        compile_time(profile.time),
        profile.time.optional,
    )

    def time_of(message: Any, whole: Any, topic: str) -> int | Reject | None:
        found = place(message, whole, topic)
        return None if found is None and optional else read(found)

    return time_of


def _compile_field(profile: Profile, name: str, field: Field) -> _FieldReader:
    key = f"fields.{name}.path"
    number = compile_number(field)
    places = tuple(compile_path(profile, path, key) for path in field.paths)
    find = _compile_finish(profile, name, field)
    if len(places) == 1:
        only = places[0]

        def raw_of(message: Any, whole: Any, topic: str) -> float | Reject | None:
            return number(only(message, whole, topic))

    else:

        def raw_of(message: Any, whole: Any, topic: str) -> float | Reject | None:
            total = 0.0
            for place in places:
                part = number(place(message, whole, topic))
                if part is None or isinstance(part, Reject):
                    return part
                total += part
            return total

    def read(message: Any, whole: Any, topic: str) -> float | Reject | None:
        raw = raw_of(message, whole, topic)
        if raw is None or isinstance(raw, Reject):
            return raw
        finish = find(message, whole, topic)
        return finish if isinstance(finish, Reject) else finish(raw)

    return _FieldReader(name, read, compile_suffix(field.topic) if field.topic else None)


def _compile_finish(profile: Profile, name: str, field: Field) -> Callable[[Any, Any, str], Finish | Reject]:
    """Compile the choice of how a number becomes a value: the profile's way, or that of the unit that the message names."""
    if not field.unit_path:
        own = compile_finish(field, field.scale, field.offset)
        return lambda _message, _whole, _topic: own
    units, unit_of = compile_units(field), compile_path(profile, field.unit_path, f"fields.{name}.unit_path")
    return lambda message, whole, topic: units(unit_of(message, whole, topic))
