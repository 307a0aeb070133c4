"""Profiles for the codec tests, with as little around them as the tests are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from consent.core.disclosure import TOP
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
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import Ignore, Parts, Reading, Reject


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


def decoder(profile: Profile) -> Callable[[bytes, int], Reading | Parts | Ignore | Reject]:
    """Compile a device profile into what decodes its messages, all from one topic."""
    decode = compile_decoder(profile)
    return lambda payload, received_ms: decode("t/probe", payload, received_ms)


def _field(where: str | tuple[str, ...]) -> Field:
    path, unit, scale = (where, "1", "1") if isinstance(where, str) else (*where, "1", "1")[:3]
    return Field((path,), unit, Decimal(scale))
