"""A profile's field map, compiled: the type that a message is decoded into, and the function that makes a reading of it.

JSON and CBOR share this. The paths of a profile become a msgspec struct type that names those fields and no others, so
that a field which no profile declares is skipped by the parser and never exists as a value. Types are strict, and null counts
as an absent field: a message with anything else in a declared field, such as a number as text, does not fit, and is read field
by field in ``tree``, as are all messages of profiles that say more than where plain numbers stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from operator import attrgetter
from typing import Annotated, Any

from msgspec import Meta, Struct, defstruct

from consent.core.profiles.paths import parse_path
from consent.core.profiles.profile import AbsentSequence, Field, Match, Profile
from consent.errors import PolicyError
from gateway.core.codecs.times import FORMATS
from gateway.core.model import BAD_TIME, NO_READING, NO_SEQUENCE, NOT_FINITE, Observation, Reading, Reject

_Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# Boot ids are kept per device for as long as it lives, so their size is bounded here.
_Boot = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(max_length=64)]

UNREADABLE = frozenset('"\\')
"""What msgspec takes in no field's name; control characters are no part of a path anyway."""
_PLAIN = Field(("",), "")
"""A field of which nothing is said but where it stands, in which unit, and how many of the property's that is."""

Flatten = Callable[[Any], Any]
Read = Callable[[Any, int], Reading | Reject]


@dataclass(frozen=True, slots=True)
class FieldMap:
    """How messages of one profile are read.

    Attributes:
        message_type: Struct type to decode a message into, shaped like the message.
        flatten: Converts a decoded message to the shape that ``read`` takes; ``None`` where it has that shape already.
        read: Makes the reading: ``read(message, received_ms)``.
    """

    message_type: type[Struct]
    flatten: Flatten | None
    read: Read


@dataclass(frozen=True, slots=True)
class _Slot:
    """One declared field: the attribute that holds it, its path in the message, its type, and the key that declares it."""

    attribute: str
    path: tuple[str, ...]
    kind: Any
    declared_as: str


def is_plain(profile: Profile) -> bool:
    """Return whether a profile says no more of its messages than where plain numbers stand in one map."""
    selects = profile.match != Match() or profile.each is not None or profile.hub or profile.jmespath
    if selects or any(_names(path) is None for path in _paths(profile)):
        return False
    if profile.time is not None and (profile.time.format not in FORMATS or profile.time.zone or profile.time.optional):
        return False
    if profile.sequence is not None and profile.sequence.absent is not AbsentSequence.REFUSED:
        return False
    bare = (replace(field, paths=("",), unit="", scale=_PLAIN.scale, counter=None) for field in profile.fields.values())
    return all(len(field.paths) == 1 for field in profile.fields.values()) and all(field == _PLAIN for field in bare)


def _paths(profile: Profile) -> Iterator[str]:
    yield from (path for field in profile.fields.values() for path in field.paths)
    if profile.time is not None:
        yield profile.time.path
    if profile.sequence is not None:
        yield from (path for path in (profile.sequence.path, profile.sequence.boot) if path is not None)


def _names(path: str) -> tuple[str, ...] | None:
    """Return the names that lead to a place, where nothing but names that msgspec takes do."""
    names = parse_path(path).names
    return names if names is not None and UNREADABLE.isdisjoint("".join(names)) else None


def _known_names(path: str) -> tuple[str, ...]:
    names = _names(path)
    assert names is not None  # of a plain profile
    return names


def compile_field_map(profile: Profile) -> FieldMap:
    """Compile a plain profile.

    Raises:
        PolicyError: Two declared fields claim the same place, or one lies inside another.
    """
    slots = _slots(profile)
    read = _compile_read(profile)
    if all(len(slot.path) == 1 for slot in slots):
        _check_places(profile, slots)
        return FieldMap(_flat_type(slots, {slot.attribute: slot.path[0] for slot in slots}), None, read)
    _check_places(profile, slots)
    chains: dict[str, tuple[str, ...]] = {}
    message_type = _nested_type(slots, 0, (), chains)
    return FieldMap(message_type, _compile_flatten(_flat_type(slots, {}), chains), read)


