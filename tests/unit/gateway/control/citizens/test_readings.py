"""`readings.show`: a household sees its own readings, all of those that are held and nobody else's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.citizens_door import PORTAL, START_MS, CitizensDoor, Person
from tests.support.inside import SetClock, started
from tests.support.live import LiveGateway
from tests.support.own_answers import at_the_door, clock_of, send


def test_household_sees_its_own_readings_and_no_others(tmp_path: Path) -> None:
    """By time, in the property's unit, and only what is later than it has got already."""

    async def work(door: CitizensDoor) -> None:
        row, other_row = door.letter(), door.letter()
        person = await door.come_in(row["claim_code"], door.passkey())
        other = await door.come_in(other_row["claim_code"], door.passkey())
        clock = clock_of(door)
        start_ms = clock.now_ms() // 900_000 * 900_000 + 900_000
        for quarter in range(4):
            clock.time_ms = start_ms + quarter * 900_000
            send(door, "t/1", clock.time_ms, 0.25 + quarter)
        found = await person.ask("readings.show")
        assert (found["hours"], found["slot_minutes"]) == (48, 15)
        assert 0 < found["since_start_ms"] <= start_ms
        (series,) = found["series"]
        assert (series["property"], series["unit"], series["zone"]) == ("consumption", "kW.h", "north-quay")
        assert series["readings"] == [[start_ms + n * 900_000, f"{0.25 + n:.3f}"] for n in range(4)]
        (later,) = (await person.ask("readings.show", after_ms=start_ms + 1_800_000))["series"]
        assert [t_ms for t_ms, _ in later["readings"]] == [start_ms + 2_700_000]
        (none,) = (await other.ask("readings.show"))["series"]
        assert none["readings"] == []

    at_the_door(tmp_path, work)


def test_several_amounts_in_a_quarter_of_an_hour_are_their_sum(tmp_path: Path) -> None:
    """And what is held says of how long each is."""

    async def work(door: CitizensDoor) -> None:
        row = door.letter()
        person = await door.come_in(row["claim_code"], door.passkey())
        start_ms = door.durable.clock.now_ms() // 900_000 * 900_000
        for minute in range(10):
            clock_of(door).time_ms = start_ms + minute * 60_000
            send(door, "t/1", clock_of(door).time_ms, 0.01)
        (series,) = (await person.ask("readings.show"))["series"]
        assert series["readings"] == [[start_ms + 540_000, "0.100"]]

    at_the_door(tmp_path, work)


def test_restart_forgets_all_of_them_and_says_since_when(tmp_path: Path) -> None:
    """They were in memory alone: what was committed brings back the answers, and no reading."""

    async def work() -> None:
        live = LiveGateway(tmp_path, 1, extra=PORTAL)
        clock = SetClock(START_MS)
        async with started(live, clock) as durable:
            door = CitizensDoor(durable)
            person = await door.come_in(door.letter()["claim_code"], door.passkey())
            send(door, "t/1", START_MS, 0.5)
            await durable.commit()
            (series,) = (await person.ask("readings.show"))["series"]
            assert len(series["readings"]) == 1
        clock.time_ms += 60_000
        async with started(live, clock) as durable:
            again = Person(CitizensDoor(durable), person.token, "", None, {})
            durable.state.turn(clock.now_ms())
            found = await again.ask("readings.show")
            assert [each["readings"] for each in found["series"]] == [[]]
            assert found["since_start_ms"] == START_MS + 60_000

    asyncio.run(work())
