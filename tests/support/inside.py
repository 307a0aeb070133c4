"""A gateway's parts run inside the test's own process, where a kill is a cancellation and a restart is a second one.

Quicker than processes, and the test can look into the state, set the clock, and stand in for the sink.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateway.app import Gateway
from gateway.config import Clock
from gateway.core import pipeline
from gateway.core.mqtt.events import Frame
from gateway.durable.configured import start
from gateway.durable.state import Durable
from gateway.edge.clock import GatewayClock
from gateway.edge.connections import broker_link
from gateway.edge.link import BrokerLink
from gateway.edge.sinks.configured import configured_sinks
from gateway.edge.sinks.port import Acknowledged, Outgoing, Sink, Wake
from tests.support.asking import Answer, begin
from tests.support.checking import check_here
from tests.support.live import LiveGateway
from tests.support.waiting import HANG_S


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

    def shown_ms(self) -> int:
        """Tell what was set."""
        self.asked += 1
        return self.time_ms


class ReluctantSink:
    """A sink that is connected, and takes no bundle until it has been asked often enough; nobody acknowledges what it took.

    Attributes:
        away: Set to have it lose its connection.
        taken: By log index, what it took.
    """

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.away = False
        self.taken: dict[int, bytes] = {}

    @property
    def connected(self) -> bool:
        """Whether it is, as the test has it."""
        return not self.away

    ids_bound = None
    problem = None

    @property
    def counters(self) -> Counter[str]:
        """Nothing happens to its connection."""
        return Counter()

    def offer(self, bundle: Outgoing) -> bool:
        """Refuse, or take."""
        self.refusals -= 1
        if self.refusals >= 0:
            return False
        self.taken[bundle.index] = bundle.content
        return True

    def send_again(self, bundle: Outgoing) -> None:
        """Nothing goes out a second time."""

    def flush(self) -> None:
        """Nothing waits."""

    async def run(self) -> None:
        """Stay connected."""
        await asyncio.Event().wait()


def assembled(durable: Durable, sink: Sink | None = None, link: BrokerLink | None = None) -> Gateway:
    """Return a gateway as `sluice run` puts it together, but for a sink or link of the test's own."""

    def sinks(acknowledged: Acknowledged, wake: Wake) -> dict[str, Sink]:
        return configured_sinks(durable.place, acknowledged, wake) if sink is None else {"city": sink}

    return Gateway(durable, lambda *told: broker_link(durable.place, *told) if link is None else link, sinks)


@asynccontextmanager
async def started(live: LiveGateway, clock: GatewayClock | None = None) -> AsyncIterator[Durable]:
    """Open a gateway's state in this process."""
    durable = await start(live.place, live.keys, clock, check=check_here)
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
    return await app.ask(lambda: begin(app.durable, method, params or {}), tick=tick)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something."""
    deadline_s = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come about"
        await asyncio.sleep(0.01)


def take(durable: Durable, topic: str, payload: bytes) -> None:
    """Take one frame in."""
    frame = Frame(topic, payload, 1, duplicate=False, retain=False, generation=1)
    pipeline.take_frames(durable.state, [frame], durable.clock.now_ms())
