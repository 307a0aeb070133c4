"""How the gateway is, as anyone may know it: never when a home was heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control.context import ANYONE, MethodError
from tests.support.asking import ask, call
from tests.support.inside import ReluctantSink, SetClock, assembled, started, take
from tests.support.live import LiveGateway

NOW_MS = 1_779_840_030_000
MINUTE_MS = 60_000


async def test_state_tells_when_the_city_s_own_were_heard_and_never_when_a_home_was(tmp_path: Path) -> None:
    """To the minute; connections, clock and disk as they are."""
    clock, sink = SetClock(NOW_MS), ReluctantSink()
    async with started(LiveGateway(tmp_path, 1), clock) as durable:
        owners = ({"owner": "resident", "subject": "new"}, {"owner": "city", "subject": "none"})
        rows = [
            {"profile": profile, "zone": "north-quay", "topic": f"t/{profile}", **owner}
            for profile, owner in zip(("meter", "footfall"), owners, strict=True)
        ]
        call(durable, "device.add", {"devices": rows})
        await durable.commit()
        app = assembled(durable, sink)
        take(durable, "t/meter", b'{"t":%d,"seq":1,"boot":1,"kwh":0.5}' % (NOW_MS // 1000))
        state = await ask(app, "public.state", caller=ANYONE)
        assert state == {
            "gateway": "gw-test",
            "now_ms": NOW_MS,
            "simulated": False,
            "rate": 1.0,
            "hears_sensors": False,
            "reaches_city": True,
            "confirmed": True,
            "disk_full": False,
            "heard_ms": 0,
        }
        clock.time_ms += MINUTE_MS
        take(durable, "t/footfall", b'{"t":%d,"seq":1,"boot":1,"count":3}' % (clock.time_ms // 1000))
        sink.away = durable.store.disk_space.low = True
        state = await ask(app, "public.state", caller=ANYONE)
        assert state["heard_ms"] == clock.time_ms // MINUTE_MS * MINUTE_MS
        assert (state["reaches_city"], state["disk_full"]) == (False, True)


async def test_without_a_gateway_there_is_no_state(tmp_path: Path) -> None:
    """A command that finds none running cannot tell it."""
    async with started(LiveGateway(tmp_path, 1)) as durable:
        with pytest.raises(MethodError, match="no gateway is running"):
            call(durable, "public.state")
