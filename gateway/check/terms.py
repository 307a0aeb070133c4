"""Terms of policies that other standards define, and that parsing takes as text: time zones, UCUM codes, paths into messages.

Policies that are in force, or stand in a log, are read as they were meant whatever they say here; only `sluice check`, and what
puts a new set in force by it, asks for more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from consent.core.policies.parse import DEVICES
from consent.core.policies.policy import CITY_FILE, PolicySet
from consent.core.profiles.places import RECORDS
from consent.core.profiles.profile import Codec, Field, Profile, SequenceField
from consent.core.review.warnings import Note, Weight
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from gateway.check.fault import Fault
from gateway.check.registers import register_warnings
from gateway.check.ucum import another_sense, code_fault, conversion
from gateway.core.codecs.senml.pack import NAME
from gateway.core.codecs.units import senml_factors

EXPRESSIONS_COST: Final = (
    "JMESPath expressions take about ten times as long as paths, for every message: "
    "keep the file without them if names, `[0]` and `[key=value]` reach what it reads"
)
_CLOSE: Final = 1e-9
_FOREIGN_SIGNS: Final = re.compile(r"[*`]|^/|^[$@](?=\.|$)")
"""What begins or makes a step in JMESPath, JSONPath or a JSON pointer, and hardly any name of a field."""
_QUOTED: Final = re.compile(r"\"[^\"]+\"|'[^']+'")
_BRACKETS: Final = re.compile(r"\[[^\]]*\]")


def faults_in(policies: PolicySet) -> Iterator[Fault]:
    """Yield every term that does not exist, or does not fit another."""
    yield from _zone_fault(policies.city.timezone)
    yield from code_faults(policies.files)
    for profile in policies.profiles.values():
        file = f"{DEVICES}/{profile.id}.toml"
        for key, path in _paths(profile):
            if (wrong := path_fault(path, profile.codec)) is not None:
                yield Fault.at(file, key, wrong)
        for name, field in profile.fields.items():
            if (wrong := _unit_fault(field, policies.properties[name].unit)) is not None:
                yield Fault.at(file, f"fields.{name}.unit", wrong)


def code_faults(files: Mapping[str, bytes]) -> Iterator[Fault]:
    """Yield each unit of a property, or of a field of a profile, that is no UCUM code.

    Args:
        files: As ``parse_policies`` takes them; it may have refused them, since a unit that is none fits no other.
    """
    for path, data in files.items():
        section = "property" if path == CITY_FILE else "fields"
        try:
            tables = TomlFile(path, data).tables.get(section)
        except PolicyError:
            continue
        for name, table in tables.items() if isinstance(tables, dict) else ():
            unit = table.get("unit") if isinstance(table, dict) else None
            if isinstance(unit, str) and (wrong := code_fault(unit)) is not None:
                yield Fault.at(path, f"{section}.{name}.unit", wrong)


def notes_in(policies: PolicySet) -> Iterator[Note]:
    """Yield what is odd about units that do exist, and about registers; of a set without faults."""
    for prop in policies.properties.values():
        if (odd := another_sense(prop.unit)) is not None:
            yield Note(Weight.WARNING, CITY_FILE, f"property.{prop.id}.unit", odd)
    for profile in policies.profiles.values():
        file = f"{DEVICES}/{profile.id}.toml"
        if profile.jmespath:
            yield Note(Weight.WARNING, file, "jmespath", EXPRESSIONS_COST)
        for name, field in profile.fields.items():
            if (odd := another_sense(field.unit)) is not None and field.unit != policies.properties[name].unit:
                yield Note(Weight.WARNING, file, f"fields.{name}.unit", odd)
            if (said := _scale_note(field, policies.properties[name].unit)) is not None:
                yield Note(Weight.WARNING, file, f"fields.{name}.scale", said)
            for key, said in register_warnings(policies, name, field):
                yield Note(Weight.WARNING, file, f"fields.{name}.{key}", said)
            if profile.codec in RECORDS and not senml_factors(field.unit):
                said = f"SenML has no name for `{field.unit}`: a record that states its unit is refused as `wrong_unit`"
                yield Note(Weight.NOTE, file, f"fields.{name}.unit", said)


def _zone_fault(name: str) -> Iterator[Fault]:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone; no name of one; a folder of zones
        near = get_close_matches(name, sorted(available_timezones()), n=1)
        hint = f": is `{near[0]}` meant?" if near else ", such as `Europe/Madrid` or `UTC`"
        yield Fault.at(CITY_FILE, "city.timezone", f"`{name}` is no time zone of the IANA database{hint}")


def _paths(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield (key, path) of every path that the profile has; JMESPath expressions are judged by their own compiler."""
    if profile.jmespath:
        return
    for name, field in profile.fields.items():
        yield from ((f"fields.{name}.path", path) for path in field.paths)
        yield from ((f"fields.{name}.unit_path", path) for path in (field.unit_path,) if path)
    yield from ((f"match.{condition.path}", condition.path) for condition in profile.match.conditions)
    yield from (("each", path) for path in (profile.each,) if path)
    if profile.time is not None and profile.codec not in RECORDS:  # SenML has a place of its own for the time
        yield "time.path", profile.time.path
    if profile.sequence is not None:
        yield from ((f"sequence.{key}", path) for key, path in _numbered(profile.sequence) if path is not None)
    if profile.codec not in RECORDS:
        yield from (("hub.id", path) for path in profile.hub)


