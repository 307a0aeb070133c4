"""Device profiles: `devices/<id>.toml` says how devices of a profile write their messages, and the most they may reveal.

A profile is shared by all devices built alike; the devices themselves are in the registry and in no policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from consent.core.disclosure import TOP
from consent.core.policies.bounds import read_bounds
from consent.core.policies.property import Property
from consent.core.profiles.profile import (
    Authentication,
    Codec,
    Field,
    Profile,
    Scheme,
    SequenceField,
    TimeField,
    TimeFormat,
    TimeOrigin,
)
from consent.core.toml.file import Number, Table, TomlFile

_SCALES: Final = (Decimal("1e-9"), Decimal("1e9"))


class FieldTable(Table, frozen=True, kw_only=True):
    """`[fields.<property>]`."""

    path: str
    unit: str
    scale: Number | None = None


class TimeTable(Table, frozen=True, kw_only=True):
    """`[time]`."""

    path: str
    format: str
    source: str = TimeOrigin.DEVICE.value


class SequenceTable(Table, frozen=True, kw_only=True):
    """`[sequence]`."""

    path: str | None = None
    boot: str | None = None


class AuthenticationTable(Table, frozen=True, kw_only=True):
    """`[authentication]`."""

    scheme: str


class ProfileTable(Table, frozen=True, kw_only=True):
    """The file as a whole."""

    title: dict[str, Any]
    codec: str
    fields: dict[str, Any]
    time: TimeTable | None = None
    sequence: SequenceTable | None = None
    authentication: AuthenticationTable = AuthenticationTable(scheme=Scheme.NONE.value)
    cap: dict[str, Any] = msgspec.field(default_factory=dict)
    example: list[Any] = msgspec.field(default_factory=list)
    """Read by ``gateway.core.examples``, and by nothing that decides: what they say changes no more than a comment does."""


def read_profile(file: TomlFile, name: str, languages: tuple[str, ...], properties: Mapping[str, Property]) -> Profile:
    """Return one device profile.

    Args:
        name: The file's name without its ending, which is the profile's id.
    """
    file.id(name, "")
    table = file.table(file.tables, ProfileTable, "")
    if not table.fields:
        raise file.error("fields", "should name at least one property")
    scheme = file.choice(table.authentication.scheme, Scheme, "authentication.scheme")
    return Profile(
        id=name,
        title=file.texts(table.title, languages, "title"),
        codec=file.choice(table.codec, Codec, "codec"),
        fields={each: _field(file, each, value, properties) for each, value in table.fields.items()},
        time=None if table.time is None else _time(file, table.time),
        sequence=None if table.sequence is None else _sequence(file, table.sequence, scheme),
        authentication=Authentication(scheme),
        cap=read_bounds(file, table.cap, "cap", properties) if table.cap else TOP,
    )


def _field(file: TomlFile, name: str, value: Any, properties: Mapping[str, Property]) -> Field:
    key = f"fields.{name}"
    file.known(name, properties, "property", key)
    table = file.table(value, FieldTable, key)
    unit = properties[name].unit
    if table.unit != unit and table.scale is None:
        raise file.error(
            f"{key}.unit", f"`{table.unit}` is not the property's `{unit}`: `scale` should say how many `{unit}` it is"
        )
    scale = 1 if table.scale is None else table.scale
    return Field((_path(file, table.path, f"{key}.path"),), table.unit, file.number(scale, *_SCALES, f"{key}.scale"))


def _time(file: TomlFile, table: TimeTable) -> TimeField:
    return TimeField(
        path=_path(file, table.path, "time.path"),
        format=file.choice(table.format, TimeFormat, "time.format"),
        source=file.choice(table.source, TimeOrigin, "time.source"),
    )


def _sequence(file: TomlFile, table: SequenceTable, scheme: Scheme) -> SequenceField:
    if scheme is Scheme.MAC0 and table.path is not None:
        raise file.error("sequence.path", "should be left out: with `mac0` the partial iv is the number")
    if scheme is Scheme.NONE and table.path is None:
        raise file.error("sequence.path", "is missing")
    return SequenceField(
        path=None if table.path is None else _path(file, table.path, "sequence.path"),
        boot=None if table.boot is None else _path(file, table.boot, "sequence.boot"),
    )


def _path(file: TomlFile, path: str, key: str) -> str:
    """Return a place in a message, checked: names joined by dots."""
    if len(path) > 200 or not path.isprintable() or not all(path.split(".")):
        raise file.error(key, "should be names joined by dots")
    return path
