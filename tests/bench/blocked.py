"""One action in a gateway of its own process, and how long others wait meanwhile: what ``tests.bench.blocks`` starts for each.

The gateway is ``gateway.app`` on its real database and log; only the two brokers are stand-ins within the process, so that it is
known to the millisecond when a reading came and when it was acknowledged. Beside the action a reading comes every few
milliseconds, and now and then a household withdraws; each wait counts from when its turn had come, whether or not the loop was
free to let it begin. Nothing but the gateway itself is loaded here, so that the process's memory is a gateway's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import uvloop
from msgspec import Raw

from consent.control import ControlRequest, answered
from consent.instants import parse_utc_ms
from consent.messages import Id, Parameters, Word, encode
from gateway.app import Gateway
from gateway.config import load_config
from gateway.control.doors import ControlDoor
from gateway.core.mqtt.events import Connected, Drained, Frame, LinkEvent
from gateway.core.release.publication import next_due
from gateway.durable.configured import keys_of, start
from gateway.durable.state import Durable
from gateway.edge.allocator import return_large_blocks
from gateway.edge.broker_terms import BrokerTerms
from gateway.edge.loggers import structlog
from gateway.edge.sinks.port import Acknowledged, Outgoing, Wake
from tests.bench.blocked_changes import CHANGES

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_INTAKE_EVERY_S: Final = 0.02
_WITHDRAWAL_EVERY_S: Final = 1.0
_HOLDS_EVERY_S: Final = 0.002
_WITHDRAWALS: Final = 10
_BATCH: Final = 500
_LONGEST_S: Final = 900.0
_PEAK: Final = Path("/proc/self/clear_refs")
_LOOK_S: Final = 0.05
_LATENESS_MS: Final = 900_000
RECIPIENT: Final = "city-energy"
_FIRST_DAY_MS: Final = parse_utc_ms("2026-05-02T00:00:00Z")


class BenchLink:
    """A broker's stand-in: what is pushed waits to be taken, and whoever pushed it learns when it is acknowledged."""

    connected = True
    problem = None
    subscriptions: tuple[str, ...] = ()
    silent_s = 0.0

    def __init__(self, on_event: Callable[[LinkEvent], None], wake: Callable[[], None]) -> None:
        self._on_event, self._wake = on_event, wake
        self._frames: deque[Frame] = deque()
        self._acknowledged: dict[int, asyncio.Future[None]] = {}
        self._last = 0
        self.counters: Counter[str] = Counter()
        self.terms = BrokerTerms()

    @property
    def waiting(self) -> int:
        """How many frames can be taken."""
        return len(self._frames)

    def unsubscribe(self, patterns: Sequence[str]) -> None:
        """Nothing is subscribed to."""

    def mark(self) -> None:
        """Say at once that the queue has run dry."""
        self._on_event(Drained(1))

    def push(self, topic: str, payload: bytes) -> asyncio.Future[None]:
        """Have a message arrive; return what is done once it is acknowledged."""
        self._last = self._last % 65_535 + 1
        self._frames.append(Frame(topic, payload, self._last, duplicate=False, retain=False, generation=1))
        done = self._acknowledged[self._last] = asyncio.get_running_loop().create_future()
        self._wake()
        return done

    def rest(self, seconds: float) -> None:
        """There is no socket that could be left unread."""

    def take_frames(self, limit: int) -> list[Frame]:
        """Remove and return the oldest frames."""
        return [self._frames.popleft() for _ in range(min(limit, len(self._frames)))]

    def acknowledge(self, packet_ids: Sequence[int], generation: int) -> None:
        """Tell those who pushed them."""
        for packet_id in packet_ids:
            if not (done := self._acknowledged.pop(packet_id)).done():
                done.set_result(None)

    async def run(self) -> None:
        """Be connected, with nothing queued."""
        self._on_event(Connected(1, session_present=True, session_expiry_s=3600))
        self._on_event(Drained(1))
        await asyncio.get_running_loop().create_future()


