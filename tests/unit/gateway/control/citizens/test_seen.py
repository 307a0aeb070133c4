"""What the city would have seen: a resident says yes, a day passes, and the office gets to the digit what the page had shown."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.core import pipeline
from gateway.core.public.numbers import Shown
from gateway.core.public.tally import DayTally, FlowKey, FlowTally
from gateway.core.release.bundle import advance_watermark
from tests.support.citizens_door import DAY_MS, HOUR_MS, PORTAL, CitizensDoor, citizens_door
from tests.support.disk_gate import DiskGate
from tests.support.inside import SetClock, started
from tests.support.live import LiveGateway
from tests.support.own_answers import QUARTER_MS, offers, say_yes, send

TOTALS = "energy-daily-totals"
MIDNIGHT_MS = 1_780_012_800_000
"""2026-05-29T00:00:00Z."""


def test_office_gets_over_midnight_what_the_page_had_shown_beside_the_yes(tmp_path: Path) -> None:
    """Of the day after the answer, which the household's sensor spends as it did the day before."""

    async def work() -> None:
        live = LiveGateway(tmp_path, 1, extra=PORTAL)
        clock = SetClock(MIDNIGHT_MS - HOUR_MS)
        async with started(live, clock) as durable:
            door, gate = CitizensDoor(durable), DiskGate(live, durable)
            pipeline.session_opened(durable.state, session_present=False, now_ms=durable.clock.now_ms())
            pipeline.queue_drained(durable.state, durable.clock.now_ms())
            person = await door.come_in(door.letter()["claim_code"], door.passkey())

            async def day(begin_ms: int) -> None:
                for quarter in range(96):
                    clock.time_ms = begin_ms + quarter * QUARTER_MS
                    send(door, "t/1", durable.clock.now_ms(), 0.1 + 0.013 * (quarter % 9))
                await gate.durable.commit()

            await day(MIDNIGHT_MS)
            clock.time_ms = MIDNIGHT_MS + DAY_MS - HOUR_MS // 4
            (shown,) = offers(await person.ask("question.show", flow=TOTALS))["yes"]["seen"]
            await say_yes(person, TOTALS)
            await day(MIDNIGHT_MS + DAY_MS)
            clock.time_ms = MIDNIGHT_MS + 2 * DAY_MS + HOUR_MS
            advance_watermark(durable.state, durable.clock.now_ms(), 900_000)
            told = [record for record in await gate.deliver("city-energy") if record.flow == TOTALS]
            (record,) = told
            assert shown["is_alone"]
            assert float(shown["value"]) == record.result
            assert record.phenomenon_time == (shown["begin_ms"] + DAY_MS, shown["end_ms"] + DAY_MS)
            (now,) = (await person.ask("question.show", flow=TOTALS))["now"]["seen"]
            assert (now["begin_ms"], now["end_ms"], float(now["value"]), now["cell"]) == (
                *record.phenomenon_time,
                record.result,
                record.cell,
            )

    asyncio.run(work())


def test_homes_that_one_hides_among_are_those_that_were_told_last(tmp_path: Path) -> None:
    """By the numbers that anyone may ask for; none where no figure has left."""

    async def work() -> None:
        async with citizens_door(tmp_path) as door:
            person = await door.come_in(door.letter()["claim_code"], door.passkey())
            send(door, "t/1", door.durable.clock.now_ms(), 0.5)
            (part,) = offers(await person.ask("question.show", flow="energy-hourly"))["yes"]["seen"]
            assert (part["homes"], part["spread"]) == (0, 5.0)
            hour = door.durable.clock.now_ms() // HOUR_MS
            key = FlowKey("energy-hourly", "city-energy", "resident", "aggregate")
            tally = DayTally(flows={key: FlowTally(bundles=1, records=24, told={40: 24})})
            door.durable.state.public.shown = Shown(hour, {hour // 24: tally})
            (part,) = offers(await person.ask("question.show", flow="energy-hourly"))["yes"]["seen"]
            assert part["homes"] == 40

    asyncio.run(work())
