"""What the log says of moments that nobody can account for, and that it beats while nothing happens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening, Part
from gateway.audit.log.payloads import AWAY, CLOCK_SET, SESSION_LOST, UNCLEAN_END, AccountPayload, GapPayload
from gateway.audit.verify.verify import verify_folder
from gateway.core.mqtt.events import Connected
from gateway.durable.state import Durable
from gateway.edge import system_clock
from gateway.edge.system_clock import CLOCK_SET_MS, ClockWatch
from tests.crash.scene import MIDNIGHT_MS
from tests.crash.town import POLICIES
from tests.support.inside import SetClock, assembled, running, started, until
from tests.support.live import LiveGateway
from tests.support.ports import free_port

HEARTBEAT_MS = 600_000


@pytest.fixture
def live(tmp_path: Path) -> LiveGateway:
    """Return a gateway that has never run."""
    return LiveGateway(tmp_path, free_port(), policies=POLICIES, tick_ms=50)


async def payloads(durable: Durable, kind: Kind) -> list[bytes]:
    """Return what the log says in entries of a kind, in order."""
    found = []
    async for content in durable.store.reader.entries():
        entry = Entry.decode(content)
        if entry.kind is kind:
            opening = await durable.store.reader.opening(entry.sequence)
            part = Opening.decode(opening or b"").parts[0]
            found.append(part.data if isinstance(part, Part) else b"")
    return found


async def gaps(durable: Durable) -> list[str]:
    """Return the reasons of the log's gaps."""
    return [GapPayload.decode(data).reason for data in await payloads(durable, Kind.GAP)]


def verified(live: LiveGateway) -> bool:
    """Say whether the published log verifies with its openings."""
    report = verify_folder(live.place.log, live.vkey, live.place.openings)
    assert report.ok, report.to_text()
    return report.ok


async def test_start_after_an_end_in_order_logs_no_gap(live: LiveGateway) -> None:
    """Nothing is missing."""
    for _ in range(3):
        async with started(live, SetClock(MIDNIGHT_MS)) as durable:
            assert await gaps(durable) == []


async def test_start_after_an_unclean_end_logs_a_gap_with_boot_id_and_clock(live: LiveGateway) -> None:
    """The run before was cut off; the entry says in which run of the machine this one is, and how its clock stands."""
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        app = assembled(durable)
        async with running(app):
            await app.ask(dict)
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        (data,) = await payloads(durable, Kind.GAP)
        payload = GapPayload.decode(data)
        assert payload == GapPayload(UNCLEAN_END, system_clock.boot_id(), system_clock.clock_state())
        assert len(payload.boot_id) in (0, 36)
        assert payload.clock in ("synchronised", "unsynchronised", "unknown")
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        assert len(await gaps(durable)) == 1
    assert verified(live)


@pytest.mark.parametrize(("away_ms", "logged"), [(HEARTBEAT_MS, []), (HEARTBEAT_MS + 1, [AWAY])])
async def test_start_after_an_absence_longer_than_the_heartbeat_logs_a_gap(
    live: LiveGateway, away_ms: int, logged: list[str]
) -> None:
    """Whoever misses the heartbeats finds why."""
    async with started(live, SetClock(MIDNIGHT_MS)):
        pass
    async with started(live, SetClock(MIDNIGHT_MS + away_ms)) as durable:
        assert await gaps(durable) == logged
    assert verified(live)


async def test_session_that_the_broker_has_lost_is_a_gap_and_the_first_one_is_none(live: LiveGateway) -> None:
    """Before the first session nothing was promised to anybody."""
    async with started(live, SetClock(MIDNIGHT_MS)) as durable:
        app = assembled(durable)
        async with running(app):
            for session_present, logged in ((False, []), (True, []), (False, [SESSION_LOST])):
                app._link_event(Connected(1, session_present, 0))
                await app.ask(dict, tick=True)
                assert await gaps(durable) == logged
    assert verified(live)


async def test_clock_that_is_set_is_a_gap(live: LiveGateway) -> None:
    """Forward or back; readings in between bear times of a clock that nobody knows."""
    clock = SetClock(MIDNIGHT_MS)
    async with started(live, clock) as durable:
        app = assembled(durable)
        async with running(app):
            for step_ms, count in ((0, 0), (3_600_000, 1), (0, 1), (-7_200_000, 2)):
                clock.time_ms += step_ms
                await app.ask(dict, tick=True)
                assert await gaps(durable) == [CLOCK_SET] * count
    assert verified(live)


def test_clock_watch_follows_corrections_and_notices_steps() -> None:
    """A drift is none, however long; a step is, either way."""
    watch = ClockWatch()
    assert not watch.was_set(1_000_000, 5)
    assert not any(watch.was_set(1_000_000 + n * 10_100, 5 + n * 10_000) for n in range(1, 100))
    assert watch.was_set(2_000_000 + 100 * 10_000 + CLOCK_SET_MS, 5 + 100 * 10_000)
    assert watch.was_set(1_000_000, 5 + 100 * 10_000)
    assert not watch.was_set(1_000_000, 5 + 100 * 10_000)


async def test_heartbeat_where_nothing_happens_is_a_published_account_of_nothing(
    live: LiveGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint with a fresh entry: its time tells that the gateway lives and withholds nothing."""
    clock = SetClock(MIDNIGHT_MS)
    async with started(live, clock) as durable:
        app, size = assembled(durable), durable.state.log.size
        async with running(app):
            for _ in range(3):
                await app.ask(dict, tick=True)
            assert durable.state.log.size == size
            loop = asyncio.get_running_loop()
            real = loop.time
            monkeypatch.setattr(loop, "time", lambda: real() + HEARTBEAT_MS / 1000)
            clock.time_ms += 1
            app._tick_now()
            await until(lambda: durable.state.log.size == size + 1)
            monkeypatch.setattr(loop, "time", real)
            await app.ask(dict)
            assert AccountPayload.decode((await payloads(durable, Kind.ACCOUNT))[-1]).differences == {}
            assert durable.state.log.size == size + 1
    assert verified(live)