class BenchSink:
    """A recipient's broker's stand-in: away until it is told otherwise, then it acknowledges each bundle at once."""

    ids_bound = None
    problem = None

    def __init__(self, acknowledged: Acknowledged, wake: Wake) -> None:
        self._acknowledged, self._wake = acknowledged, wake
        self.connected = False
        self.counters: Counter[str] = Counter()
        self.sizes: list[int] = []

    def appear(self) -> None:
        """Be connected from now on."""
        self.connected = True
        self._wake()

    def offer(self, bundle: Outgoing) -> bool:
        """Take a bundle, and acknowledge it in the next turn of the loop."""
        self.sizes.append(len(bundle.content))
        asyncio.get_running_loop().call_soon(self._acknowledge, bundle.index)
        return True

    def _acknowledge(self, index: int) -> None:
        self._acknowledged(index)
        self._wake()

    def send_again(self, bundle: Outgoing) -> None:
        """Nothing is sent twice."""

    def flush(self) -> None:
        """Nothing waits."""

    async def run(self) -> None:
        """Stay as it is."""
        await asyncio.get_running_loop().create_future()


@dataclass(slots=True)
class Waits:
    """How long everything waited, in seconds, and what the action itself has to tell.

    Attributes:
        held_cpu_s: For how much CPU time the loop went on without looking up: unlike the others it depends little on who else
            uses the machine.
    """

    intake_s: list[float] = field(default_factory=list)
    withdrawal_s: list[float] = field(default_factory=list)
    held_cpu_s: float = 0.0
    told: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Blocked:
    """A running gateway, and what acts on it.

    Attributes:
        homes: The subject of each household, by its number.
        folder: The gateway's.
    """

    durable: Durable
    app: Gateway
    link: BenchLink
    sink: BenchSink
    homes: list[bytes]
    folder: Path
    waits: Waits = field(default_factory=Waits)
    _is_over: bool = False

    async def ask(self, method: str, params: Any) -> Any:
        """Ask the gateway as its operator."""
        return await ControlDoor(self.app).answer(method, params)

    async def ask_by_line(self, method: str, params: Parameters) -> bytes:
        """Ask the same over the control socket, but for the socket: the answer is made a line."""
        request = ControlRequest("2.0", method, 1, Raw(encode(params)))
        return answered(request.id, await ControlDoor(self.app).answer_request(request))

    async def report(self, begin_ms: int, hours: int, *, singly: bool = False) -> None:
        """Have all households report once an hour, while the clock goes on."""
        clock = self.durable.clock
        for hour_ms in range(begin_ms, begin_ms + hours * HOUR_MS, HOUR_MS):
            clock.advance(hour_ms + 60_000)
            for first in range(0, len(self.homes), _BATCH):
                numbers = range(first, min(first + _BATCH, len(self.homes)))
                await asyncio.wait([self.link.push(*reading_of(number, hour_ms, singly=singly)) for number in numbers])

    async def quiet(self) -> None:
        """Wait until nothing is under way, and count the memory from now on."""
        await self.ask("status", {})
        gc.collect()
        _PEAK.write_text("5")  # Linux begins to count the most anew

    def peak_mib(self) -> float:
        """Return the most memory that the process has held since ``quiet``."""
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

    async def released(self) -> None:
        """Let the city's broker appear, and wait until all has left that may leave by now."""
        state = self.durable.state
        self.sink.appear()
        await self.app.ask(lambda: None, tick=True)
        while True:
            await asyncio.sleep(_LOOK_S)
            is_due = next_due(state, RECIPIENT) is not None or any(state.windows.ended())
            if not is_due and not state.inflight and not any(state.outbox.waiting.values()) and self.sink.sizes:
                return

    async def beside(self, action: Awaitable[None]) -> None:
        """Run an action while readings come and households withdraw; then note the waits."""
        works = (self._readings(), self._withdrawals(), self._look_at_holds())
        probes = [asyncio.create_task(work) for work in works]
        await asyncio.sleep(2 * _INTAKE_EVERY_S)
        try:
            await asyncio.wait_for(action, _LONGEST_S)
            self._is_over = True
            await asyncio.gather(*probes)  # what came before the end is waited for
        finally:
            for probe in probes:
                probe.cancel()

    async def _readings(self) -> None:
        """Have a reading come again and again, of one household after another."""
        for number in count():
            if self._is_over and self.waits.intake_s:
                return
            due_s = time.perf_counter() + _INTAKE_EVERY_S
            await asyncio.sleep(_INTAKE_EVERY_S)
            await self.link.push(*reading_of(number % len(self.homes), self.durable.clock.now_ms()))
            self.waits.intake_s.append(time.perf_counter() - due_s)

    async def _look_at_holds(self) -> None:
        """Note for how much CPU time the loop's thread is held at a time."""
        while not self._is_over:
            held_since_s = time.thread_time()
            await asyncio.sleep(_HOLDS_EVERY_S)
            self.waits.held_cpu_s = max(self.waits.held_cpu_s, time.thread_time() - held_since_s)

    async def _withdrawals(self) -> None:
        """Have some households withdraw, one after another: whatever is drawn aside is then drawn anew, without them."""
        for home in self.homes[: -_WITHDRAWALS - 1 : -1]:
            due_s = time.perf_counter() + _WITHDRAWAL_EVERY_S
            await asyncio.sleep(_WITHDRAWAL_EVERY_S)
            if self._is_over:
                return
            await self.ask("consent.withdraw", Word(subject=Id(home), scope="purpose:energy-planning"))
            self.waits.withdrawal_s.append(time.perf_counter() - due_s)


