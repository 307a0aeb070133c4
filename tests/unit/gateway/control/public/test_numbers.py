"""Numbers at the citizens' door: those of the last full hour, rounded down, and equal to the ledger and the openings."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from consent.public_messages import HOMES_STEP
from gateway.control.context import ANYONE, MethodError
from gateway.core.figures.values import TOLD_IN
from gateway.core.public.rounding import group_of, step_of
from gateway.durable.state import Durable
from tests.support.asking import call
from tests.support.gate import DAY_MS, HOUR_MS
from tests.support.inside import SetClock, started, take
from tests.support.live import LiveGateway

DAY = 20_600
DAY_START_MS = DAY * DAY_MS
TODAY, YESTERDAY = "2026-05-27", "2026-05-26"
ZONE = "north-quay"


class Town:
    """A gateway in this process, its clock set by hand."""

    def __init__(self, durable: Durable, clock: SetClock) -> None:
        self.durable = durable
        self.clock = clock
        self.homes: list[dict[str, str]] = []
        self._sequence = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask as anyone."""
        return call(self.durable, method, params, ANYONE)

    async def add(self, count: int, profile: str = "meter", *, city: bool = False) -> None:
        """Register sensors: of as many homes, or the city's own."""
        owner = {"owner": "city", "subject": "none"} if city else {"owner": "resident", "subject": "new"}
        first = len(self.durable.state.registry.devices)
        rows = [{"profile": profile, "zone": ZONE, "topic": f"t/{profile}/{first + n}", **owner} for n in range(count)]
        self.homes += [row for row in call(self.durable, "device.add", {"devices": rows})["devices"] if "subject" in row]
        await self.durable.commit()

    async def at(self, time_ms: int) -> None:
        """Set the clock, and turn the hour as the loop does."""
        self.clock.time_ms = time_ms
        if self.durable.state.turn(time_ms):
            await self.durable.commit()

    async def hear(self, topic: str, **values: Any) -> None:
        """Take a reading in, now."""
        self._sequence += 1
        await self.at(self.clock.time_ms)
        payload = {"t": self.clock.time_ms // 1000, "seq": self._sequence, "boot": 1, **values}
        take(self.durable, topic, json.dumps(payload).encode())
        await self.durable.commit()

    def topics(self, profile: str) -> list[str]:
        """Return those of a profile's devices."""
        return [device.topic for device in self.durable.state.registry.devices.values() if device.profile == profile]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A gateway that began in the evening before, with the shipped policies."""
    clock = SetClock(DAY_START_MS - 5 * HOUR_MS)
    async with started(LiveGateway(tmp_path, 1), clock) as durable:
        yield Town(durable, clock)


async def test_sensors_of_homes_are_told_by_fives_and_by_the_day(town: Town) -> None:
    """The city's own are told as they are; a home's new sensor is seen on the day after, and only with four others."""
    await town.add(9)
    await town.add(3, "footfall", city=True)
    await town.at(DAY_START_MS)
    expected = [
        {"zone": ZONE, "profile": "footfall", "owner": "city", "count": 3},
        {"zone": ZONE, "profile": "meter", "owner": "resident", "count": 5},
    ]
    assert town.ask("public.sensors")["sensors"] == expected
    await town.add(1)
    await town.add(1, "footfall", city=True)
    await town.at(DAY_START_MS + 23 * HOUR_MS)
    expected[0]["count"] = 4
    assert town.ask("public.sensors")["sensors"] == expected
    await town.at(DAY_START_MS + DAY_MS)
    expected[1]["count"] = 10
    assert town.ask("public.sensors")["sensors"] == expected


async def test_city_owned_meter_of_a_home_is_a_home_s(town: Town) -> None:
    """Whose readings it gives counts, not who owns it: else an exact number of homes would show."""
    rows = [{"profile": "meter", "zone": ZONE, "topic": f"t/{n}", "owner": "city", "subject": "new"} for n in range(6)]
    call(town.durable, "device.add", {"devices": rows})
    await town.durable.commit()
    await town.at(DAY_START_MS)
    assert [(row["owner"], row["count"]) for row in town.ask("public.sensors")["sensors"]] == [("resident", 5)]


async def test_homes_of_a_flow_are_those_of_the_beginning_of_the_day(town: Town) -> None:
    """However many withdraw meanwhile."""
    await town.add(11)
    for home in town.homes[:7]:
        call(town.durable, "consent.grant", {"subject": home["subject"], "scope": "purpose:energy-planning"})
    await town.durable.commit()
    await town.at(DAY_START_MS)
    before = {row["flow"]: (row["asked"], row["permitted"]) for row in town.ask("public.flows")["flows"]}
    assert before["energy-hourly"] == (10, 5)
    assert all(n % HOMES_STEP == 0 for pair in before.values() for n in pair)
    call(town.durable, "consent.withdraw", {"subject": town.homes[0]["subject"], "scope": "purpose:energy-planning"})
    for home in town.homes[1:4]:
        call(town.durable, "consent.withdraw", {"subject": home["subject"], "scope": "purpose:energy-planning"})
    await town.durable.commit()
    await town.at(DAY_START_MS + 23 * HOUR_MS)
    flows = town.ask("public.flows")
    assert {row["flow"]: (row["asked"], row["permitted"]) for row in flows["flows"]} == before
    assert flows["day"] == TODAY
    await town.at(DAY_START_MS + DAY_MS)
    after = {row["flow"]: row["permitted"] for row in town.ask("public.flows")["flows"]}
    assert after["energy-hourly"] == 0


async def test_balance_is_the_ledger_s_rounded_down(town: Town) -> None:
    """Each account by its own step, which the answer states; those of the hour under way are not in it."""
    await town.add(20)
    await town.at(DAY_START_MS)
    before = dict(town.durable.state.ledger.totals)
    for hour in range(12):
        town.clock.time_ms = DAY_START_MS + hour * HOUR_MS
        for topic in town.topics("meter"):
            await town.hear(topic, kwh=0.5)
    await town.at(DAY_START_MS + 12 * HOUR_MS)
    ledger = {name: n - before.get(name, 0) for name, n in town.durable.state.ledger.totals.items()}
    for topic in town.topics("meter"):
        await town.hear(topic, kwh=0.5)
    told = town.ask("public.balance")
    assert (told["day"], told["until_ms"], told["group"]) == (TODAY, DAY_START_MS + 12 * HOUR_MS, 15)
    assert told["days"] == [TODAY, YESTERDAY]
    assert told["steps"].keys() <= {name for name in ledger if name.startswith(("pairs.", "bundles."))}
    for account, step in told["steps"].items():
        assert told["accounts"].get(account, 0) == ledger[account] // step * step
    flows = len([flow for flow in town.durable.state.policies.flows.values() if "consumption" in flow.properties])
    share = 1 << (flows - 1).bit_length()
    assert told["steps"]["pairs.considered"] == 15 * 24 * share


async def test_fewer_homes_than_a_group_do_not_show_in_the_balance(town: Town) -> None:
    """However loud they are, and whatever becomes of their readings: the day is as if there were none."""
    await town.add(14)
    for home in town.homes:
        call(town.durable, "consent.grant", {"subject": home["subject"], "scope": "purpose:energy-planning"})
    await town.durable.commit()
    await town.at(DAY_START_MS)
    for hour in range(6):
        for turn in range(3):
            town.clock.time_ms = DAY_START_MS + hour * HOUR_MS + turn * 60_000
            for topic in town.topics("meter"):
                await town.hear(topic, kwh=0.5)
    await town.at(DAY_START_MS + 6 * HOUR_MS)
    told = town.ask("public.balance")
    assert {name: n for name, n in told["accounts"].items() if name.startswith("pairs.")} == {}
    assert town.durable.state.ledger.totals["pairs.considered"] >= 6 * 3 * 14


async def test_that_a_home_withdrew_or_was_held_back_does_not_show_by_a_row_of_its_own(town: Town) -> None:
    """A row of none, or of fewer than its step, would tell that there is somebody, and in which hour it began."""
    await town.add(14)
    for home in town.homes[:7]:
        call(town.durable, "consent.grant", {"subject": home["subject"], "scope": "purpose:energy-planning"})
    await town.durable.commit()
    await town.at(DAY_START_MS)
    town.clock.time_ms += 60_000
    for topic in town.topics("meter"):
        await town.hear(topic, kwh=0.5)
    await town.at(DAY_START_MS + HOUR_MS)
    before = town.ask("public.balance")
    call(town.durable, "consent.withdraw", {"subject": town.homes[0]["subject"], "scope": "purpose:energy-planning"})
    await town.durable.commit()
    await town.at(DAY_START_MS + 2 * HOUR_MS)
    assert town.durable.state.ledger.totals["pairs.withdrawn"]
    after = town.ask("public.balance")
    assert (after["steps"], after["told"]) == (before["steps"], before["told"])
    assert {name for name in after["steps"] if name.startswith("pairs.")} == {"pairs.considered"}


async def test_step_follows_the_loudest_home_over_a_restart(tmp_path: Path) -> None:
    """What it gave in an hour is kept: a start that has heard nothing yet does not uncover it."""
    live, clock = LiveGateway(tmp_path, 1), SetClock(DAY_START_MS - HOUR_MS)
    async with started(live, clock) as durable:
        town = Town(durable, clock)
        await town.add(1)
        await town.at(DAY_START_MS)
        for turn in range(40):
            town.clock.time_ms = DAY_START_MS + turn * 60_000
            await town.hear("t/meter/0", kwh=0.5)
        await town.at(DAY_START_MS + HOUR_MS)
        before = town.ask("public.balance")
    async with started(live, clock) as durable:
        town = Town(durable, clock)
        assert town.ask("public.balance") == before
        await town.at(DAY_START_MS + 2 * HOUR_MS)
        assert town.ask("public.balance")["steps"] == before["steps"]
        assert before["steps"]["pairs.considered"] >= step_of(group_of(durable.state.policies), 40)


@pytest.mark.parametrize("day", ["2020-01-01", "2026-05-29", "tomorrow", "2026-13-40", "2026-05-27T00:00", "\x1b[2J"])
@pytest.mark.parametrize("method", ["public.balance", "public.place"])
async def test_day_that_is_not_kept_is_refused_in_one_line(method: str, day: str, town: Town) -> None:
    """Neither the future nor what was never counted nor what is no day."""
    await town.at(DAY_START_MS)
    with pytest.raises(MethodError) as refusal:
        town.ask(method, day=day, **({"zone": ZONE} if method == "public.place" else {}))
    assert "\n" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)


async def test_zone_that_nobody_knows_is_refused(town: Town) -> None:
    """In one line."""
    with pytest.raises(MethodError, match="there is no zone `atlantis`"):
        town.ask("public.place", zone="atlantis")


async def test_numbers_of_homes_are_rounded_as_recipients_are_told() -> None:
    """By one step, which two parts of the program name."""
    assert HOMES_STEP == TOLD_IN
