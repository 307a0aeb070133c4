"""The records inside a bundle, and the two forms in which they travel: sealed as CBOR, and open as JSON.

The gateway encodes each record once, when it is made; a bundle's plaintext is put together from those bytes, so that its size is
known by addition before anything is sealed. The same records are written as JSON for people, scripts and open-data recipients,
with byte strings in hexadecimal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.audit.log.canonical import head
from gateway.recipient.wire import FORMAT_VERSION, MAX_LOG_INDEX, Address, BundleError, deterministic, strict_loads

PSEUDONYM_BYTES: Final = 32


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
        n: The number of subjects in it; absent where there is one or none.
        id: Random id of a single record, unique to it.
        pseudonym: The subject within one pseudonymisation domain.
        epoch: That domain's UTC day and sub-epoch.
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
            raise BundleError(f"bundle has content version `{version}`; this version reads `{FORMAT_VERSION}`")
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
        match msgspec.json.decode(data):
            case {"v": 1, "gateway": str(gateway), "recipient": str(recipient), "log_origin": str(origin),
                  "log_index": int(index), "records": [*records]} if 0 <= index <= MAX_LOG_INDEX:  # fmt: skip
                return Address(gateway, recipient, origin), index, tuple(map(_record_from_json, records))
    except (ValueError, TypeError, RecursionError) as error:
        raise BundleError("bundle is not an open-data bundle") from error
    raise BundleError("bundle is not an open-data bundle of this version")


def _record(value: object) -> Record:
    try:
        return msgspec.convert(value, Record)
    except msgspec.ValidationError as error:
        raise BundleError("bundle holds something that is no record") from error


def _record_from_json(value: dict[str, Any]) -> Record:
    return _record({key: bytes.fromhex(item) if key in ("id", "pseudonym") else item for key, item in value.items()})
