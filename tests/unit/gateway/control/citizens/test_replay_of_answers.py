"""An auditor who replays what residents answered at the door finds nothing wrong, and counts by what each answer came in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.support.audits import run_audit
from tests.support.citizens_door import DAY_MS, HOUR_MS, PORTAL, CitizensDoor
from tests.support.inside import SetClock, started
from tests.support.live import LiveGateway
from tests.support.own_answers import FLOW, say_yes, signed

TOTALS = "energy-daily-totals"
START_MS = 1_780_000_000_000


def test_answers_of_two_residents_replay_without_a_finding(tmp_path: Path) -> None:
    """Yes, lower, pause, resume, no and stop; a signature that is entered minutes after it was proposed."""

    async def work() -> None:
        live = LiveGateway(tmp_path / "gw", 1, extra=PORTAL)
        clock = SetClock(START_MS)
        async with started(live, clock) as durable:
            door = CitizensDoor(durable)
            first = await door.home()
            second = await door.come_in(await first.invite(), door.passkey())
            for person in (first, second):
                await say_yes(person, "purpose:energy-planning")
                clock.time_ms += HOUR_MS
            slow = await signed(second, TOTALS, limits={"space": "city"})
            clock.time_ms += 4 * 60_000
            await second.ask("consent.prove", **slow)
            await first.ask("consent.less", step="lower", scope=FLOW, limits={"time": "4h"})
            await second.ask("consent.less", step="lower", limits={"time": "day"})
            clock.time_ms += DAY_MS
            await first.ask("consent.less", step="pause")
            await first.ask("consent.prove", **await signed(first, resume=True))
            await second.ask("consent.less", step="refuse", scope=TOTALS)
            await second.ask("consent.less", step="withdraw")
            await first.ask("consent.less", step="withdraw")
            durable.checkpoint()
            await durable.commit()
            await durable.publisher.drained()
        status, said = run_audit("replay", str(live.place.log), tmp_path, key=live.vkey, openings=live.place.openings, json=True)
        found = json.loads(said)
        assert (status, found["findings"]) == (0, []), said
        assert found["grants"] == {"passkey": 4, "session": 4}
        assert found["grants_by_enrolment"] == {"letter": 2, "invitation": 2}

    asyncio.run(work())
