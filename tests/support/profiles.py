"""Profiles for the codec tests, with as little around them as the tests are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from consent.core.disclosure import TOP
from consent.core.profiles.parse import CityTerms, read_profile
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
from consent.core.toml.file import TomlFile
from consent.errors import PolicyError
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import Decoded

CITY_TERMS = CityTerms(
    ("en",),
    {"temperature": "Cel", "humidity": "%", "totalConsumption": "kW.h", "occupancy": "1", "pm25": "ug/m3"},
    "Europe/Madrid",
    lambda _file, _value, _key: TOP,
)
"""What a city says that a device profile refers to."""


def parsed_profile(
    text: str, *, head: str = 'codec = "json"\n', fields: str = '[fields.temperature]\npath = "t"\nunit = "Cel"\n'
) -> Profile:
    """Parse a device profile.

    Args:
        text: What the test is about, beginning with keys of the file itself where it has any.
        head: Keys of the file that go before.
        fields: What goes after.
    """
    whole = f'title = {{ en = "Probe" }}\n{head}{text}\n{fields}'
    return read_profile(TomlFile("devices/probe.toml", whole.encode()), "probe", CITY_TERMS)


def profile_fault(
    text: str, *, head: str = 'codec = "json"\n', fields: str = '[fields.temperature]\npath = "t"\nunit = "Cel"\n'
) -> str:
    """Return why a device profile is refused, without the file's name."""
    try:
        profile = parsed_profile(text, head=head, fields=fields)
    except PolicyError as error:
        return str(error).removeprefix("`devices/probe.toml`: ")
    return f"is taken: {profile}"


def make_profile(
    codec: Codec,
    fields: Mapping[str, str | tuple[str, str] | tuple[str, str, str]],
    *,
    time: tuple[str, str] | None = None,
    sequence: tuple[str | None, str | None] | None = None,
) -> Profile:
    """Make a device profile.

    Args:
        fields: By property: path, or (path, unit), or (path, unit, scale).
        time: Path and format.
        sequence: Paths of the sequence and of the boot id.
    """
    return Profile(
        id="probe",
        title={},
        codec=codec,
        fields={name: _field(where) for name, where in fields.items()},
        time=None if time is None else TimeField(time[0], TimeFormat(time[1]), TimeOrigin.DEVICE),
        sequence=None if sequence is None else SequenceField(*sequence),
        authentication=Authentication(Scheme.NONE),
        cap=TOP,
    )


def decoder(profile: Profile) -> Callable[[bytes, int], Decoded]:
    """Compile a device profile into what decodes its messages, all from one topic."""
    decode = compile_decoder(profile)
    return lambda payload, received_ms: decode("t/probe", payload, received_ms)


def _field(where: str | tuple[str, ...]) -> Field:
    path, unit, scale = (where, "1", "1") if isinstance(where, str) else (*where, "1", "1")[:3]
    return Field((path,), unit, Decimal(scale))
