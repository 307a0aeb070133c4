"""Whole days beside the oracle: every figure and record that leaves is the one that the rules make of all readings, and no other.

Households give graded answers: less time, less place, coarser steps, figures only, more company. Each stands in figures of its
own level alone, for whole days, and where it asks for more company than the flow does, it stands in none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.plans import Device
from gateway.recipient.records import Record
from tests.support.city import Table
from tests.support.gate import HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, OLD, Gate, reading, town
from tests.support.generated import CLASSES, DISTRICTS, LADDERS, Town, bounds, point, towns
from tests.support.oracle import Answer, Home, Said, may_leave
from tests.support.oracle_figures import Figure, Reading, released

T = MIDNIGHT_MS
NOON_MS = T + 12 * HOUR_MS + 7 * MINUTE_MS
NEXT_DAY_MS = T + 24 * HOUR_MS + LATENESS_MS


@dataclass(frozen=True)
class Household:
    """One to two devices and what is said of them; nobody's where ``says`` is None.

    Attributes:
        says: The limits at midnight.
        then: What is said at noon: other limits, `pause`, `withdraw`, or nothing.
    """

    homes: tuple[tuple[str, str], ...]
    says: Table | None
    then: Table | str | None


@dataclass(frozen=True)
class Day:
    """A town's day: its households, and (device, minute, property, first steps) of each reading."""

    town: Town
    households: tuple[Household, ...]
    readings: tuple[tuple[int, int, str, int], ...]
    noon_release: bool


COMPANY = st.sampled_from([1, 2, 2, 3, 4]).map(lambda group: {"group": group})
GRADED = st.one_of(COMPANY, bounds(closing=False, noisy=False))
"""An answer that permits something, but often less than is asked, or only in company."""


@st.composite
def households(draw: st.DrawFn) -> Household:
    """A household that answers in its own way, and perhaps otherwise later; now and then a device of the city's own."""
    place = st.tuples(st.sampled_from(["mill", *DISTRICTS]), st.sampled_from(["meter", *CLASSES]))
    homes = (draw(place),) * draw(st.integers(1, 2))
    if draw(st.integers(0, 5)) == 0:
        return Household(homes[:1], None, None)
    says = draw(st.one_of(st.just({}), st.just({}), GRADED))
    return Household(homes, says, draw(st.one_of(st.sampled_from([None, None, "Paused", "Withdrawn"]), GRADED)))


@st.composite
def days(draw: st.DrawFn) -> Day:
    """A day in a town where no figure asks for noise."""
    town = draw(towns(closing=False, noisy=False))
    those = tuple(draw(st.lists(households(), min_size=2, max_size=6)))
    devices = sum(len(household.homes) for household in those)
    asked = sorted({name for flow in town.city["flow"].values() for name in flow["properties"]})
    minutes = st.one_of(st.integers(0, 24 * 60 - 1), st.integers(540, 555))
    one = st.tuples(st.integers(0, devices - 1), minutes, st.sampled_from(asked), st.integers(-50, 900))
    readings = draw(st.lists(one, min_size=12, max_size=40, unique_by=lambda it: it[:3]))
    noon_release = not _tells_hours_one_by_one(town) and draw(st.booleans())
    return Day(town, those, tuple(sorted(readings, key=lambda it: it[1])), noon_release)


def _tells_hours_one_by_one(town: Town) -> bool:
    """Say whether a household's own hours may leave at noon, whereupon who leaves later silences what remains of the day."""
    flows = [town.city["flow"][name] for name in town.by_consent()]
    return any(flow["statistic"] and flow["ask"]["identity"] == "per-record" for flow in flows)


