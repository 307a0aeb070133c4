"""The records inside a bundle, and the two forms in which they travel: sealed as CBOR, and open as JSON.

The gateway encodes each record once, when it is made; a bundle's plaintext is put together from those bytes, so that its size is
known by addition before anything is sealed. The same records are written as JSON for people, scripts and open-data recipients,
with byte strings in hexadecimal.

Anyone can seal a bundle for a public key, and who may publish can make open data: every record that is decoded has passed
`_check_plausible`, so that what comes out holds printable text, finite numbers and times that a calendar has, and nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import msgspec

from consent.core.disclosure import LONGEST_RETENTION_DAYS, Identity
from gateway.audit.log.canonical import head
from gateway.recipient.wire import (
    FORMAT_VERSION,
    MAX_NAME_BYTES,
    Address,
    BundleError,
    deterministic,
    is_log_index,
    is_utc_day,
    shown_number,
    strict_loads,
)

PSEUDONYM_BYTES: Final = 32
RECORD_ID_BYTES: Final = 16
LATEST_TIME_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, the last that calendars here can write."""
_LARGEST_INTEGER: Final = 2**63 - 1
_IDENTITIES: Final = frozenset(level.label for level in Identity if level is not Identity.NONE)


class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"observed_property": "observedProperty", "phenomenon_time": "phenomenonTime"},
):
    """One figure or reading that a recipient receives.

    Attributes:
        flow: Id of the flow under which it was released.
        purpose: Id of the purpose it may be used for.
        observed_property: What was observed, as in Smart Data Models.
        unit: The result's unit in UCUM.
        result: The figure, floored to the step that its disclosure allows.
        phenomenon_time: Begin and end of the time that it is about, in milliseconds since the Unix epoch, UTC.
        cell: The zone that it is about.
        identity: Its level of identity: `aggregate`, `per-record` or `per-epoch`.
        retention_days: For how many days it may be kept.
        statistic: How the figure was computed; absent for a single reading.
        n: The number of contributors in it, of subjects rounded down to a multiple of 5; absent where there is one or none.
        id: Random id of a single record, unique to it.
        pseudonym: The subject within one pseudonymisation domain.
        epoch: That domain's UTC day and sub-epoch.
        hour: Of a week's typical day, the UTC hour at which the figure's window begins; `phenomenon_time` is the week.
        standard_error: Of a figure with noise, in the result's unit.
        mu: μ of Gaussian differential privacy of all figures of one household, quantity, flow and period together.
        clip: L2 norm to which each household's vector was clipped, in the result's unit.
        epsilon: ε at δ = 1e-6 that `mu` comes to.
    """

    flow: str
    purpose: str
    observed_property: str
    unit: str
    result: int | float
    phenomenon_time: tuple[int, int]
    cell: str
    identity: str
    retention_days: int
    statistic: str | None = None
    n: int | None = None
    id: bytes | None = None
    pseudonym: bytes | None = None
    epoch: tuple[str, int] | None = None
    hour: int | None = None
    standard_error: float | None = None
    mu: float | None = None
    clip: float | None = None
    epsilon: float | None = None


def encode_record(record: Record) -> bytes:
    """Return a record as a deterministic CBOR map; absent fields are left out."""
    return deterministic(msgspec.to_builtins(record, builtin_types=(bytes,)))


def decode_record(data: bytes) -> Record:
    """Return the record that `encode_record` encoded.

    Raises:
        BundleError: If the bytes are not a record.
    """
    return _record(strict_loads(data))


def encode_plaintext(address: Address, records: Sequence[bytes]) -> bytes:
    """Return a bundle's plaintext from encoded records: the deterministic CBOR map of `v`, `gateway`, `records`, `recipient`."""
    start = head(0xA0, 4) + b"".join(map(deterministic, ("v", FORMAT_VERSION, "gateway", address.gateway, "records")))
    tail = deterministic("recipient") + deterministic(address.recipient)
    return b"".join((start, head(0x80, len(records)), *records, tail))


def plaintext_overhead_bytes(address: Address) -> int:
    """Return the largest number of bytes that a plaintext has besides its records."""
    return len(encode_plaintext(address, ())) + 4


def decode_plaintext(address: Address, plaintext: bytes) -> tuple[Record, ...]:
    """Return the records of an opened bundle.

    Raises:
        BundleError: If the plaintext is malformed, or names another gateway or recipient than the header.
    """
    match strict_loads(plaintext):
        case {"v": int(version)} if version != FORMAT_VERSION:
            raise BundleError(f"bundle has content version `{shown_number(version)}`; this version reads `{FORMAT_VERSION}`")
        case {"v": _, "gateway": address.gateway, "recipient": address.recipient, "records": [*records]}:
            return tuple(map(_record, records))
        case _:
            raise BundleError("bundle's content is not for the gateway and recipient in its header")


