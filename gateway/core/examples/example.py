"""The `[[example]]` tables of a device profile, read into records: messages, and what the gateway must make of each.

An example is one message, or several in the order in which one device sends them. The gateway itself reads none of this: to the
policies an example is text of the profile's file, as a comment is. `sluice check` reads it, and ``trial`` tries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from consent.core.policies.unprintable import EXAMPLES
from consent.core.profiles.profile import Profile, Scheme
from consent.core.toml.file import Number, Table, TomlFile
from consent.printable import quoted
from gateway.core import model
from gateway.core.codecs.times import from_iso8601
from gateway.core.model import Reject

REASONS: Final = frozenset(each.reason for each in vars(model).values() if isinstance(each, Reject))
"""Every reason for which the gateway may refuse a message or a reading."""

_LARGEST: Final = Decimal("1e300")


@dataclass(frozen=True, slots=True)
class ExpectedReading:
    """One value that a message must give, or what must be refused of it.

    Attributes:
        key: Where it stands in the file.
        value: In the property's unit; None where it is refused.
        unit: UCUM code; None is not compared.
        time_ms: When the value held; None is not compared.
        refused: Why this reading goes no further, while others of its message may; empty where it does.
        device: By which id the device behind a hub is registered; empty where there is no hub.
        converts: Whether the value may be compared in another unit of the same quantity: the file is written for many cities.
    """

    key: str
    observed_property: str
    value: Decimal | None
    unit: str | None
    time_ms: int | None
    refused: str
    device: str = ""
    converts: bool = False


@dataclass(frozen=True, slots=True)
class ExampleMessage:
    """A message, and what must become of it: readings, a refusal, or nothing because it holds none.

    Attributes:
        key: Where it stands in the file.
        payload: What the device sends; of a profile with `mac0`, what its authentication code covers.
        topic: Empty where it does not matter.
        received_ms: When it arrives; None where that does not matter, and then no clock is asked.
        partial_iv: The number under which it is authenticated; None for a profile without `mac0`.
        sequence: The device's number of the message; None is not compared.
        boot: The device's run; None is not compared.
        readings: Every one that it must give; None where it gives none.
        reject: Why it must be refused as a whole; empty where it is not.
        judged: Whether what comes of it is compared: not where the city reads nothing of what the example is about.
    """

    key: str
    payload: bytes
    topic: str
    received_ms: int | None
    partial_iv: int | None
    sequence: int | None
    boot: int | str | None
    readings: tuple[ExpectedReading, ...] | None
    reject: str
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """Messages that one device sends, in their order.

    Attributes:
        key: Such as `example.0`; examples have no names of their own.
        says: What it shows, for people; may be empty.
    """

    file: str
    key: str
    says: str
    messages: tuple[ExampleMessage, ...]


class ReadingTable(Table, frozen=True, kw_only=True):
    """An element of `readings`."""

    device: str = ""
    property: str
    value: Number | None = None
    unit: str | None = None
    time: datetime | None = None
    refused: str | None = None


class MessageTable(Table, frozen=True, kw_only=True):
    """A message of an example that has several; an example of one holds the same keys itself."""

    payload: str | None = None
    hex: str | None = None
    topic: str = ""
    received: datetime | None = None
    partial_iv: int | None = None
    sequence: int | None = None
    boot: int | str | None = None
    readings: list[Any] | None = None
    reject: str | None = None
    ignored: bool = False


class ExampleTable(MessageTable, frozen=True, kw_only=True):
    """`[[example]]`."""

    says: str = ""
    messages: list[Any] | None = None


def read_examples(file: TomlFile, profile: Profile) -> tuple[Example, ...]:
    """Return the examples of a device profile, in their order.

    Args:
        file: The profile's own, `devices/<id>.toml`.
    Raises: PolicyError: one contradicts itself, or names what its profile does not have.
    """
    return tuple(_example(file, value, f"example.{n}", profile) for n, value in enumerate(file.tables.get(EXAMPLES, ())))


def _example(file: TomlFile, value: Any, key: str, profile: Profile) -> Example:
    table = file.table(value, ExampleTable, key)
    if table.messages is None:
        return Example(file.path, key, table.says, (_message(file, table, key, profile),))
    extra = value.keys() - {"says", "messages"}
    if extra:
        raise file.error(f"{key}.{min(extra)}", "should stand in a message, beside its payload: the example has `messages`")
    if not table.messages:
        raise file.error(f"{key}.messages", "should hold at least one message")
    keys = [f"{key}.messages.{n}" for n in range(len(table.messages))]
    rows = zip(table.messages, keys, strict=True)
    messages = tuple(_message(file, file.table(row, MessageTable, each), each, profile) for row, each in rows)
    return Example(file.path, key, table.says, messages)


def _message(file: TomlFile, table: MessageTable, key: str, profile: Profile) -> ExampleMessage:
    """Read a message and what must become of it.

    Of a file that is written for many cities this one may read less than the whole. What is expected of other properties is then
    passed over, and so is a message of which nothing else is expected.
    """
    outcomes = [table.readings is not None, table.reject is not None, table.ignored]
    if sum(outcomes) != 1:
        raise file.error(key, "should say what comes of it by one of `readings`, `reject` and `ignored = true`")
    if table.readings is not None and not table.readings:
        raise file.error(
            f"{key}.readings", "should hold at least one; a message that gives none is `ignored`, or has its `reject`"
        )
    if (table.partial_iv is None) is (profile.authentication.scheme is Scheme.MAC0):
        wrong = "is missing: with `mac0` it is the number of the message" if table.partial_iv is None else "is for `mac0` alone"
        raise file.error(f"{key}.partial_iv", wrong)
    if table.partial_iv is not None and not 0 <= table.partial_iv < 2**64:
        raise file.error(f"{key}.partial_iv", f"`{table.partial_iv}` should be from 0 to 2^64 - 1")
    readings = None if table.readings is None else _readings(file, table.readings, f"{key}.readings", profile)
    return ExampleMessage(
        key=key,
        payload=_payload(file, table, key),
        topic=table.topic,
        received_ms=None if table.received is None else _instant(file, table.received, f"{key}.received"),
        partial_iv=table.partial_iv,
        sequence=table.sequence,
        boot=table.boot,
        readings=readings,
        reject="" if table.reject is None else _reason(file, table.reject, f"{key}.reject"),
        judged=table.ignored or not _unread(file, profile) or any(each.value is not None for each in readings or ()),
    )


def _unread(file: TomlFile, profile: Profile) -> set[str]:
    """Return the properties that the file reads and the city does not define."""
    return set(file.tables.get("fields", ())) - set(profile.fields)


def _payload(file: TomlFile, table: MessageTable, key: str) -> bytes:
    if (table.payload is None) is (table.hex is None):
        raise file.error(key, "should hold what the device sends, as text in `payload` or as hexadecimal digits in `hex`")
    if table.hex is None:
        return (table.payload or "").encode()
    try:
        return bytes.fromhex(table.hex)
    except ValueError as error:
        raise file.error(f"{key}.hex", "should be hexadecimal digits, two for each byte") from error


def _readings(file: TomlFile, rows: list[Any], key: str, profile: Profile) -> tuple[ExpectedReading, ...]:
    tables = [(file.table(row, ReadingTable, f"{key}.{n}"), f"{key}.{n}") for n, row in enumerate(rows)]
    unread = _unread(file, profile)
    return tuple(_reading(file, table, at, profile) for table, at in tables if table.property not in unread)


def _reading(file: TomlFile, table: ReadingTable, key: str, profile: Profile) -> ExpectedReading:
    if table.property not in profile.fields:
        raise file.error(f"{key}.property", f"the profile has no field {quoted(table.property)}")
    if (table.value is None) is (table.refused is None):
        raise file.error(key, "should say by one of `value` and `refused` what comes of it")
    if bool(table.device) is not bool(profile.hub):
        wrong = "is missing: the profile is of a hub's devices" if profile.hub else "is for profiles with `[hub]` alone"
        raise file.error(f"{key}.device", wrong)
    return ExpectedReading(
        key=key,
        observed_property=table.property,
        value=None if table.value is None else file.number(table.value, -_LARGEST, _LARGEST, f"{key}.value"),
        unit=table.unit,
        time_ms=None if table.time is None else _instant(file, table.time, f"{key}.time"),
        refused="" if table.refused is None else _reason(file, table.refused, f"{key}.refused"),
        device=table.device,
        converts=file.tables.get("unknown_properties") == "skip",
    )


def _reason(file: TomlFile, reason: str, key: str) -> str:
    if reason not in REASONS:
        raise file.error(key, f"{quoted(reason)} is none of {', '.join(sorted(REASONS))}")
    return reason


def _instant(file: TomlFile, moment: datetime, key: str) -> int:
    """Return a moment in milliseconds since the Unix epoch."""
    found = from_iso8601(moment.isoformat())
    if found is None:
        raise file.error(key, "should be a date and time with its offset, such as `2026-03-20T23:00:00Z`")
    return found


def utc_text(time_ms: int) -> str:
    """Return an instant as TOML writes it, in UTC, with milliseconds where it has any."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds").replace("+00:00", "Z")