def _numbered(sequence: SequenceField) -> Iterator[tuple[str, str | None]]:
    yield from (("path", sequence.path), ("boot", sequence.boot))


def path_fault(path: str, codec: Codec) -> str | None:
    """Return what is wrong with a path into a message, in words; None where a decoder of the format can follow it.

    Signs of other languages are names to the grammar; but hardly any field has such a name, and somebody means something else.
    """
    if codec in RECORDS:
        return None if NAME.fullmatch(path) else f"`{path}` is no name of a SenML record: letters, digits and `-:./_`"
    bare = _BRACKETS.sub("", _QUOTED.sub("quoted", path.removeprefix("^")))
    if (found := _FOREIGN_SIGNS.search(bare)) is not None:
        return (
            f"`{path}` should be names joined by dots; `{found[0]}` means nothing in it, and a name that has it stands in quotes"
        )
    for part in bare.split("."):
        if part.isdecimal():
            return f"`{path}`: write `[{part}]` for a position in a list, and `'{part}'` for a field of that name"
    return None


def _unit_fault(field: Field, wanted: str) -> str | None:
    """Return why a field's unit cannot become the property's, where both are codes."""
    if code_fault(field.unit) is not None or code_fault(wanted) is not None:
        return None  # told already
    found = conversion(field.unit, wanted)
    if not found.same_quantity:
        return f"`{field.unit}` measures something else than the property's `{wanted}`"
    if found.offset and not field.offset and not field.unit_path:
        said = f"`{field.unit}` has another zero than the property's `{wanted}`, which no `scale` moves"
        return f"{said}: leave `scale` out, or give `offset` as well"
    return None


def _scale_note(field: Field, wanted: str) -> str | None:
    """Return what is odd about the scale and the offset of a field, which say something else than the two units do."""
    found = conversion(field.unit, wanted)
    if found.factor is None or field.unit == wanted:
        return None
    if _near(float(field.scale), found.factor) and _near(float(field.offset), found.offset):
        return None
    amount, stated = f"`{found.factor:g}`", f"`scale` says `{field.scale:f}`"
    if found.offset or field.offset:
        amount, stated = f"{amount} and `{found.offset:+g}`", f"{stated}, `offset` `{field.offset:+f}`"
    return f"a `{field.unit}` is {amount} of the property's `{wanted}`, and {stated}: is `unit` what the device sends?"


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _CLOSE * abs(other)
