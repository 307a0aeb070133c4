"""The city that the audit bench logs: a gateway in memory, with a simulated clock, and what it logs in a day of release ticks.

48 households in two districts tell what they use every quarter of an hour, 30 of them also how loud it is every five minutes; 20
stations of the city tell the temperature every minute. Three recipients: the energy office gets noisy sums by the hour, once the
day has ended, and each household's day, the environment office levels by the hour likewise, everybody the stations' readings. So
a release is about 24 to 48 households where it is about any, and at almost every tick there is one of stations.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from consent.core.policies.archive import pack_files
from consent.core.policies.policy import PolicySet
from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.effects import Commit, LogRow
from gateway.core.mqtt.events import Frame
from gateway.core.plans import Device
from gateway.core.release.bundle import bundle_acknowledged, bundle_sent
from tests.support.city import City, city
from tests.support.gate import HOUR_MS, LATENESS_MS, MIDNIGHT_MS, Gate, frame, reading

TICK_MS: Final = 10_000
QUARTER_MS: Final = HOUR_MS // 4
TICKS_OF_A_DAY: Final = 8640
RECIPIENTS: Final = ("energy", "environment", "public")
HOUSEHOLDS: Final = 48
LISTENING_HOUSEHOLDS: Final = 30
STATIONS: Final = 20
_WARM_UP_TICKS = (HOUR_MS + LATENESS_MS) // TICK_MS
_PRUNE_EVERY_TICKS = 360


def bench_city(highest: int = 200) -> City:
    """Return the city, in which no reading of a meter counts as more than the highest."""
    return (
        city(
            id="bench",
            name="Bench",
            address="Calle Mayor 1",
            contact="https://bench.example/sensors",
            data_protection_officer="privacy@bench.example",
            jurisdiction="ES",
            storage_place="Bench",
        )
        .ceiling(identity="per-epoch", space="block")
        .district("north")
        .district("south")
        .zone("quay", "north")
        .zone("market", "south")
        .measures("consumption", 0, highest)
        .measures("LAeq", 20, 140)
        .quantity("electricity", "consumption", cell="1h", clip=10, presence=2)
        .quantity("noise-at-home", "LAeq", cell="1h", clip=75, presence=15)
        .measures("temperature")
        .purpose("grid", "Planning the grid")
        .purpose("quiet", "Planning against noise")
        .purpose("streets", "Watching over the streets", legal_basis="public-task")
        .recipient("energy", "Energy office")
        .recipient("environment", "Environment office")
        .recipient("public", "Everyone", sealed=False)
        .flow(
            "hourly",
            "consumption",
            why="To see when the grid is strained",
            statistic="sum",
            purpose="grid",
            recipient="energy",
            identity="aggregate",
            time="1h",
            space="district",
            precision={"consumption": 0.1},
            group=15,
            retention=730,
            budget=2,
        )
        .flow(
            "days",
            "consumption",
            why="To see how unevenly energy is used",
            statistic="sum",
            purpose="grid",
            recipient="energy",
            identity="per-epoch",
            time="day",
            space="district",
            precision={"consumption": 1},
            retention=90,
        )
        .flow(
            "nights",
            "LAeq",
            why="To find loud streets",
            statistic="mean",
            purpose="quiet",
            recipient="environment",
            identity="aggregate",
            time="1h",
            space="district",
            precision={"LAeq": 0.5},
            group=15,
            retention=365,
            budget=2,
        )
        .flow(
            "stations",
            "temperature",
            why="To warn",
            purpose="streets",
            recipient="public",
            identity="per-record",
            time="exact",
            space="block",
            retention=365,
        )
        .device("meter", {"consumption": "kwh", "LAeq": "db", "temperature": "temp"}, "unix-ms")
    )


def city_of_minutes(highest: int = 200) -> City:
    """Return the city with a flow that has a release each quarter of an hour, by which many releases take little time to make."""
    city = bench_city(highest).quantity("electricity", "consumption", cell="15min", clip=10, presence=9.5)
    return city.flow(
        "minutes",
        "consumption",
        why="To see the grid breathe",
        statistic="sum",
        purpose="grid",
        recipient="energy",
        identity="aggregate",
        time="15min",
        space="district",
        precision={"consumption": 0.1},
        group=1,
        retention=30,
        budget=2,
        publish="window",
    )


class RecordingGate(Gate):
    """A gateway in memory that hands on what it would store, and keeps little of it.

    Args:
        policies: In force from the start.
        record: Takes each commit.
    """

    def __init__(self, policies: PolicySet, record: Callable[[Commit], None]) -> None:
        self._record = record
        super().__init__(policies)

    def commit(self) -> Commit:
        """Do what the store would do, but keep only the outbox and the policies."""
        commit = self.state.take_commit()
        for number in commit.outbox_done:
            del self.outbox[number]
        self.outbox |= {row.number: (row.recipient, row.content) for row in commit.outbox}
        for row in commit.policies:
            self.policy_sets[row.sha256] = pack_files(msgspec.msgpack.decode(row.content, type=changes.StoredPolicies).files)
        self._record(commit)
        return commit

    def let_out(self, recipient: str) -> bool:
        """Form the next bundle of a recipient, hand it over and have it acknowledged; say whether there was one."""
        unsent = self.form(recipient)
        if unsent is not None:
            bundle_sent(self.state, recipient)
            bundle_acknowledged(self.state, unsent.index)
            self.commit()
        return unsent is not None


@dataclass(slots=True)
class Day:
    """What a day of ticks logs.

    Attributes:
        rows: Its log entries, with labels and openings.
        bundle_bytes: What left for the city.
    """

    ticks: int
    rows: list[LogRow] = field(default_factory=list)
    bundle_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Reporter:
    """A device that tells something at every so many ticks."""

    device: Device
    field: bytes
    every: int
    phase: int

    def tell(self, now_ms: int) -> Frame:
        """Return its reading of now; all alike, since no value reaches the log."""
        return frame(self.device.topic, b'{"t":%d,"%b":20.5}' % (now_ms, self.field))


def simulated_day(ticks: int = TICKS_OF_A_DAY) -> Iterator[Day]:
    """Let a gateway run through its day, and yield what it has logged so far at every hour, and at the end.

    Consents and devices come an hour and a quarter before the day that counts, so that the first figures are in it.
    """
    day, counting = Day(ticks), False

    def record(commit: Commit) -> None:
        if counting:
            day.rows += commit.log
            day.bundle_bytes += sum(len(bundle.content) for bundle in commit.bundles)

    gate = RecordingGate(bench_city().policies(), record)
    reporters = _reporters(gate)
    for tick in range(_WARM_UP_TICKS + ticks):
        counting = tick >= _WARM_UP_TICKS
        gate.now_ms = MIDNIGHT_MS + (tick + 1) * TICK_MS
        gate.take(*(each.tell(gate.now_ms) for each in reporters if tick % each.every == each.phase))
        gate.to(gate.now_ms)
        for recipient in RECIPIENTS:
            gate.let_out(recipient)
        gate.state.log.checkpoint(gate.state.ledger, gate.now_ms)
        gate.commit()
        if tick % _PRUNE_EVERY_TICKS == 0:
            recovery.prune(gate.state)
            yield day
    yield day


def _reporters(gate: RecordingGate) -> list[_Reporter]:
    reporters: list[_Reporter] = []
    for number in range(HOUSEHOLDS):
        meter = gate.home("hourly", "days", "nights", zone=("quay", "market")[number % 2])
        reporters.append(_Reporter(meter, b"kwh", 90, number % 90))
        if number < LISTENING_HOUSEHOLDS:
            ear = gate.device(meter.subject, zone=meter.zone)
            reporters.append(_Reporter(ear, b"db", 30, number % 30))
    stations = [gate.device(None, zone="quay") for _ in range(STATIONS)]
    return reporters + [_Reporter(station, b"temp", 6, number % 6) for number, station in enumerate(stations)]


def many_releases(gate: RecordingGate, count: int, households: int) -> Iterator[int]:
    """Let a gateway make so many releases, each of a quarter of an hour of some households; yield how many there are so far.

    Now and then a household says something new, and the policies in force change, so that a replay has to follow. Publications
    of the day, which are due once a day besides, hold nobody.
    """
    homes = [gate.home("minutes", zone="quay") for _ in range(households)]
    made = 0
    for quarter in itertools.count():
        if quarter % 500 == 499:
            home = homes[quarter // 500 % households]
            gate.withdraw(home, "minutes")
            gate.grant(home, "minutes")
        if quarter % 10_000 == 9_999:
            gate.apply(city_of_minutes(100 + quarter // 10_000 % 2 * 100).policies())
        begun_ms = gate.now_ms = gate.now_ms // QUARTER_MS * QUARTER_MS
        gate.take(*(reading(home, begun_ms + 1000, kwh=1.5) for home in homes))
        gate.to(begun_ms + QUARTER_MS)
        before = made
        while made < count and gate.let_out("energy"):
            made += 1
            yield made
        if made == count:
            return
        assert made > before or not made, "each quarter of an hour has a release, once the first has passed its lateness"
        if quarter % 1000 == 0:
            recovery.prune(gate.state)
