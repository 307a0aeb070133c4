"""Ten households whose meters are replayed to a real gateway behind a real Mosquitto, and a recipient that opens what it is sent.

The gateway's clock stands, and is advanced hour by hour. Two flows tell the same hours, exactly and with noise. What to expect
is added up from the readings by themselves, and their days clipped by themselves; nothing of the gateway takes part in that.
"""

from __future__ import annotations

import csv
import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from consent.control import ControlClient
from gateway.recipient.records import Record
from tests.support.city import city
from tests.support.live import Listener, LiveGateway, opened
from tests.support.mosquitto import running_mosquitto
from tests.support.waiting import HANG_S

START = datetime(2013, 5, 31, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCOPE = "purpose:energy"
MU, CLIP_KWH, PRESENCE_KWH = 5, 20, 10
"""The number of homes has noise of 0.4, so that even four are told to be at least one, but for chances of 1 in 10^13."""

POLICIES = (
    city(
        id="trial", name="Trial", contact="https://trial.example", data_protection_officer="dpo@trial.example", jurisdiction="AU"
    )
    .ceiling(identity="aggregate", space="district")
    .limits(exact_group=5, mu_day=MU)
    .district("west")
    .zone("mill", "west")
    .measures("consumption", 0, 20)
    .quantity("electricity", "consumption", cell="1h", clip=CLIP_KWH, presence=PRESENCE_KWH)
    .purpose("energy", dpv="CombatClimateChange")
    .recipient("office")
    .flow(
        "hourly",
        "consumption",
        statistic="sum",
        purpose="energy",
        recipient="office",
        identity="aggregate",
        time="1h",
        space="district",
        precision={"consumption": 0.001},
        group=5,
        retention=365,
    )
    .flow(
        "noisy",
        "consumption",
        statistic="sum",
        purpose="energy",
        recipient="office",
        publish="day",
        identity="aggregate",
        time="1h",
        space="district",
        precision={"consumption": 0.001},
        group=1,
        retention=365,
        budget=MU,
    )
    .device("meter", {"consumption": "kwh"}, "iso8601", time={"source": "device"})
    .files()
)

EXTRA = """
[batches]
commit_ms = 2

[clock]
simulated = true
start = "2013-05-31T23:00:00Z"
at = 0
rate = 0
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A reading: what one household used in the half hour from ``at`` on."""

    household: str
    at: datetime
    kwh: Decimal

    @property
    def hour(self) -> datetime:
        """The hour in which it lies."""
        return self.at.replace(minute=0)


@cache
def read_rows(path: Path) -> tuple[Row, ...]:
    """Read a file of readings in order of time, its times as UTC."""
    with path.open(newline="") as lines:
        read = [
            Row(
                line["customer_id"],
                datetime.fromisoformat(line["reading_datetime"] + "+00:00"),
                Decimal(line["general_supply_kwh"]),
            )
            for line in csv.DictReader(lines)
        ]
    return tuple(sorted(read, key=lambda row: (row.at, row.household)))


@cache
def made_rows(days: int) -> tuple[Row, ...]:
    """Make half-hourly readings of ten households that live from a seed, in order of time."""
    chance = random.Random("ten households")
    half_hours = [START + HOUR + number * HOUR / 2 for number in range(48 * days)]
    return tuple(
        Row(f"household-{number}", at, Decimal(chance.randrange(20, 3_000)).scaleb(-3))
        for at in half_hours
        for number in range(10)
    )


def sums(read: Iterable[Row], households: Iterable[str]) -> dict[datetime, Decimal]:
    """Add up what some households used in each hour."""
    chosen, found = set(households), defaultdict[datetime, Decimal](Decimal)
    for row in read:
        if row.household in chosen:
            found[row.hour] += row.kwh
    return dict(found)


def told_sums(read: Iterable[Row], households: Iterable[str]) -> dict[datetime, Decimal]:
    """Add up what some households used in each hour of the days on which none used more than all but the first two together."""
    rows, chosen = tuple(read), set(households)
    used = defaultdict[date, dict[str, Decimal]](lambda: dict.fromkeys(chosen, Decimal()))
    for row in rows:
        if row.household in chosen:
            used[row.at.date()][row.household] += row.kwh
    sizes = {day: sorted(those.values()) for day, those in used.items()}
    return {hour: kwh for hour, kwh in sums(rows, chosen).items() if (size := sizes[hour.date()])[-1] <= sum(size[:-2])}


def clipped_sums(read: Iterable[Row], households: Iterable[str]) -> dict[datetime, float]:
    """Add up what some households used in each hour, each household's day lowered to what it may put in."""
    chosen, days = set(households), defaultdict[tuple[str, date], dict[datetime, float]](dict)
    for row in read:
        if row.household in chosen:
            hours = days[row.household, row.at.date()]
            hours[row.hour] = hours.get(row.hour, 0.0) + float(row.kwh)
    found = defaultdict[datetime, float](float)
    for hours in days.values():
        scale = min(1.0, math.sqrt(CLIP_KWH**2 - PRESENCE_KWH**2) / math.hypot(*hours.values()))
        for hour, kwh in hours.items():
            found[hour] += kwh * scale
    return dict(found)


class Replay:
    """A gateway with the ten meters, some of whose households have consented, and the hours of their readings played to it."""

    def __init__(self, folder: Path, port: int, read: tuple[Row, ...], consenting: int) -> None:
        """Make and start everything; consents are in force before the first reading."""
        self.households = sorted({row.household for row in read})
        self.consenting = self.households[:consenting]
        self.live = LiveGateway(folder, port, policies=POLICIES, filters=("home/#",), extra=EXTRA)
        devices = self.live.add_devices(
            [
                {"profile": "meter", "zone": "mill", "topic": topic(name), "owner": "resident", "subject": "new"}
                for name in self.households
            ]
        )
        self.subjects = {name: device["subject"] for name, device in zip(self.households, devices, strict=True)}
        self.live.offline([("consent.grant", {"subject": self.subjects[name], "scope": SCOPE}) for name in self.consenting])
        self.listener = Listener(port, self.live.gateway)
        self._sent = 0
        self._meters = paho.Client(CallbackAPIVersion.VERSION2, client_id="meters", protocol=paho.MQTTv5)
        self._meters.connect("127.0.0.1", port)
        self._meters.loop_start()
        self.live.start()
        self.live.wait_ready()
        self.control = ControlClient(self.live.place.control_socket)

    def close(self) -> None:
        """End everything."""
        if hasattr(self, "control"):
            self.control.close()
        self._meters.disconnect()
        self._meters.loop_stop()
        self.listener.close()
        self.live.end()

    def publish(self, read: Iterable[Row]) -> None:
        """Publish readings, and wait until the gateway says that it has received all so far."""
        for row in read:
            reading = {"t": row.at.isoformat(), "kwh": float(row.kwh)}
            self._meters.publish(topic(row.household), json.dumps(reading), qos=1)
            self._sent += 1
        deadline_s = time.monotonic() + HANG_S
        while (received := self.ledger().get("frames.received", 0)) < self._sent:  # each question waits for the gateway's loop
            assert time.monotonic() < deadline_s, f"{received} of {self._sent} readings received"

    def advance(self, to: datetime) -> None:
        """Set the gateway's clock, and let it run a tick."""
        self.control.call("clock.advance", {"to": to.isoformat()})

    def play(self, read: Iterable[Row]) -> None:
        """Play whole hours: each is published while the clock stands at its beginning, then the clock goes on."""
        by_hour: dict[datetime, list[Row]] = defaultdict(list)
        for row in read:
            by_hour[row.hour].append(row)
        for hour, own in sorted(by_hour.items()):
            self.publish(own)
            self.advance(hour + HOUR)

    def ledger(self) -> dict[str, int]:
        """Return the ledger as `status` shows it."""
        status: dict[str, Any] = self.control.call("status")
        return dict(status["ledger"])

    def finish(self, last: datetime) -> dict[str, int]:
        """Let the last hour end, lateness included, and everything leave; return the ledger, which must balance."""
        self.advance(last + 2 * HOUR)
        status = self.live.wait_until(lambda s: s["ledger"].get("pairs.open", 0) == 0 == s["bundles_under_way"])
        assert status["imbalances"] == []
        assert self.live.stop() == 0
        report = self.live.verify()
        assert report.ok, report.to_text()
        assert report.ledger == "balanced"
        return dict(status["ledger"])

    def records(self) -> list[Record]:
        """Return all that the recipient got."""
        return [record for bundle in opened(self.live, self.listener) for record in bundle.records]

    def figures(self, flow: str = "hourly") -> dict[datetime, Record]:
        """Return the recipient's figures of a flow: hour → record, each hour at most once."""
        found = {}
        for record in self.records():
            if record.flow != flow:
                continue
            assert (record.statistic, record.cell, record.unit) == ("sum", "west", "kW.h")
            start, end = (datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in record.phenomenon_time)
            assert end - start == HOUR
            assert start not in found
            found[start] = record
        return found

    def exact(self) -> dict[datetime, tuple[Decimal, int | None]]:
        """Return the exact figures: hour → (sum, number of households as told)."""
        return {hour: (Decimal(str(record.result)), record.n) for hour, record in self.figures().items()}


def topic(household: str) -> str:
    """Return where a household's meter publishes."""
    return f"home/{household}/meter"


@contextmanager
def replay(folder: Path, read: tuple[Row, ...], consenting: int) -> Iterator[Replay]:
    """Run broker, gateway, meters and recipient for the length of the context."""
    (folder / "mosquitto").mkdir()
    with running_mosquitto(folder / "mosquitto") as broker:
        playing = Replay(folder / "gateway", broker.port, read, consenting)
        try:
            yield playing
        finally:
            playing.close()
