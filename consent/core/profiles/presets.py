"""What a format knows by itself: where its messages say when a reading held, which message of the device it is, and whose.

``parse`` fills these into a profile that does not state its own, so that whatever looks at a profile sees the same rules,
stated or not. The paths are those of whole messages; ``gateway.core.codecs`` says how each format's messages look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from consent.core.profiles.profile import (
    AbsentSequence,
    Codec,
    Profile,
    Scheme,
    SequenceField,
    TimeField,
    TimeFormat,
    TimeOrigin,
)

OWN_HUB_ID: Final = ("",)
"""Stands in a profile for the id by which the format itself names the device behind a hub, until it is filled in."""

DECODED_WITHIN: Final = frozenset(
    {Codec.CHIRPSTACK_3, Codec.CHIRPSTACK_4, Codec.THINGS_STACK_3, Codec.HELIUM, Codec.LINE_PROTOCOL}
)
"""Formats in whose messages a profile's fields begin further in; `^` leads them out."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The rules of one format.

    Attributes:
        time: None where it has no place of its own for one, or reads it itself.
        sequence: None where it numbers no messages.
        hub: Where it names the device; empty: nowhere.
    """

    time: TimeField | None = None
    sequence: SequenceField | None = None
    hub: tuple[str, ...] = ()


def _time(path: str, form: TimeFormat, source: TimeOrigin) -> TimeField:
    return TimeField(path, form, source, optional=True)


def _sequence(path: str, boot: str, *, restarts: bool = False) -> SequenceField:
    return SequenceField(path, boot, AbsentSequence.ZERO, restarts)


_RECORDS: Final = Preset(hub=("bn",))

PRESETS: Final[Mapping[Codec, Preset]] = {
    Codec.SENML: _RECORDS,
    Codec.SENML_CBOR: _RECORDS,
    Codec.ULTRALIGHT: Preset(_time("TimeInstant", TimeFormat.ISO8601, TimeOrigin.DEVICE), hub=("$topic[-2]",)),
    Codec.LINE_PROTOCOL: Preset(_time("timestamp", TimeFormat.UNIX_NS, TimeOrigin.DEVICE)),
    # Before 3.17 it named neither the time nor the address that a join gave; then a number that falls is all that tells of one.
    Codec.CHIRPSTACK_3: Preset(
        _time("publishedAt", TimeFormat.ISO8601, TimeOrigin.NETWORK),
        _sequence("fCnt", "devAddr", restarts=True),
        ("devEUI",),
    ),
    Codec.CHIRPSTACK_4: Preset(
        _time("time", TimeFormat.ISO8601, TimeOrigin.NETWORK),
        _sequence("fCnt", "devAddr"),
        ("deviceInfo.devEui",),
    ),
    Codec.THINGS_STACK_3: Preset(
        _time("uplink_message.received_at", TimeFormat.ISO8601, TimeOrigin.NETWORK),
        _sequence("uplink_message.f_cnt", "uplink_message.session_key_id"),
        ("end_device_ids.device_id",),
    ),
    Codec.HELIUM: Preset(
        _time("reported_at", TimeFormat.UNIX_MS, TimeOrigin.NETWORK),
        _sequence("fcnt", "devaddr"),
        ("dev_eui",),
    ),
    Codec.FIWARE_JSON: Preset(_time("TimeInstant", TimeFormat.ISO8601, TimeOrigin.DEVICE), hub=("$topic[-2]",)),
}
"""By format; a format that is not here has no places of its own."""


def with_presets(profile: Profile) -> Profile:
    """Return a profile in which all is stated: its own rules, or else those of its format.

    A file that has `[repeat]` tells repeats by that, and one whose devices sign has its numbers in the signatures; neither gets
    the format's numbers. A sequence without a path takes path and boot id from the format.
    """
    preset = PRESETS.get(profile.codec)
    if preset is None:
        return profile
    root = "^" if profile.each is not None else ""
    return replace(
        profile,
        time=_filled_time(profile.time, preset.time, root),
        sequence=_filled_sequence(profile, preset.sequence, root),
        hub=tuple(_from(root, path) for path in preset.hub) if profile.hub == OWN_HUB_ID else profile.hub,
    )


def _from(root: str, path: str) -> str:
    return path if path.startswith("$topic") else root + path


def _filled_time(stated: TimeField | None, preset: TimeField | None, root: str) -> TimeField | None:
    if preset is None:
        return stated
    if stated is None:
        return replace(preset, path=_from(root, preset.path))
    if stated.path == preset.path:  # another way of writing it, in the same place, where it may still be left out
        return replace(stated, optional=True)
    return stated


def _filled_sequence(profile: Profile, preset: SequenceField | None, root: str) -> SequenceField | None:
    stated = profile.sequence
    if preset is None or profile.authentication.scheme is Scheme.MAC0 or preset.path is None or preset.boot is None:
        return stated
    path, boot = _from(root, preset.path), _from(root, preset.boot)
    if stated is None:
        return None if profile.repeat is not None else replace(preset, path=path, boot=boot)
    if stated.path is None:
        return replace(stated, path=path, boot=stated.boot or boot, restarts=stated.restarts or preset.restarts)
    return stated
