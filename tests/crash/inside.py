"""A gateway's parts run inside the test's own process, where a kill is a cancellation and a restart is a second one.

Quicker than processes, and the test can look into the state, set the clock, and stand in for the sink.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateway.app import Gateway
from gateway.config import Clock
from gateway.core.mqtt.settings import SessionSettings
from gateway.durable.state import DurableState
from gateway.edge.clock import GatewayClock
from gateway.edge.mqtt import LinkSettings
from gateway.edge.sinks.mqtt import Sink
from tests.broker.mosquitto import free_port
from tests.live import LiveGateway
from tests.support.asking import Answer, call

WAIT_S = 10.0


class SetClock(GatewayClock):
    """A clock that the test sets, backwards too.

    Attributes:
        time_ms: What it tells.
        asked: How often it has been asked, which a gateway does at every tick.
    """

    def __init__(self, time_ms: int) -> None:
        super().__init__(Clock())
        self.time_ms = time_ms
        self.asked = 0

    def now_ms(self) -> int:
        """Tell what was set."""
        self.asked += 1
        return self.time_ms


class ReluctantSink(Sink):
    """A sink that is connected, and takes no bundle until it has been asked often enough; nobody acknowledges what it took.

    Attributes:
        away: Set to have it lose its connection.
        taken: By log index, what it took.
    """

    def __init__(self, refusals: int = 0) -> None:
        settings = LinkSettings(host="127.0.0.1", port=free_port(), session=SessionSettings(client_id="reluctant"))
        super().__init__("city", settings, lambda _: None, lambda: None)
        self.refusals = refusals
        self.away = False
        self.taken: dict[int, bytes] = {}

    @property
    def connected(self) -> bool:
        """Say that it is, unless told otherwise."""
        return not self.away

    def try_send(self, index: int, topic: str, content: bytes, origin: str) -> bool:
        """Refuse, or take."""
        self.refusals -= 1
        if self.refusals >= 0:
            return False
        self.taken[index] = content
        return True


@asynccontextmanager
async def started(live: LiveGateway, clock: GatewayClock | None = None) -> AsyncIterator[DurableState]:
    """Open a gateway's state in this process."""
    durable = DurableState(live.place, live.keys, clock or GatewayClock(live.place.config.clock))
    await durable.start()
    try:
        yield durable
    finally:
        await durable.close()


@asynccontextmanager
async def running(app: Gateway) -> AsyncIterator[None]:
    """Run an application; at the end it is cut off, as by a kill."""
    task = asyncio.create_task(app.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ask(app: Gateway, method: str, params: dict[str, Any] | None = None, *, tick: bool = False) -> Answer:
    """Ask a running application, as over its control socket."""
    return await app.ask(lambda: call(app.durable, method, params or {}), tick=tick)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come about"
        await asyncio.sleep(0.01)
