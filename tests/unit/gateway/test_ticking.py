"""Ticks in steps: when a checkpoint is made, and that nothing is formed where nothing may leave."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.audit.log.payloads import CLOCK_SET
from gateway.core import pipeline
from gateway.core.mqtt.events import Frame
from gateway.durable.state import Durable
from tests.support.asking import call
from tests.support.inside import ReluctantSink, assembled, started, take
from tests.support.live import LiveGateway
from tests.support.ports import free_port


async def test_account_alone_waits_longer_than_what_is_logged(tmp_path: Path) -> None:
    """Every checkpoint writes several files: where only readings came it waits six times as long, and for no entry."""
    live = LiveGateway(tmp_path, free_port(), tick_ms=3_600_000)
    async with started(live) as durable:
        app, log = assembled(durable, ReluctantSink()), durable.state.log

        async def grows_after(periods: float) -> int:
            app.ticking._began_s = asyncio.get_running_loop().time()  # no heartbeat is due
            app.ticking._head_at_s = asyncio.get_running_loop().time() - periods * 3600
            size = log.size
            await app.ticking._end()
            return log.size - size

        take(durable, "t/nobody", b"")
        assert [await grows_after(5.9), await grows_after(6)] == [0, 1]
        take(durable, "t/nobody", b"")
        durable.note_gap(CLOCK_SET)
        assert [await grows_after(0.9), await grows_after(1)] == [0, 1]


async def _reading_waits(durable: Durable) -> None:
    """Have a reading of the city's own wait for its recipient."""
    row = {"profile": "footfall", "zone": "north-quay", "topic": "t/gate", "owner": "city", "subject": "none"}
    call(durable, "device.add", {"devices": [row]})
    now_ms = durable.clock.now_ms() + 1000
    payload = b'{"t":%d,"seq":1,"boot":1,"count":3}' % (now_ms // 1000)
    frame = Frame("t/gate", payload, 1, duplicate=False, retain=False, generation=1)
    pipeline.take_frames(durable.state, [frame], now_ms)
    await durable.commit()


async def test_tick_forms_in_steps_what_waits_and_ends(tmp_path: Path) -> None:
    """The bundle is committed and offered by the end of it."""
    async with started(LiveGateway(tmp_path, free_port(), tick_ms=3_600_000)) as durable:
        await _reading_waits(durable)
        sink = ReluctantSink()
        app = assembled(durable, sink)
        await app.ticking.begin()
        began, taken = app.ticking.is_open, len(sink.taken)
        while await app.ticking.step():
            pass
        assert (began, taken, app.ticking.is_open) == (True, 0, False)
        assert list(sink.taken) == list(durable.state.inflight.sent) != []


@pytest.mark.parametrize("why", ["disk", "clock"])
async def test_tick_forms_nothing_while_disk_or_clock_forbid(tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where that comes after it has begun; the next one forms it."""
    async with started(LiveGateway(tmp_path, free_port(), tick_ms=3_600_000)) as durable:
        await _reading_waits(durable)
        sink = ReluctantSink()
        app = assembled(durable, sink)
        for begun in (False, True):
            if begun:
                await app.ticking.begin()
            with monkeypatch.context() as patched:
                if why == "disk":
                    patched.setattr(durable.store.disk_space, "check", lambda: False)
                else:
                    patched.setattr(durable, "clock_problem", lambda: "it is wrong")
                if not begun:
                    await app.ticking.begin()
                while await app.ticking.step():
                    pass
            assert not sink.taken
        await app.ticking.begin()
        while await app.ticking.step():
            pass
        assert sink.taken
