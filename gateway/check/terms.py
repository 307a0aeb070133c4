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
from consent.core.profiles.paths import Name, parse_path
from consent.core.profiles.places import RECORDS
from consent.core.profiles.profile import Codec, Field, Profile
from consent.core.review.warnings import Note, Weight
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from gateway.check.fault import Fault
from gateway.check.ucum import another_sense, code_fault, conversion
from gateway.core.codecs.senml.pack import NAME
from gateway.core.codecs.units import senml_factors

_CLOSE: Final = 1e-9
_FOREIGN_SIGNS: Final = re.compile(r"[*`]|^/|^[$@]$")
"""What begins or makes a step in JMESPath, JSONPath or a JSON pointer, and hardly any name of a field."""


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
    """Yield each unit of a property, or of a field of a class, that is no UCUM code.

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
    """Yield what is odd about units that do exist; of a set without faults."""
    for prop in policies.properties.values():
        if (odd := another_sense(prop.unit)) is not None:
            yield Note(Weight.WARNING, CITY_FILE, f"property.{prop.id}.unit", odd)
    for profile in policies.profiles.values():
        file = f"{DEVICES}/{profile.id}.toml"
        for name, field in profile.fields.items():
            if (odd := another_sense(field.unit)) is not None and field.unit != policies.properties[name].unit:
                yield Note(Weight.WARNING, file, f"fields.{name}.unit", odd)
            if (said := _scale_note(field, policies.properties[name].unit)) is not None:
                yield Note(Weight.WARNING, file, f"fields.{name}.scale", said)
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
    if profile.jmespath:
        return
    yield from ((f"fields.{name}.path", path) for name, field in profile.fields.items() for path in field.paths)
    if profile.time is not None and profile.codec not in RECORDS:  # SenML has a place of its own for the time
        yield "time.path", profile.time.path
    if profile.sequence is not None:
        yield from ((f"sequence.{key}", path) for key, path in _numbered(profile) if path is not None)


def _numbered(profile: Profile) -> Iterator[tuple[str, str | None]]:
    if profile.sequence is not None:
        yield from (("path", profile.sequence.path), ("boot", profile.sequence.boot))


def path_fault(path: str, codec: Codec) -> str | None:
    """Return what is odd about a path into a message, in words: it can be read, and hardly means what it says.

    None where a decoder of the format can follow it, and for what ``parse`` refuses anyway.
    """
    if codec in RECORDS:
        return None if NAME.fullmatch(path) else f"`{path}` is no name of a SenML record: letters, digits and `-:./_`"
    try:
        steps = parse_path(path).steps
    except ValueError:
        return None
    for step in steps:
        if not isinstance(step, Name) or any(f"{mark}{step.key}{mark}" in path for mark in "\"'"):
            continue
        if (found := _FOREIGN_SIGNS.search(step.key)) is not None:
            return f"`{path}` should be names joined by dots; `{found[0]}` means nothing in it"
        if step.key.isdecimal():
            said = f"`{path}` names a field `{step.key}`"
            return f"{said}: write `[{step.key}]` for a place in a list, or the name in quotation marks"
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