def _slots(profile: Profile) -> list[_Slot]:
    """List the declared fields; a profile's fields come first, as ``value_0``, ``value_1`` and so on."""
    slots = [
        _Slot(f"value_{number}", _known_names(field.paths[0]), float, f"fields.{name}.path")
        for number, (name, field) in enumerate(profile.fields.items())
    ]
    if profile.time is not None:
        kind = FORMATS[profile.time.format][0]
        slots.append(_Slot("time", _known_names(profile.time.path), kind, "time.path"))
    if profile.sequence is not None:
        if profile.sequence.path is not None:
            slots.append(_Slot("sequence", _known_names(profile.sequence.path), _Sequence, "sequence.path"))
        if profile.sequence.boot is not None:
            slots.append(_Slot("boot", _known_names(profile.sequence.boot), _Boot, "sequence.boot"))
    return slots


def _check_places(profile: Profile, slots: list[_Slot]) -> None:
    """Refuse two fields at one place, and a field inside another: no message could hold both."""
    taken: dict[tuple[str, ...], _Slot] = {}
    for slot in sorted(slots, key=lambda slot: len(slot.path)):
        for depth in range(1, len(slot.path) + 1):
            other = taken.get(slot.path[:depth])
            if other is not None:
                clash = f"`{'.'.join(slot.path)}` is taken by `{other.declared_as}`"
                raise PolicyError(f"devices/{profile.id}.toml", slot.declared_as, clash)
        taken[slot.path] = slot


def _flat_type(slots: list[_Slot], rename: dict[str, str]) -> type[Struct]:
    fields = [(slot.attribute, slot.kind | None, None) for slot in slots]
    return defstruct("Message", fields, rename=rename, gc=False)


def _nested_type(slots: list[_Slot], depth: int, chain: tuple[str, ...], chains: dict[str, tuple[str, ...]]) -> type[Struct]:
    """Build the struct type for the map at one depth, recording the chain of attributes that leads to each field."""
    fields: list[tuple[str, Any, None]] = []
    rename: dict[str, str] = {}
    inner: dict[str, list[_Slot]] = {}
    for slot in slots:
        if len(slot.path) == depth + 1:
            fields.append((slot.attribute, slot.kind | None, None))
            rename[slot.attribute] = slot.path[depth]
            chains[slot.attribute] = (*chain, slot.attribute)
        else:
            inner.setdefault(slot.path[depth], []).append(slot)
    for number, (key, below) in enumerate(inner.items()):
        attribute = f"map_{number}"
        fields.append((attribute, _nested_type(below, depth + 1, (*chain, attribute), chains) | None, None))
        rename[attribute] = key
    return defstruct("Message", fields, rename=rename, gc=False)


def _compile_flatten(flat_type: type[Struct], chains: dict[str, tuple[str, ...]]) -> Flatten:
    reach = tuple(chains.items())

    def flatten(nested: Any) -> Any:
        flat = flat_type()
        for attribute, chain in reach:
            node = nested
            for step in chain:
                node = getattr(node, step, None)  # an absent map has no fields either
            setattr(flat, attribute, node)
        return flat

    return flatten


def _compile_read(profile: Profile) -> Read:
    """Build the function that turns a flat message into a reading. It runs for every frame, so every step in it counts."""
    values = tuple(
        (name, attrgetter(f"value_{number}"), float(field.scale)) for number, (name, field) in enumerate(profile.fields.items())
    )
    has_time = profile.time is not None
    read_time = FORMATS[profile.time.format][1] if profile.time is not None else None
    has_sequence = profile.sequence is not None and profile.sequence.path is not None
    has_boot = profile.sequence is not None and profile.sequence.boot is not None

    def read(message: Any, received_ms: int) -> Reading | Reject:
        time_ms = received_ms if read_time is None else read_time(message.time)
        if time_ms is None:
            return BAD_TIME
        sequence = message.sequence if has_sequence else None
        boot = message.boot if has_boot else None
        if (has_sequence and sequence is None) or (has_boot and boot is None):
            return NO_SEQUENCE
        observations = []
        refused: tuple[Reject, ...] = ()
        for name, value_of, scale in values:
            value = value_of(message)
            if value is None:
                continue
            value *= scale  # exact where the scale is 1
            if isfinite(value):
                observations.append(Observation(name, time_ms, value))
            else:
                refused += (NOT_FINITE,)
        if not observations:
            return NOT_FINITE if refused else NO_READING
        return Reading(boot, sequence, has_time, observations, refused)

    return read
