"""A device profile as typed, frozen records: where each property stands in a message, what its values mean, when they held.

``parse`` makes one from `devices/<id>.toml`, with every reference checked. ``gateway.core.codecs`` compiles it into a decoder,
and ``gateway.core.plans`` into what is remembered of each of its devices. A profile never names a device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from consent.core.disclosure import Disclosure
from consent.core.profiles.conversions import Scaling

Texts = dict[str, str]
"""The same text in each of the city's languages, by language code."""


class Codec(StrEnum):
    """How a device profile writes its messages."""

    JSON = "json"
    CBOR = "cbor"
    SENML = "senml"
    SENML_CBOR = "senml-cbor"
    VALUE = "value"
    ULTRALIGHT = "ultralight"
    LINE_PROTOCOL = "line-protocol"
    CHIRPSTACK_3 = "chirpstack-3"
    CHIRPSTACK_4 = "chirpstack-4"
    THINGS_STACK_3 = "things-stack-3"
    HELIUM = "helium"
    FIWARE_JSON = "fiware-json"


class Compression(StrEnum):
    """What may be around a message."""

    NONE = "none"
    GZIP = "gzip"


class TimeFormat(StrEnum):
    """How a device profile writes the time of a reading."""

    UNIX_S = "unix-s"
    UNIX_MS = "unix-ms"
    UNIX_US = "unix-us"
    UNIX_NS = "unix-ns"
    ISO8601 = "iso8601"
    PATTERN = "pattern"


class TimeOrigin(StrEnum):
    """Whose clock the time in a message is."""

    DEVICE = "device"
    NETWORK = "network"


class Scheme(StrEnum):
    """How devices of a profile prove that a message is their own."""

    NONE = "none"
    MAC0 = "mac0"


class AbsentSequence(StrEnum):
    """What it means where a message lacks the number that the profile declares."""

    REFUSED = "refused"
    ZERO = "zero"
    NONE = "none"


class Restart(StrEnum):
    """When a counter begins again from zero by design."""

    NEVER = "never"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Counter:
    """How a register counts, by which a wrong telegram is told from consumption.

    Attributes:
        most_per_h: The most that it can plausibly grow in an hour, in the property's unit; None: nobody knows.
        bits: Of the register as the device sends it, before scale: it rolls over to zero after 2 ** bits - 1; None: it does not.
        restarts: When it begins again by design.
        zone: IANA time zone of the day at whose beginning a daily counter restarts.
    """

    most_per_h: Decimal | None = None
    bits: int | None = None
    restarts: Restart = Restart.NEVER
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Field:
    """Where an observed property stands in a message, and what its values mean.

    Attributes:
        paths: Where its value stands (see ``paths``); of several, such as the registers of three phases, the sum counts, and
            none where one of them is absent.
        unit: UCUM code of what the device sends.
        scale: Turns the device's unit into the property's: value times scale, plus offset.
        topic: Only in messages whose topic ends in these levels (`+` is any level); empty: in all.
        decimal_mark: `.` or `,`: its numbers may come as text, with this mark; empty: they are numbers.
        words: What texts and booleans (`true`, `false`) mean as numbers, in the device's unit.
        none: Texts and numbers that mean "no value", as the device writes them.
        plausible: Least and greatest value that the device can mean, in the property's unit.
        unit_path: Where the message itself names the unit; `unit` is then what it is called where it names none.
        unit_scales: For `unit_path`: how a value in each unit that the message may name becomes one in the property's unit.
        counter: How it counts; None where the property is no register.
    """

    paths: tuple[str, ...]
    unit: str
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    topic: str = ""
    decimal_mark: str = ""
    words: Mapping[str, Decimal] = field(default_factory=dict)
    none: tuple[str | Decimal, ...] = ()
    plausible: tuple[Decimal, Decimal] | None = None
    unit_path: str = ""
    unit_scales: Mapping[str, Scaling] = field(default_factory=dict)
    counter: Counter | None = None


@dataclass(frozen=True, slots=True)
class TimeField:
    """Where the time of a reading stands in a message, whose clock it is, and how far it may be off.

    Attributes:
        pattern: For `pattern`: as `strptime` reads it.
        zone: IANA time zone of times that state no offset; empty: such times are refused.
        most_ahead_ms: How far it may lie ahead of the gateway's clock; None: as far as any device's.
        most_behind_ms: How far behind.
        optional: A message without it counts from its arrival; else it is refused. Of formats in which the time may be left out.
    """

    path: str
    format: TimeFormat
    source: TimeOrigin
    pattern: str = ""
    zone: str = ""
    most_ahead_ms: int | None = None
    most_behind_ms: int | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class SequenceField:
    """Where a device's own numbering stands.

    Attributes:
        path: None where the partial IV of the authentication is the number.
        boot: Where the id of its run stands: a session, an address that a join gave, a count of starts.
        absent: What it means where the number is absent.
        restarts: Devices begin again from zero without telling: a number far below the last one, at a later time, begins a run.
    """

    path: str | None
    boot: str | None
    absent: AbsentSequence = AbsentSequence.REFUSED
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """How repeats are told where messages carry neither time nor number.

    Attributes:
        least_interval_ms: A message that comes sooner after the one before is a repeat of it; 0: never.
        equal_within_ms: So is an equal payload within this time; 0: never.
    """

    least_interval_ms: int = 0
    equal_within_ms: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a message.

    Attributes:
        path: The place.
        values: One of which must stand there, as text; empty: anything but null must.
        present: False: nothing may stand there.
    """

    path: str
    values: tuple[str, ...] = ()
    present: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """Which messages are readings; every other is ignored.

    Attributes:
        topic: The last levels of the topic (`+` is any level); empty: any topic.
        conditions: All of them must hold.
    """

    topic: str = ""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Authentication:
    """How devices of a profile prove that a message is their own."""

    scheme: Scheme


@dataclass(frozen=True, slots=True)
class Profile:
    """A device profile: what all devices of one make and setting have in common; never a device.

    Attributes:
        fields: By observed property; anything that no field names is never read.
        time: None means the time of arrival.
        cap: The most that its devices may ever reveal.
        compression: What may be around each message.
        match: Which messages are readings.
        each: Path of a list of which every element is read as a message of its own; None: the message is one.
        hub: Where the message names which device behind a hub it is of: paths, whose values are joined by `/`; empty: no hub.
        repeat: None: equal messages are as many readings.
        jmespath: Its paths are JMESPath expressions.
        expect_every_ms: After how long without a reading a device has fallen silent; None: nobody says.
    """

    id: str
    title: Texts
    codec: Codec
    fields: dict[str, Field]
    time: TimeField | None
    sequence: SequenceField | None
    authentication: Authentication
    cap: Disclosure
    compression: Compression = Compression.NONE
    match: Match = Match()
    each: str | None = None
    hub: tuple[str, ...] = ()
    repeat: Repeat | None = None
    jmespath: bool = False
    expect_every_ms: int | None = None
