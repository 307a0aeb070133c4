"""Device profiles: `devices/<id>.toml` says how devices of a profile write their messages, and the most they may reveal.

A profile is shared by all devices built alike; the devices themselves are in the registry and in no policy. The sections are
read by ``fields``, ``timing`` and ``selection``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from consent.core.disclosure import DAY_MS, TOP, Disclosure
from consent.core.profiles.fields import read_field
from consent.core.profiles.places import WITHOUT_LISTS, ProfilePaths, suffixes_agree
from consent.core.profiles.presets import DECODED_WITHIN, with_presets
from consent.core.profiles.profile import Authentication, Codec, Compression, Field, Profile, Scheme, Texts
from consent.core.profiles.selection import HubTable, check_reachable, read_each, read_hub, read_match
from consent.core.profiles.timing import RepeatTable, SequenceTable, TimeTable, read_repeat, read_sequence, read_time
from consent.core.toml.file import Table, TomlFile

_SHORTEST_SILENCE_MS: Final = 1000
_LONGEST_SILENCE_MS: Final = 366 * DAY_MS
_ANY_LANGUAGE: Final = "en"


class UnknownProperties(StrEnum):
    """What becomes of fields whose property the city does not define."""

    REFUSED = "refused"
    SKIP = "skip"


class AuthenticationTable(Table, frozen=True, kw_only=True):
    """`[authentication]`."""

    scheme: str


class ProfileTable(Table, frozen=True, kw_only=True):
    """The file as a whole."""

    title: dict[str, str]
    codec: str
    compression: str = Compression.NONE.value
    jmespath: bool = False
    match: dict[str, object] = msgspec.field(default_factory=dict)
    each: str | None = None
    hub: HubTable | None = None
    fields: dict[str, Any]
    unknown_properties: str = UnknownProperties.REFUSED.value
    time: TimeTable | None = None
    sequence: SequenceTable | None = None
    repeat: RepeatTable | None = None
    expect_every: str | None = None
    authentication: AuthenticationTable = AuthenticationTable(scheme=Scheme.NONE.value)
    cap: dict[str, Any] = msgspec.field(default_factory=dict)
    example: list[Any] = msgspec.field(default_factory=list)
    """Read by ``gateway.core.examples``, and by nothing that decides: what they say changes no more than a comment does."""


@dataclass(frozen=True, slots=True)
class CityTerms:
    """What of the city's own file a device profile refers to.

    Attributes:
        languages: In which titles are written.
        units: Of the observed properties, by name.
        timezone: IANA name.
        read_cap: Reads `[cap]`: of a file, a parsed table and the key where it stands.
    """

    languages: tuple[str, ...]
    units: Mapping[str, str]
    timezone: str
    read_cap: Callable[[TomlFile, Any, str], Disclosure]


def read_profile(file: TomlFile, name: str, city: CityTerms) -> Profile:
    """Return one device profile.

    Args:
        name: The file's name without its ending, which is the profile's id.
        city: What it refers to.
    """
    file.id(name, "")
    table = file.table(file.tables, ProfileTable, "")
    skips = file.choice(table.unknown_properties, UnknownProperties, "unknown_properties") is UnknownProperties.SKIP
    codec = file.choice(table.codec, Codec, "codec")
    if table.jmespath and codec in WITHOUT_LISTS:
        raise file.error("jmespath", f"should be left out: with `{codec}` a path says all that an expression could")
    scheme = file.choice(table.authentication.scheme, Scheme, "authentication.scheme")
    places = ProfilePaths(file, codec, jmespath=table.jmespath, in_list=table.each is not None or codec in DECODED_WITHIN)
    profile = Profile(
        id=name,
        title=_title(file, table.title, city.languages, for_many_cities=skips),
        codec=codec,
        fields=_fields(file, table.fields, city, places, skips=skips),
        time=None if table.time is None else read_time(file, table.time, places, city.timezone),
        sequence=None
        if table.sequence is None
        else read_sequence(file, table.sequence, scheme, places, of_whole=table.each is not None and table.hub is None),
        authentication=Authentication(scheme),
        cap=city.read_cap(file, table.cap, "cap") if table.cap else TOP,
        compression=file.choice(table.compression, Compression, "compression"),
        match=read_match(file, table.match, places),
        each=None if table.each is None else read_each(file, table.each, codec, places),
        hub=() if table.hub is None else read_hub(file, table.hub, places),
        repeat=None if table.repeat is None else read_repeat(file, table.repeat, has_sequence=table.sequence is not None),
        jmespath=table.jmespath,
        expect_every_ms=None
        if table.expect_every is None
        else file.duration_ms(table.expect_every, _SHORTEST_SILENCE_MS, _LONGEST_SILENCE_MS, "expect_every"),
    )
    profile = with_presets(profile)
    _check_together(file, profile, places)
    return profile


def _title(file: TomlFile, title: dict[str, str], languages: tuple[str, ...], *, for_many_cities: bool) -> Texts:
    """Return the title in the city's languages; one that is written for many cities has some of them, and others too."""
    if for_many_cities:
        default = title.get(_ANY_LANGUAGE)
        chosen = {language: title.get(language, default) for language in languages}
        title = {language: text for language, text in chosen.items() if text is not None}
    return file.texts(title, languages, "title")


def _fields(file: TomlFile, tables: Mapping[str, Any], city: CityTerms, places: ProfilePaths, *, skips: bool) -> dict[str, Field]:
    if not tables:
        raise file.error("fields", "should name at least one property")
    fields = {}
    for name, value in tables.items():
        if skips and name not in city.units:
            file.property_name(name, f"fields.{name}")
            continue
        file.known(name, city.units, "property", f"fields.{name}")
        fields[name] = read_field(file, name, value, city.units[name], places, city.timezone)
    if not fields:
        raise file.error("fields", "names none of the city's properties: nothing would ever be read")
    return fields


def _check_together(file: TomlFile, profile: Profile, places: ProfilePaths) -> None:
    """Refuse what no message could be: fields of other topics than those that match, and places where nothing can stand."""
    for name, field in profile.fields.items():
        if not suffixes_agree(field.topic, profile.match.topic):
            raise file.error(f"fields.{name}.topic", f"`{field.topic}` cannot match: `match` wants `{profile.match.topic}`")
        for path in field.paths:
            check_reachable(file, profile.match, path, places, f"fields.{name}.path")
    if profile.sequence is not None and profile.sequence.restarts and profile.time is None:
        raise file.error("sequence.restarts", "needs a `[time]`: by a later time a restart is told from a copy of an old message")
    if profile.time is not None:
        check_reachable(file, profile.match, profile.time.path, places, "time.path")
    for path in profile.hub:
        check_reachable(file, profile.match, path, places, "hub.id")
