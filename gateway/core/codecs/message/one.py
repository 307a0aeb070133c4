"""The reading of one message, or of one element of a list: its fields, when they held, and the number that its device gave it.

``tree`` puts together what comes of it. A bad field costs that field; a bad time or number costs the message, or the element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from consent.core.profiles.profile import Field, Profile
from gateway.core.codecs.message.conditions import Holds, compile_suffix
from gateway.core.codecs.message.identity import compile_sequence, no_identity
from gateway.core.codecs.message.locate import compile_path
from gateway.core.codecs.message.place import Place
from gateway.core.codecs.times import compile_time
from gateway.core.codecs.values import ReadValue, compile_finish, compile_number, compile_units
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
    by_topic = any(field.applies is not None for field in fields)
    in_list = profile.each is not None and not profile.hub
    identity_of = no_identity if in_list else compile_sequence(profile)
    time_of = _compile_time(profile)

    def read(message: Any, whole: Any, topic: str, received_ms: int) -> Reading | Ignore | Reject:
        if not matches(message, whole, topic):
            return IGNORE
        here = fields
        if by_topic:
            here = [field for field in fields if field.applies is None or field.applies(topic)]
            if not here:
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
            if isinstance(value, float):
                observations.append(Observation(field.name, time_ms, value))
            else:
                refused.append(value)
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
    raw_of = _compile_one_value(number, places[0]) if len(places) == 1 else _compile_sum(number, places)
    read = _compile_in_named_unit(profile, name, field, raw_of) if field.unit_path else _compile_in_own_unit(field, raw_of)
    return _FieldReader(name, read, compile_suffix(field.topic) if field.topic else None)


def _compile_one_value(number: ReadValue, place: Place) -> _ReadField:
    return lambda message, whole, topic: number(place(message, whole, topic))


def _compile_sum(number: ReadValue, places: Sequence[Place]) -> _ReadField:
    """Compile the sum of several registers, which is none where one of them is absent."""

    def total_of(message: Any, whole: Any, topic: str) -> float | Reject | None:
        total = 0.0
        for place in places:
            part = number(place(message, whole, topic))
            if not isinstance(part, float):
                return part
            total += part
        return total

    return total_of


def _compile_in_own_unit(field: Field, raw_of: _ReadField) -> _ReadField:
    finish = compile_finish(field, field.scale, field.offset)

    def read(message: Any, whole: Any, topic: str) -> float | Reject | None:
        raw = raw_of(message, whole, topic)
        return finish(raw) if isinstance(raw, float) else raw

    return read


def _compile_in_named_unit(profile: Profile, name: str, field: Field, raw_of: _ReadField) -> _ReadField:
    """Compile the reading of a value in the unit that the message names."""
    units, unit_of = compile_units(field), compile_path(profile, field.unit_path, f"fields.{name}.unit_path")

    def read(message: Any, whole: Any, topic: str) -> float | Reject | None:
        raw = raw_of(message, whole, topic)
        if not isinstance(raw, float):
            return raw
        finish = units(unit_of(message, whole, topic))
        return finish if isinstance(finish, Reject) else finish(raw)

    return read
