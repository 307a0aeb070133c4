"""JSON documents that a network server makes of each message of a device, with the decoded object somewhere inside.

One document tells of an uplink, others of joins, acknowledgements and states; only uplinks are readings. A profile's fields are
places in the decoded object, all its other paths places in the document; where it does not state time, number and device, those
of the format were filled in (``consent.core.profiles.presets``). From that follows an ordinary profile, which ``tree`` reads. Of
the document only those top-level fields are parsed which a path begins with: of gateways, their places and the strength of
signals, which tell where a device is, nothing ever exists as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import UNSET, Struct, defstruct

from consent.core.profiles.paths import Name, Root, parse_path
from consent.core.profiles.profile import Field, Profile
from gateway.core.codecs.json_map import NotJsonError, parse_json
from gateway.core.codecs.tree import compile_tree
from gateway.core.model import IGNORE, WRONG_TYPE, Decoded, Decoder, Reject

_UNREADABLE = frozenset('"\\')
"""What msgspec takes in no field's name."""

Document = dict[str, Any]
"""A parsed document, or as much of it as is wanted."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What sets one format apart.

    Attributes:
        decoded: Path of the decoded object.
        keys: Top-level fields that the functions below look at.
        is_uplink: ``is_uplink(topic, document)``: whether it tells of a message of the device.
        arrange: Changes an uplink in place before it is read; the reason where it cannot.
    """

    decoded: str
    keys: frozenset[str]
    is_uplink: Callable[[str, Document], bool]
    arrange: Callable[[Document], Reject | None] | None = None


def compile_envelope(profile: Profile, envelope: Envelope) -> Decoder:
    """Compile the decoder of a profile whose devices' messages come in an envelope.

    Raises:
        PolicyError: A path of it is none.
    """
    plain = plain_profile(profile, envelope.decoded)
    read, parse = compile_tree(plain), compile_parse(_wanted(plain, envelope.keys))
    is_uplink, arrange = envelope.is_uplink, envelope.arrange

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        document = parse(payload)
        if isinstance(document, Reject):
            return document
        if not is_uplink(topic, document):
            return IGNORE
        wrong = None if arrange is None else arrange(document)
        return read(topic, document, received_ms) if wrong is None else wrong

    return decode


def plain_profile(profile: Profile, decoded: str) -> Profile:
    """Return a profile whose paths all begin in the whole document, or in the element where a list is read by element."""
    if profile.each is not None:
        return replace(profile, each=_inside(decoded, profile.each, jmespath=profile.jmespath))

    def moved(field: Field) -> Field:
        paths = tuple(_inside(decoded, path, jmespath=profile.jmespath) for path in field.paths)
        unit_path = _inside(decoded, field.unit_path, jmespath=profile.jmespath) if field.unit_path else ""
        return replace(field, paths=paths, unit_path=unit_path)

    return replace(profile, fields={name: moved(field) for name, field in profile.fields.items()})


def _inside(decoded: str, path: str, *, jmespath: bool) -> str:
    """Return the path of what stands in the decoded object; `^` and `$topic` lead out of it."""
    if path.startswith(("^", "$topic")):
        return path
    if jmespath:
        return f"{decoded} | {path}"
    return f"{decoded}.{path}" if path and not path.startswith("[") else decoded + path


def _wanted(plain: Profile, keys: frozenset[str]) -> frozenset[str] | None:
    """Return the top-level fields that are looked at; None where a path does not begin with a name."""
    wanted = set(keys)
    for text in _paths_of_documents(plain):
        if plain.jmespath:
            return None
        path = parse_path(text)
        if path.root is Root.TOPIC:
            continue
        first = path.steps[0] if path.steps else None
        if not isinstance(first, Name) or not _UNREADABLE.isdisjoint(first.key):
            return None
        wanted.add(first.key)
    return frozenset(wanted)


def _paths_of_documents(plain: Profile) -> Iterator[str]:
    """Yield every path of a profile that begins in the document as a whole."""
    paths = [*plain.hub, *(condition.path for condition in plain.match.conditions)]
    paths += [path for field in plain.fields.values() for path in (*field.paths, field.unit_path) if path or field.paths == ("",)]
    if plain.time is not None:
        paths.append(plain.time.path)
    if plain.sequence is not None:
        paths += [path for path in (plain.sequence.path, plain.sequence.boot) if path is not None]
    if plain.each is None:
        yield from paths
        return
    yield plain.each
    yield from (path for path in paths if path.startswith("^"))


def compile_parse(wanted: frozenset[str] | None) -> Callable[[bytes], Document | Reject]:
    """Compile the parsing of documents: of all their fields, or of those that are wanted alone."""
    if wanted is None:
        return _parse_whole
    names = sorted(wanted)
    attributes = [f"field_{number}" for number in range(len(names))]
    rename = dict(zip(attributes, names, strict=True))
    document_type: type[Struct] = defstruct(
        "Document", [(attribute, Any, UNSET) for attribute in attributes], rename=rename, gc=False
    )
    parse_some = msgspec.json.Decoder(document_type).decode

    def parse(payload: bytes) -> Document | Reject:
        try:
            found = parse_some(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _parse_whole(payload)
        values = ((name, getattr(found, attribute)) for attribute, name in rename.items())
        return {name: value for name, value in values if value is not UNSET}

    return parse


def _parse_whole(payload: bytes) -> Document | Reject:
    try:
        document = parse_json(payload)
    except NotJsonError as error:
        return error.reject
    return document if type(document) is dict else WRONG_TYPE
