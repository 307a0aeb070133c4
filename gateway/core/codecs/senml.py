"""SenML in JSON (RFC 8428): packs of records that share base values, each record with its own name, unit and time.

``resolve`` is the RFC's section 4.6. A decoder takes from the resolved records those that the profile's field map names,
by the record's full name or its last part (after the last ``:`` or ``/``), and drops the rest, names included: they
often hold an identifier that lasts as long as the device. Times are SenML's own: absolute from 2**28 seconds on, below
that relative to the time of arrival. A record without a unit has the unit that the profile declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec

from consent.core.profiles.profile import Field, Profile
from consent.errors import PolicyError
from gateway.core.codecs.times import from_unix_s
from gateway.core.codecs.units import senml_factors
from gateway.core.model import (
    BAD_TIME,
    MALFORMED,
    NO_READING,
    NO_SEQUENCE,
    NOT_FINITE,
    NOT_UNDERSTOOD,
    WRONG_TYPE,
    WRONG_UNIT,
    Decoder,
    Observation,
    Reading,
    Reject,
)

_VERSION = 10
_ABSOLUTE_FROM_S = 2**28
_NUMBERS = frozenset({"bt", "bv", "bs", "v", "s", "t", "ut"})
_TEXTS = frozenset({"bn", "bu", "n", "u", "vs", "vd"})
_BASES = frozenset({"bn", "bt", "bu", "bv", "bs", "bver"})
_VALUES = frozenset({"v", "vs", "vb", "vd"})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", re.ASCII)
"""What a record may be called."""
_MAX_BOOT_LENGTH = 64

Record = Mapping[str, Any]


class PackError(ValueError):
    """A pack that cannot be resolved.

    Attributes:
        reject: The reason for which a frame that holds it is refused.
    """

    def __init__(self, reject: Reject) -> None:
        """Set the reason."""
        self.reject = reject
        super().__init__(reject.reason)


def resolve(records: Sequence[Record], now_s: float) -> list[dict[str, Any]]:
    """Apply the base values of a pack and make its times absolute.

    Records that hold base values only are left out; labels that are neither base values nor known are kept.

    Raises:
        PackError: The pack breaks the rules, is of a newer version, or requires something to be understood that is not.

    Source: RFC 8428, section 4.6.
    """
    resolved = list(_apply_bases(records))
    for record in resolved:
        if record["t"] < _ABSOLUTE_FROM_S:
            record["t"] += now_s
    return resolved


def _apply_bases(records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Yield each record with its base values applied; a time below 2**28 is still relative."""
    base: dict[str, Any] = {"bn": "", "bt": 0.0}
    for record in records:
        fields = _checked(record)
        base.update((label, fields.pop(label)) for label in _BASES & fields.keys())
        if not fields:
            continue
        fields["n"] = base["bn"] + fields.get("n", "")
        if not NAME.fullmatch(fields["n"]):
            raise PackError(MALFORMED)
        if "bu" in base:
            fields.setdefault("u", base["bu"])
        fields["t"] = base["bt"] + fields.get("t", 0.0)
        if "bs" in base:
            fields["s"] = base["bs"] + fields.get("s", 0.0)
        if "bv" in base and not fields.keys() & {"vs", "vb", "vd"}:
            fields["v"] = base["bv"] + fields.get("v", 0.0)
        values = fields.keys() & _VALUES
        if len(values) > 1 or not (values or "s" in fields):
            raise PackError(MALFORMED)
        yield fields


def _checked(record: Record) -> dict[str, Any]:
    """Return a record whose known labels have the types of the RFC, numbers as doubles."""
    fields = dict(record)
    for label, value in record.items():
        if label in _NUMBERS:
            fields[label] = _number(value)
        elif label in _TEXTS:
            if type(value) is not str:
                raise PackError(WRONG_TYPE)
        elif label == "vb":
            if type(value) is not bool:
                raise PackError(WRONG_TYPE)
        elif label == "bver":
            if type(value) is not int:
                raise PackError(WRONG_TYPE)
            if not 0 < value <= _VERSION:
                raise PackError(NOT_UNDERSTOOD)
        elif label.endswith("_"):
            raise PackError(NOT_UNDERSTOOD)
    return fields