def reading_of(number: int, t_ms: int, *, singly: bool = False) -> tuple[str, bytes]:
    """Return a message of a household's meter.

    Args:
        number: The household's.
        t_ms: Of the reading.
        singly: Whether it also tells what leaves reading by reading.
    """
    wh = 100 + (number * 7919 + t_ms // HOUR_MS * 131) % 900
    values: dict[str, Any] = {"t": t_ms, "kwh": wh / 1000, "litres": 5 + number % 7} | ({"temp": 20} if singly else {})
    return f"t/{number}", json.dumps(values).encode()


async def tick(city: Blocked) -> None:
    """Let the city's broker come back after a day, at whose end all windows of it end, until all has left that may."""
    await city.report(_FIRST_DAY_MS, 24)
    await city.quiet()
    city.durable.clock.advance(_FIRST_DAY_MS + DAY_MS + _LATENESS_MS)
    await city.beside(city.released())


async def records(city: Blocked) -> None:
    """Let the city's broker come back when a reading of each household waits that leaves by itself."""
    await city.report(_FIRST_DAY_MS, 1, singly=True)
    await city.quiet()
    began_s = time.perf_counter()
    await city.released()
    taken_s = time.perf_counter() - began_s
    released = city.durable.state.ledger.sum("pairs.released")
    city.waits.told["records_per_s"] = round(released / taken_s)


ACTIONS: Final[Mapping[str, Callable[[Blocked], Awaitable[None]]]] = {"tick": tick, "records": records, **CHANGES}
"""By name: prepares, and does what is measured within ``Blocked.beside``."""


async def run(action: str, folder: Path) -> dict[str, Any]:
    """Run an action in a gateway that knows its households and does not run; return its row of the result."""
    place = load_config(folder / "gateway.toml")
    durable = await start(place, keys_of(place))
    links, sinks = list[BenchLink](), list[BenchSink]()

    def link(on_event: Callable[[LinkEvent], None], wake: Callable[[], None]) -> BenchLink:
        links.append(BenchLink(on_event, wake))
        return links[0]

    def sink(acknowledged: Acknowledged, wake: Wake) -> dict[str, BenchSink]:
        sinks.append(BenchSink(acknowledged, wake))
        return {"city": sinks[0]}

    try:
        gc.collect()
        gc.freeze()  # as the gateway does when it has started
        app = Gateway(durable, link, sink)
        homes = [device.subject or b"" for device in durable.state.registry.devices.values()]
        city = Blocked(durable, app, links[0], sinks[0], homes, folder)
        task = asyncio.create_task(app.run())
        try:
            done, _ = await asyncio.wait(
                [task, asyncio.ensure_future(ACTIONS[action](city))], return_when=asyncio.FIRST_COMPLETED
            )
            for each in done:
                each.result()
            if task.done():
                raise RuntimeError("the gateway ended")
        finally:
            app.stop()
            await asyncio.wait([task])
        assert durable.state.ledger.imbalances() == []
        return {"action": action, "households": len(homes), **_in_ms(city.waits), "peak_mib": round(city.peak_mib(), 1)}
    finally:
        await durable.close()


def _in_ms(waits: Waits) -> dict[str, float]:
    return {
        "intake_ms": round(1000 * max(waits.intake_s, default=0.0)),
        "withdrawal_ms": round(1000 * max(waits.withdrawal_s, default=0.0)),
        "held_cpu_ms": round(1000 * waits.held_cpu_s),
        **waits.told,
    }


def main(arguments: list[str]) -> int:
    """Run one action; write its row as a line of JSON."""
    action, folder = arguments
    return_large_blocks()  # as the gateway does when it starts
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(action, Path(folder)))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
