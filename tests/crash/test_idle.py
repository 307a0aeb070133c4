"""What a gateway must still do while nothing comes in, so that neither a pause nor a kill in it loses anything."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway import methods
from gateway.app import App
from gateway.core import pipeline
from gateway.core.mqtt_events import Frame
from gateway.core.mqtt_settings import SessionSettings
from gateway.durable import DurableState
from gateway.edge.clock import GatewayClock
from gateway.edge.embedded_broker import embedded_broker
from gateway.edge.mqtt import LinkSettings
from gateway.edge.sinks import Sink
from tests.broker.mosquitto import free_port
from tests.live import LiveGateway

WAIT_S = 10.0


class ReluctantSink(Sink):
    """A sink that is connected, and takes no bundle until it has been asked often enough."""

    def __init__(self, refusals: int) -> None:
        settings = LinkSettings(host="127.0.0.1", port=free_port(), session=SessionSettings(client_id="reluctant"))
        super().__init__("city", settings, lambda _: None, lambda: None)
        self.refusals = refusals
        self.taken: list[int] = []

    @property
    def connected(self) -> bool:
        """Say that it is, always."""
        return True

    def try_send(self, index: int, topic: str, content: bytes, origin: str) -> bool:
        """Refuse, or take."""
        self.refusals -= 1
        if self.refusals >= 0:
            return False
        self.taken.append(index)
        return True


@asynccontextmanager
async def started(live: LiveGateway) -> AsyncIterator[DurableState]:
    """Open a gateway's state in this process."""
    durable = DurableState(live.place, live.keys, GatewayClock(live.place.config.clock))
    await durable.start()
    try:
        yield durable
    finally:
        await durable.close()


@asynccontextmanager
async def running(app: App) -> AsyncIterator[None]:
    """Run an application; at the end it is cut off, as by a kill."""
    task = asyncio.create_task(app.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object]) -> None:
    """Wait for something."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come about"
        await asyncio.sleep(0.01)


async def test_bundle_that_its_sink_did_not_take_is_offered_again_while_nothing_comes_in(tmp_path: Path) -> None:
    """A connection that breaks between the forming and the handing over delays a bundle, and does not strand it."""
    live = LiveGateway(tmp_path, free_port(), tick_ms=50)
    async with started(live) as durable:
        row = {"profile": "footfall", "zone": "north-quay", "topic": "t/gate", "subject": "none"}
        methods.call(durable, "device.add", {"devices": [row]})
        now_ms = durable.clock.now_ms() + 1000
        payload = b'{"t":%d,"seq":1,"boot":1,"count":3}' % (now_ms // 1000)
        frame = Frame("t/gate", payload, 1, duplicate=False, retain=False, generation=1)
        pipeline.take_frames(durable.state, [frame], now_ms)
        await durable.commit()
        app = App(durable)
        sink = app.sinks["city"] = ReluctantSink(refusals=8)
        async with running(app):
            await until(lambda: sink.taken)
            await until(lambda: durable.state.handed)
        assert sink.taken == list(durable.state.handed)


async def test_session_lost_is_durable_before_any_frame_comes_in(tmp_path: Path) -> None:
    """Windows that began before a lost session miss readings; a kill before the next batch must not make them whole again."""
    async with embedded_broker() as port:
        live = LiveGateway(tmp_path, port, tick_ms=3_600_000)
        async with started(live) as durable:
            async with running(App(durable)):
                await until(lambda: durable.state.windows.whole_since_ms and not durable.must_commit())
                await asyncio.sleep(0.1)
            whole_since_ms = durable.state.windows.whole_since_ms
        async with started(live) as again:
            assert again.state.windows.whole_since_ms == whole_since_ms > 0