def _number(value: object) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            pass
    raise PackError(WRONG_TYPE)


def compile_senml(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``senml``.

    The sequence and boot id, where declared, are records like any other, named by their paths.

    Raises:
        PolicyError: A record is declared both as a value and as a sequence or boot id.
    """
    parse = msgspec.json.Decoder(list[dict[str, Any]]).decode
    fields = _fields_by_name(profile.fields)
    sequence_name = profile.sequence.path if profile.sequence is not None else None
    boot_name = profile.sequence.boot if profile.sequence is not None else None
    for key, name in (("sequence.path", sequence_name), ("sequence.boot", boot_name)):
        if name in fields:
            raise PolicyError(f"devices/{profile.id}.toml", key, f"`{name}` is taken by a field")

    def decode(_topic: str, payload: bytes, received_ms: int) -> Reading | Reject:
        boot: int | str | None = None
        sequence: int | None = None
        has_time = True
        observations = []
        try:
            for record in _apply_bases(parse(payload)):
                name = record["n"]
                last_part = name[max(name.rfind(":"), name.rfind("/")) + 1 :]
                if sequence_name is not None and sequence_name in (name, last_part):
                    sequence = _whole(record.get("v"))
                elif boot_name is not None and boot_name in (name, last_part):
                    boot = _boot(record)
                else:
                    for observed_property, factors in fields.get(name) or fields.get(last_part) or ():
                        has_time = has_time and record["t"] >= _ABSOLUTE_FROM_S
                        observation = _observe(record, observed_property, factors, received_ms)
                        if observation is not None:
                            observations.append(observation)
        except PackError as error:
            return error.reject
        except msgspec.ValidationError:
            return WRONG_TYPE
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return MALFORMED
        if (sequence_name is not None and sequence is None) or (boot_name is not None and boot is None):
            return NO_SEQUENCE
        if not observations:
            return NO_READING
        return Reading(boot, sequence, has_time, observations)

    return decode


_Factors = Mapping[str | None, float]


def _fields_by_name(fields: Mapping[str, Field]) -> dict[str, list[tuple[str, _Factors]]]:
    """Index a field map by record name: for each property, the factor for a value in each unit."""
    by_name: dict[str, list[tuple[str, _Factors]]] = {}
    for observed_property, field in fields.items():
        scale = float(field.scale)
        factors: dict[str | None, float] = {unit: factor * scale for unit, factor in senml_factors(field.unit).items()}
        factors[None] = scale
        by_name.setdefault(field.paths[0], []).append((observed_property, factors))
    return by_name


def _observe(record: Record, observed_property: str, factors: _Factors, received_ms: int) -> Observation | None:
    """Make the observation of one record that a profile names; ``None`` where it holds only a sum over time."""
    value = record.get("v")
    if value is None:
        if record.keys() & _VALUES:
            raise PackError(WRONG_TYPE)
        return None
    factor = factors.get(record.get("u"))
    if factor is None:
        raise PackError(WRONG_UNIT)
    result = value * factor
    if not isfinite(result):
        raise PackError(NOT_FINITE)
    return Observation(observed_property, _time_ms(record["t"], received_ms), result)


def _time_ms(time_s: float, received_ms: int) -> int:
    if time_s >= _ABSOLUTE_FROM_S:
        moment_ms = from_unix_s(time_s)
    else:
        # Added in milliseconds, so that "now" is exactly the time of arrival.
        moment_ms = received_ms + round(time_s * 1000) if time_s > -_ABSOLUTE_FROM_S else None
    if moment_ms is None:
        raise PackError(BAD_TIME)
    return moment_ms


def _whole(value: float | None) -> int:
    if value is None or not value.is_integer() or not 0 <= value < 2**53:
        raise PackError(WRONG_TYPE)
    return int(value)


def _boot(record: Record) -> int | str:
    text = record.get("vs")
    if text is None:
        return _whole(record.get("v"))
    if len(text) > _MAX_BOOT_LENGTH:
        raise PackError(WRONG_TYPE)
    return str(text)
