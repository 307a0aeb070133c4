"""What a gateway must still do while nothing comes in, so that neither a pause nor a kill in it loses anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.core import pipeline
from gateway.core.mqtt.events import Frame
from gateway.demo.embedded_broker import embedded_broker
from tests.support.asking import call
from tests.support.inside import ReluctantSink, ask, assembled, running, started, until
from tests.support.live import LiveGateway
from tests.support.ports import free_port
from tests.support.waiting import HANG_S


async def test_bundle_that_its_sink_did_not_take_is_offered_again_while_nothing_comes_in(tmp_path: Path) -> None:
    """A connection that breaks between the forming and the handing over delays a bundle, and does not strand it."""
    live = LiveGateway(tmp_path, free_port(), tick_ms=50)
    async with started(live) as durable:
        row = {"profile": "footfall", "zone": "north-quay", "topic": "t/gate", "owner": "city", "subject": "none"}
        call(durable, "device.add", {"devices": [row]})
        now_ms = durable.clock.now_ms() + 1000
        payload = b'{"t":%d,"seq":1,"boot":1,"count":3}' % (now_ms // 1000)
        frame = Frame("t/gate", payload, 1, duplicate=False, retain=False, generation=1)
        pipeline.take_frames(durable.state, [frame], now_ms)
        await durable.commit()
        sink = ReluctantSink(refusals=8)
        app = assembled(durable, sink)
        async with running(app):
            await until(lambda: sink.taken)
            await until(lambda: durable.state.inflight.sent)
        assert list(sink.taken) == list(durable.state.inflight.sent)


async def test_session_lost_is_durable_before_any_frame_comes_in(tmp_path: Path) -> None:
    """Windows that began before a lost session miss readings; a kill before the next batch must not make them whole again."""
    async with embedded_broker() as port:
        live = LiveGateway(tmp_path, port, tick_ms=3_600_000)
        async with started(live) as durable:
            app = assembled(durable)
            async with running(app):
                await until(lambda: durable.state.windows.whole_since_ms and not durable.must_commit())
                await ask(app, "policy.show")  # answered once the commit under way is through; there is nothing else to commit
            whole_since_ms = durable.state.windows.whole_since_ms
        async with started(live) as again:
            assert again.state.windows.whole_since_ms == whole_since_ms > 0


async def test_timer_that_fails_ends_the_run_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event loop only logs it: readings that wait for that timer would wait for ever, and nobody would start anything anew."""
    live = LiveGateway(tmp_path, free_port(), tick_ms=50)
    async with started(live) as durable:
        app = assembled(durable, ReluctantSink())

        def fail() -> None:
            raise ValueError("the timer failed")

        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        monkeypatch.setattr(app, "_batch_now", fail)
        app._batch_in(0.0)
        with pytest.raises(ValueError, match="the timer failed"):
            await asyncio.wait_for(app.run(), HANG_S)
