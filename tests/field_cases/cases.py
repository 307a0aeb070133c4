"""The field cases, each with the device profile that a crew would write for it: what must leave, and what must be counted.

A case is an input that somebody who runs a sensor gateway has met, with the readings that are right. The inputs lie outside the
project; the profiles are its own. Each case has a zone to itself, so that a recipient's records tell which case they are of.

Cases of another shape have tests of their own: 29 (a path that no decoder can read) and 34, 37 and 38 beside the others; 35 (one
wrong telegram of a counter) where counters are tested.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tests.support.city import city
from tests.support.data import DataSet, outside_data

RECEIVED_AT: Final = "2026-05-06T03:00:00Z"
"""When the gateway receives every message of a case."""
OTHER_SHAPES: Final = frozenset({"29", "34", "35", "37", "38"})
"""Cases that are no list of messages with the readings that they must give."""

Told = tuple[str, float]
"""Property and value, as they leave: on the lowest step of the property's ladder."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a city would connect the sensor of a case.

    Attributes:
        profile: `devices/<id>.toml` without its title.
        topic: Under which the device is registered; empty: the topic of the first message.
        hub_id: By which it is told behind a hub.
        counted: Refusals that the case's messages must cause, by account.
    """

    profile: str
    topic: str = ""
    hub_id: str = ""
    counted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """A case of the data set.

    Attributes:
        number: Its two digits.
        messages: Topic and payload, in order.
        expected: What is right: property, value, and where it matters the time in ms since the Unix epoch.
    """

    number: str
    messages: tuple[tuple[str, bytes], ...]
    expected: tuple[tuple[Told, int | None], ...]

    @property
    def setting(self) -> Setting:
        """How a city would connect its sensor."""
        return SETTINGS[self.number]

    @property
    def zone(self) -> str:
        """Its zone, which is also the id of its profile."""
        return f"case-{self.number}"

    @property
    def topic(self) -> str:
        """Under which its device is registered."""
        return self.setting.topic or self.messages[0][0]

    @property
    def values(self) -> list[Told]:
        """What must leave, sorted."""
        return sorted(told for told, _ in self.expected)

    @property
    def times(self) -> list[tuple[str, int]]:
        """The times that must leave, with their property, where the case states them."""
        return sorted((told[0], time_ms) for told, time_ms in self.expected if time_ms is not None)


def cases() -> list[Case]:
    """Return the cases that are a list of messages, or skip where they are absent."""
    return [_case(number, table) for number, table in tables().items() if number not in OTHER_SHAPES]


def tables() -> dict[str, dict[str, Any]]:
    """Return every case as it stands in its file, by its number, or skip where they are absent."""
    (folder,) = outside_data(DataSet.FIELD_CASES)
    return {path.name[:2]: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def _case(number: str, table: dict[str, Any]) -> Case:
    expected = tuple(
        ((each["property"], float(each["value"])), time_ms(each["time"]) if "time" in each else None)
        for each in table["expected"]
        if number not in UNREAD
    )
    return Case(number, tuple((each["topic"], _payload(each)) for each in table["messages"]), expected)


def _payload(message: dict[str, str]) -> bytes:
    return message["payload"].encode() if "payload" in message else base64.b64decode(message["payload_b64"])


def time_ms(text: str) -> int:
    """Return an ISO 8601 time with its offset in ms since the Unix epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


UNREAD: Final = frozenset({"26"})
"""Cases whose right values are in bytes that no decoder reads: they are refused, and counted for what they are."""

TEMPERATURE: Final = '[fields.temperature]\nunit = "Cel"\n'