class Played:
    """A day in the gateway, and the same day as the oracle has it."""

    def __init__(self, day: Day) -> None:
        """Register everybody, and let them say what they say at midnight."""
        self.town = day.town
        self.scopes = sorted({f"purpose:{day.town.city['flow'][flow]['purpose']}" for flow in day.town.by_consent()})
        self.gate = Gate(day.town.policies())
        self.devices: list[Device] = []
        self.homes: list[tuple[int, Home]] = []
        self.said: list[Said] = []
        self.came: list[Reading] = []
        self.first_of: dict[int, Device] = {}
        self._ended_ms = T
        for number, household in enumerate(day.households):
            self._settle(number, household)
        self.gate.to(T)  # the first tick, from which on publications are due

    def _settle(self, number: int, household: Household) -> None:
        subject = None
        for zone, profile in household.homes:
            if household.says is None:
                device = self.gate.device(None, profile, zone)
            elif subject is None:
                device = self.first_of[number] = self.gate.home(profile=profile, zone=zone)
                subject = device.subject
            else:
                device = self.gate.device(subject, profile, zone)
            self.devices.append(device)
            self.homes.append((number, Home(zone, profile, None if household.says is None else (bytes([number]),), T)))
        if household.says is not None:
            self.say(number, household.says, None)

    def say(self, number: int, says: Table | str, before: Table | None) -> None:
        """Let a household say something about every purpose; the same limits as before count as in force all along."""
        for scope in self.scopes:
            since_ms, limits, status = self.gate.now_ms, {}, "Given"
            if isinstance(says, str):
                status = says
                {"Paused": self.gate.pause, "Withdrawn": self.gate.withdraw}[says](self.first_of[number], scope)
            else:
                limits = says
                since_ms = T if before is not None and point(before) == point(says) else since_ms
                self.gate.grant(self.first_of[number], scope, point(says))
            self.said.append(Said(bytes([number]), scope, status, limits, self.town, since_ms))

    def take(self, device: int, minute: int, name: str, n: int) -> None:
        """Let a reading come in when it is made."""
        t_ms = self.gate.now_ms = T + minute * MINUTE_MS
        fields: dict[str, Any] = {name: float(n * Decimal(LADDERS[name][0]))}
        self.gate.take(reading(self.devices[device], t_ms, **fields))
        self.came.append(Reading(device, *self.homes[device], name, t_ms, n))

    def release(self, now_ms: int) -> tuple[Counter[Figure], Counter[Figure]]:
        """Let all leave that may; return what left and what should have."""
        self.gate.to(now_ms)
        left = Counter(figure_of(record) for recipient in ("office", "public") for record in self.gate.records(recipient))
        ended_ms = (self._ended_ms, (now_ms - LATENESS_MS) // MINUTE_MS * MINUTE_MS)
        should = Counter(released(self.town, self.came, lambda it, flow: self._may(it, flow, now_ms), ended_ms))
        self._ended_ms = ended_ms[1]
        return left, should

    def singles(self, came: list[Reading], now_ms: int) -> Counter[Figure]:
        """Return the single readings among some that may leave; what left at noon does not leave again."""
        none_ended = (self._ended_ms, self._ended_ms)
        figures = released(self.town, came, lambda it, flow: self._may(it, flow, now_ms), none_ended)
        return Counter(figure for figure in figures if figure[2] == "per-record" and figure[7] is None)

    def _may(self, it: Reading, flow: str, now_ms: int) -> Answer | None:
        return may_leave(self.town, it.home, it.observed_property, flow, self.said, T, now_ms)


def figure_of(record: Record) -> Figure:
    """Return a record without what is random in it."""
    assert (record.pseudonym is not None) is (record.identity == "per-epoch")
    assert (record.id is not None) is (record.identity == "per-record")
    span, days = record.phenomenon_time, record.retention_days
    head = (record.flow, record.observed_property, record.identity, record.cell)
    return *head, *span, record.result, record.statistic, record.n, days


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days())
def test_oracle_what_leaves_in_a_day_is_what_the_rules_make_of_its_readings(day: Day) -> None:
    """Levels, places, members, values, numbers and days of retention: record by record the same."""
    played = Played(day)
    morning = [it for it in day.readings if T + it[1] * MINUTE_MS < NOON_MS]
    for it in morning:
        played.take(*it)
    played.gate.now_ms = NOON_MS
    gone: list[Reading] = []
    if day.noon_release:
        left, should = played.release(NOON_MS)
        assert left == should
        gone = list(played.came)
    for number, household in enumerate(day.households):
        if household.then is not None and household.says is not None:
            played.say(number, household.then, household.says)
    for it in day.readings[len(morning) :]:
        played.take(*it)
    left, should = played.release(NEXT_DAY_MS)
    assert left == should - played.singles(gone, NEXT_DAY_MS)
    assert not played.gate.state.windows.open


def test_oracle_household_with_devices_in_two_places_stands_under_the_stricter_ceiling() -> None:
    """A household with meters in two neighbourhoods, both in one figure: whichever asks for more company is heard,
    and as that is more than the flow asks, none of its readings stands in any figure."""
    strict = '[ceiling]\ntime = "4h"\nspace = "city"\ngroup = 5\n'
    files = {"neighbourhoods/old.toml": OLD.partition("[ceiling]")[0] + strict}
    gate = Gate(town(('time = "1h", space = "district"', 'time = "4h", space = "city"'), files=files))
    for device in gate.homes(3, "hourly"):
        gate.send(device, kwh=1)
        gate.send(gate.device(device.subject, zone="chapel"), kwh=1)
    gate.to(NEXT_DAY_MS)
    assert gate.records() == []
    assert gate.count("pairs.withheld.group") == 3  # of the second meters; the first came before there were any
