"""The records of a SenML pack that a profile names, read into the observations of one device, or of each behind a hub.

A field's path is a record's full name or its last part (after the last ``:`` or ``/``). All other records are dropped, names
included: they often hold an identifier that lasts as long as the device. A record without a unit has the unit that the profile
declares. Behind a hub, devices are told apart by base name (`[hub] id = "bn"`, which is also meant where the id is left out) or
by what stands before the last part of the name (`"n"`), both without the sign at their end, or by a level of the topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from consent.core.profiles.paths import Root
from consent.core.profiles.profile import AbsentSequence, Field, Profile
from consent.errors import PolicyError
from gateway.core.codecs.message.conditions import compile_match, compile_suffix
from gateway.core.codecs.message.identity import compile_hub_id
from gateway.core.codecs.message.locate import root_of
from gateway.core.codecs.senml.pack import ABSOLUTE_FROM_S, VALUES, PackError, Record, apply_bases
from gateway.core.codecs.times import from_unix_s
from gateway.core.codecs.tree import MOST_ELEMENTS
from gateway.core.codecs.units import senml_factors
from gateway.core.codecs.values import ReadValue, compile_value
from gateway.core.model import (
    BAD_TIME,
    IGNORE,
    NO_READING,
    NO_SEQUENCE,
    NO_VALUE,
    TOO_LARGE,
    WRONG_TYPE,
    WRONG_UNIT,
    Decoded,
    HubPart,
    HubParts,
    Observation,
    Reading,
    Reject,
)

ReadRecords = Callable[[str, Sequence[Record], int], Decoded]
"""``read(topic, records, received_ms)``: the outcome of a parsed pack; never raises."""

_HUB_IDS: Final = ("bn", "n")
_MAX_BOOT_LENGTH: Final = 64
_SEPARATORS: Final = ":/"


@dataclass(frozen=True, slots=True)
class _NamedField:
    """What a profile makes of the records of one name: the property, how its value is read in each unit, and where it applies."""

    observed_property: str
    reads: Mapping[str | None, ReadValue]
    applies: Callable[[str], bool] | None


@dataclass(slots=True)
class _Gathered:
    """What a pack has said of one device so far."""

    boot: int | str | None = None
    sequence: int | None = None
    has_time: bool = True
    observations: list[Observation] = field(default_factory=list)
    refused: list[Reject] = field(default_factory=list)
    numbering: Reject | None = None


def compile_records(profile: Profile) -> ReadRecords:
    """Compile the reading of a profile's packs.

    The sequence and boot id, where declared, are records like any other, named by their paths.

    Raises:
        PolicyError: A record is declared both as a value and as a sequence or boot id, or the profile asks for what packs lack.
    """
    _check(profile)
    fields = _fields_by_name(profile.fields)
    matches = compile_match(profile)[0]
    conditions = bool(profile.match.conditions)
    device_of = _compile_device(profile)
    number, close = _compile_number(profile), _compile_close(profile)

    def gather(records: Iterable[tuple[str, Record]], topic: str, received_ms: int) -> dict[str, _Gathered]:
        devices: dict[str, _Gathered] = {} if profile.hub else {"": _Gathered()}
        known, device = None, ""
        for base_name, record in records:
            name = record["n"]
            end = max(name.rfind(":"), name.rfind("/"))
            said = base_name, name[: max(end, 0)]
            if said != known:  # a pack names the records of one device one after the other
                known, device = said, device_of(*said, topic)
            gathered = devices.get(device)
            if gathered is None:
                gathered = devices[device] = _Gathered()
            last_part = name[end + 1 :]
            if not number(gathered, record, name, last_part):
                for named in fields.get(name) or fields.get(last_part) or ():
                    if named.applies is None or named.applies(topic):
                        _observe(gathered, record, named, received_ms)
        return devices

    def read(topic: str, records: Sequence[Record], received_ms: int) -> Decoded:
        if len(records) > MOST_ELEMENTS:
            return TOO_LARGE
        try:
            resolved = list(apply_bases(records))
        except PackError as error:
            return error.reject
        message = _by_name(resolved) if conditions else None
        if not matches(message, message, topic):
            return IGNORE
        devices = gather(resolved, topic, received_ms)
        if not profile.hub:
            return close(devices[""])
        parts = [HubPart(device, close(gathered) if device else NO_VALUE) for device, gathered in devices.items()]
        return HubParts(parts) if parts else NO_READING

    return read


def _check(profile: Profile) -> None:
    """Refuse what a profile cannot ask of packs."""
    file = f"devices/{profile.id}.toml"
    for key, asked in (("each", profile.each is not None), ("jmespath", profile.jmespath)):
        if asked:
            raise PolicyError(file, key, "is not for SenML, whose packs are lists of named records")
    for name, declared in profile.fields.items():
        if len(declared.paths) > 1:
            raise PolicyError(file, f"fields.{name}.path", "should be one name: records of SenML are not added up")
        if declared.unit_path:
            raise PolicyError(file, f"fields.{name}.unit_path", "is not for SenML, whose records name their units themselves")
    names = {declared.paths[0] for declared in profile.fields.values()}
    if profile.sequence is not None:
        for key, path in (("sequence.path", profile.sequence.path), ("sequence.boot", profile.sequence.boot)):
            if path in names:
                raise PolicyError(file, key, f"`{path}` is taken by a field")
    for path in profile.hub:
        if path not in ("", *_HUB_IDS) and root_of(path) is not Root.TOPIC:
            raise PolicyError(file, "hub.id", f"`{path}` should be `bn`, `n` or a level of the topic such as `$topic[1]`")


def _fields_by_name(fields: Mapping[str, Field]) -> dict[str, list[_NamedField]]:
    """Index a field map by record name."""
    by_name: dict[str, list[_NamedField]] = {}
    for observed_property, declared in fields.items():
        reads: dict[str | None, ReadValue] = {None: compile_value(declared)}
        for unit, factor in senml_factors(declared.unit).items():
            reads[unit] = compile_value(replace(declared, scale=declared.scale * Decimal(factor)))
        applies = compile_suffix(declared.topic) if declared.topic else None
        by_name.setdefault(declared.paths[0], []).append(_NamedField(observed_property, reads, applies))
    return by_name


def _compile_device(profile: Profile) -> Callable[[str, str, str], str]:
    """Compile which device a record is of, from its base name, what stands before the last part of its name, and the topic."""
    if not profile.hub:
        return lambda _base_name, _prefix, _topic: ""
    id_of = compile_hub_id(replace(profile, hub=("bn",)) if profile.hub == ("",) else profile)

    def device_of(base_name: str, prefix: str, topic: str) -> str:
        message = {"bn": base_name.rstrip(_SEPARATORS), "n": prefix.rstrip(_SEPARATORS)}
        return id_of(message, message, topic)

    return device_of


def _compile_number(profile: Profile) -> Callable[[_Gathered, Record, str, str], bool]:
    """Compile the taking of the device's own numbering: whether a record, by its name or the last part of it, is of that."""
    sequence_name = profile.sequence.path if profile.sequence is not None else None
    boot_name = profile.sequence.boot if profile.sequence is not None else None
    if sequence_name is None and boot_name is None:
        return lambda _gathered, _record, _name, _last_part: False

    def number(gathered: _Gathered, record: Record, name: str, last_part: str) -> bool:
        if sequence_name is not None and sequence_name in (name, last_part):
            sequence = _whole(record.get("v"))
            if isinstance(sequence, Reject):
                gathered.numbering = sequence
            else:
                gathered.sequence = sequence
        elif boot_name is not None and boot_name in (name, last_part):
            boot = _boot(record)
            if isinstance(boot, Reject):
                gathered.numbering = boot
            else:
                gathered.boot = boot
        else:
            return False
        return True

    return number