def record_to_json(record: Record) -> dict[str, Any]:
    """Return a record as JSON values, ids and pseudonyms in hexadecimal."""
    values: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(bytes,))
    return {key: value.hex() if isinstance(value, bytes) else value for key, value in values.items()}


def encode_open(address: Address, log_index: int, records: Sequence[bytes]) -> bytes:
    """Return an open-data bundle: one line of JSON with sorted keys; it needs no padding, since all of it is public.

    Args:
        address: Gateway, recipient and log origin.
        log_index: Index of the release entry that accounts for it.
        records: Records encoded by `encode_open_record`.
    """
    return msgspec.json.encode(
        {
            "v": FORMAT_VERSION,
            "gateway": address.gateway,
            "recipient": address.recipient,
            "log_origin": address.log_origin,
            "log_index": log_index,
            "records": [msgspec.Raw(record) for record in records],
        },
        order="sorted",
    )


def encode_open_record(record: Record) -> bytes:
    """Return a record as it is written in an open-data bundle: JSON with sorted keys."""
    return msgspec.json.encode(record_to_json(record), order="sorted")


def decode_open(data: bytes) -> tuple[Address, int, tuple[Record, ...]]:
    """Return the address, log index and records of an open-data bundle.

    Raises:
        BundleError: If the bytes are not an open-data bundle.
    """
    try:
        match json.loads(data.decode(), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant):
            case {"v": 1, "gateway": str(gateway), "recipient": str(recipient), "log_origin": str(origin),
                  "log_index": int(index), "records": [*records]} if is_log_index(index):  # fmt: skip
                return Address(gateway, recipient, origin), index, tuple(map(_record_from_json, records))
    except BundleError:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError("bundle is not an open-data bundle") from error
    raise BundleError("bundle is not an open-data bundle of this version")


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; one that names a key twice would be read one way here and another way elsewhere."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key twice")
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no json")


def _record(value: object) -> Record:
    try:
        record = msgspec.convert(value, Record, builtin_types=(bytes,))
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        raise BundleError("bundle holds something that is no record") from error
    _check_plausible(record)
    return record


def _record_from_json(value: dict[str, Any]) -> Record:
    return _record({key: bytes.fromhex(item) if key in ("id", "pseudonym") else item for key, item in value.items()})


def _check_plausible(record: Record) -> None:
    """Raise unless every field lies in the range of those that a gateway writes, and can be shown and calculated with."""
    begin_ms, end_ms = record.phenomenon_time
    plausible = {
        "flow": _is_name(record.flow),
        "purpose": _is_name(record.purpose),
        "observedProperty": _is_name(record.observed_property),
        "unit": _is_name(record.unit),
        "cell": _is_name(record.cell),
        "statistic": record.statistic is None or _is_name(record.statistic),
        "result": _is_number(record.result),
        "phenomenonTime": 0 <= begin_ms <= end_ms <= LATEST_TIME_MS,
        "identity": record.identity in _IDENTITIES,
        "retention_days": 0 <= record.retention_days <= LONGEST_RETENTION_DAYS,
        "n": record.n is None or 0 <= record.n <= _LARGEST_INTEGER,
        "id": record.id is None or len(record.id) == RECORD_ID_BYTES,
        "pseudonym": record.pseudonym is None or len(record.pseudonym) == PSEUDONYM_BYTES,
        "hour": record.hour is None or 0 <= record.hour < 24,
        "standard_error": _is_size(record.standard_error),
        "mu": _is_size(record.mu),
        "clip": _is_size(record.clip),
        "epsilon": _is_size(record.epsilon),
        "epoch": record.epoch is None or (is_utc_day(record.epoch[0]) and 0 <= record.epoch[1] <= _LARGEST_INTEGER),
    }
    for field, is_so in plausible.items():
        if not is_so:
            raise BundleError(f"bundle holds a record with a `{field}` that no gateway writes")


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME_BYTES and text.isprintable()


def _is_size(value: float | None) -> bool:
    """Return whether a value that describes noise is absent, or finite and not negative."""
    return value is None or (math.isfinite(value) and value >= 0)


def _is_number(value: float) -> bool:
    return abs(value) <= _LARGEST_INTEGER if type(value) is int else type(value) is float and math.isfinite(value)