SETTINGS: Final[Mapping[str, Setting]] = {
    "01": Setting(
        f'codec = "json"\n{TEMPERATURE}path = "temperature_C"\n[hub]\nid = ["model", "id"]\n',
        hub_id="Acme-Out1/41",
        counted={"readings.rejected.unknown_device": 2},
    ),
    "03": Setting(
        f'codec = "json"\n{TEMPERATURE}path = "probe.c"\nnone = [85, -127.0]\nplausible = [-40, 60]\n',
        counted={"frames.rejected.no_value": 2, "frames.rejected.implausible": 1},
    ),
    "04": Setting(
        'codec = "json"\n[fields.pm25]\npath = "pm25"\nunit = "ug/m3"\nnone = [-1, 6553.5]\nplausible = [0, 1000]\n',
        counted={"frames.rejected.no_value": 2},
    ),
    "06": Setting('codec = "json"\n[fields.temperature]\npath = "temp_f"\nunit = "[degF]"\n'),
    "07": Setting('codec = "json"\n[fields.temperature]\npath = "t"\nunit = "K"\n'),
    "08": Setting(
        f'codec = "json"\n{TEMPERATURE}path = "uplink_message.decoded_payload.temp"\n'
        '[time]\npath = "received_at"\nformat = "iso8601"\nsource = "network"\n'
        '[sequence]\npath = "uplink_message.f_cnt"\nboot = "uplink_message.session_key_id"\nabsent = "zero"\n'
    ),
    "10": Setting(
        'codec = "json"\n[fields.water]\npath = "value"\nunit = "m3"\ndecimal_mark = "."\n'
        '[time]\npath = "timestamp"\nformat = "iso8601"\n'
    ),
    "11": Setting(f'codec = "json"\n{TEMPERATURE}path = "t"\ndecimal_mark = ","\n'),
    "13": Setting(
        f'codec = "json"\n{TEMPERATURE}path = "up.temp"\n[time]\npath = "up.Time"\nformat = "iso8601"\n'
        '[sequence]\npath = "up.FCntUp"\nboot = "up.DevAddr"\n'
    ),
    "14": Setting(
        'codec = "json"\n[fields.energy]\npath = "ENERGY.Total"\nunit = "kW.h"\n'
        '[time]\npath = "Time"\nformat = "iso8601"\nzone = "city"\n'
    ),
    "15": Setting(f'codec = "json"\n{TEMPERATURE}path = "f.t"\n[time]\npath = "ts"\nformat = "unix-ns"\n'),
    "17": Setting(f'codec = "json"\n{TEMPERATURE}path = "s1.t"\n[fields.humidity]\npath = "s2.h"\nunit = "%"\n'),
    "18": Setting(
        f'codec = "json"\n{TEMPERATURE}path = "outdoor"\n[fields.humidity]\npath = "rh"\nunit = "%"\nnone = ["n/a"]\n',
        counted={"observations.refused.no_value": 1},
    ),
    "19": Setting(f'codec = "json"\n{TEMPERATURE}path = "t"\n'),
    "21": Setting(
        'codec = "value"\n[fields.energy]\npath = ""\nunit = "kW.h"\ntopic = "emeter/0/total"\n', topic="field/meter-3/#"
    ),
    "22": Setting('codec = "json"\n[fields.pm25]\npath = "values[what=PM2].val"\nunit = "ug/m3"\ndecimal_mark = "."\n'),
    "24": Setting(f'codec = "json"\neach = ""\n{TEMPERATURE}path = "v"\n[time]\npath = "at"\nformat = "iso8601"\n'),
    "25": Setting(
        'codec = "json"\n[fields.occupancy]\npath = "bay"\nunit = "1"\nwords = { occupied = 1, true = 1, ON = 1, free = 0 }\n'
    ),
    "26": Setting(f'codec = "json"\n{TEMPERATURE}path = "data"\n', counted={"frames.rejected.wrong_type": 1}),
    "27": Setting(f'codec = "senml-cbor"\n{TEMPERATURE}path = "temp"\n'),
    "31": Setting(
        f'codec = "json"\n{TEMPERATURE}path = "t"\n[repeat]\nequal_within = "60s"\n', counted={"frames.rejected.duplicate": 1}
    ),
    "32": Setting(
        f'codec = "json"\n{TEMPERATURE}path = "t"\n[time]\npath = "time"\nformat = "iso8601"\nmost_ahead = "10min"\n',
        counted={"observations.refused.clock_ahead": 1},
    ),
    "33": Setting(f'codec = "json"\ncompression = "gzip"\n{TEMPERATURE}path = "t"\n'),
    "34": Setting('codec = "json"\n[fields.humidity]\npath = "h"\nunit = "%"\n'),
    "37": Setting(f'codec = "json"\n{TEMPERATURE}path = "temperature"\n'),
}
"""By the number of the case: what a crew that knows the sensor writes."""

PROPERTIES: Final = ("temperature", "humidity", "pm25", "energy", "water", "occupancy")
"""That the sensors of the cases observe."""


def town_files() -> dict[str, str]:
    """Return the policies of a city that has the sensors of all cases, and hands each reading on as it is, to anybody."""
    built = (
        city(timezone="Europe/Madrid")
        .ceiling(identity="per-record", space="block")
        .district("north")
        .purpose("streets", legal_basis="public-task")
        .recipient("public", sealed=False)
    )
    for number in SETTINGS:
        built.zone(f"case-{number}", "north")
    for name in PROPERTIES:
        built.measures(name)
    built.flow(
        "single",
        *PROPERTIES,
        purpose="streets",
        recipient="public",
        identity="per-record",
        time="exact",
        space="block",
        retention=30,
    )
    title = 'title = { en = "A sensor" }\n'
    return built.files() | {f"devices/case-{number}.toml": title + one.profile for number, one in SETTINGS.items()}