def _compile_close(profile: Profile) -> Callable[[_Gathered], Reading | Reject]:
    """Compile what becomes of all that a pack says of one device."""
    declared = profile.sequence
    absent = AbsentSequence.NONE if declared is None else declared.absent
    has_sequence = declared is not None and declared.path is not None
    has_boot = declared is not None and declared.boot is not None

    def close(gathered: _Gathered) -> Reading | Reject:
        if gathered.numbering is not None:
            return gathered.numbering
        boot, sequence = gathered.boot, gathered.sequence
        if sequence is None and has_sequence and absent is AbsentSequence.ZERO:
            sequence = 0
        if (has_sequence and sequence is None) or (has_boot and boot is None):
            if absent is not AbsentSequence.NONE:
                return NO_SEQUENCE
            boot = sequence = None
        if not gathered.observations:
            return gathered.refused[0] if gathered.refused else NO_READING
        return Reading(boot, sequence, gathered.has_time, gathered.observations, tuple(gathered.refused))

    return close


def _observe(gathered: _Gathered, record: Record, named: _NamedField, received_ms: int) -> None:
    """Add what a record says; nothing where it holds only a sum over time, or null."""
    found = next((record[label] for label in VALUES if label in record), None)
    if found is None:
        return
    read = named.reads.get(record.get("u"))
    value = WRONG_UNIT if read is None else read(found)
    if value is None:
        return
    time_ms = _time_ms(record["t"], received_ms)
    if isinstance(value, Reject):
        gathered.refused.append(value)
    elif time_ms is None:
        gathered.refused.append(BAD_TIME)
    else:
        gathered.has_time = gathered.has_time and record["t"] >= ABSOLUTE_FROM_S
        gathered.observations.append(Observation(named.observed_property, time_ms, value))


def _time_ms(time_s: float, received_ms: int) -> int | None:
    if time_s >= ABSOLUTE_FROM_S:
        return from_unix_s(time_s)
    # Added in milliseconds, so that "now" is exactly the time of arrival.
    return received_ms + round(time_s * 1000) if time_s > -ABSOLUTE_FROM_S else None


def _whole(value: object) -> int | Reject:
    if type(value) is not float or not value.is_integer() or not 0 <= value < 2**53:
        return WRONG_TYPE
    return int(value)


def _boot(record: Record) -> int | str | Reject:
    text = record.get("vs")
    if text is None:
        return _whole(record.get("v"))
    return text if type(text) is str and len(text) <= _MAX_BOOT_LENGTH else WRONG_TYPE


def _by_name(records: Iterable[tuple[str, Record]]) -> Record:
    """Return the values of a pack by name and by last part of the name, for conditions on them."""
    values: Record = {}
    for _, record in records:
        name = record["n"]
        found = next((record[label] for label in VALUES if label in record), None)
        values[name] = values[name[max(name.rfind(":"), name.rfind("/")) + 1 :]] = found
    return values
