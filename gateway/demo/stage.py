"""The demo's course: broker, gateway, portal, sensors, recipients; one of these gets a second key, a household withdraws; the log
is verified and replayed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consent.control import RefusedError
from firmware_sim.run import Counters, run_fleet
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.notes import Verifier
from gateway.audit.log.reader import LogReader, OpeningsReader
from gateway.audit.replay.replay import Replay
from gateway.audit.replay.report import ReplayReport
from gateway.audit.verify.age import AuditTime
from gateway.audit.verify.report import Report
from gateway.audit.verify.trust import Anchors, open_checkpoint
from gateway.audit.verify.verify import verify_folder
from gateway.demo.city import SCOPE, DemoCity, make_city
from gateway.demo.embedded_broker import embedded_broker
from gateway.demo.gateway_process import GatewayProcess
from gateway.demo.listener import Listened, Listeners
from gateway.demo.measured import Compared, Measured
from gateway.demo.portal_process import PortalProcess, portal_address
from gateway.demo.second_key import SecondKey, add_second_key
from gateway.edge.clock import GatewayClock
from gateway.errors import SluiceError

STATUS_EVERY_S = 0.5
WITHDRAWAL_S = 30.0
"""A household withdraws when two thirds of the time are over, but no later than this."""
SECOND_KEY_S = 10.0
"""A recipient gets its second key when a third of the time is over, but no later than this; in no time, none."""
DRAIN_S = 60.0
STILL = 3
"""Unchanged states in a row after which the gateway counts as drained."""


@dataclass(slots=True)
class DemoScene:
    """The live state of the demo, as the screen shows it.

    Attributes:
        status: The gateway's latest status.
        phase: What is happening, in a few words.
        report: What the verification of the log found.
        replayed: What its replay found; None before, and where the log did not verify.
        measured: What the homes' meters measured.
        portal: The public's pages; None where a scene has none.
        second_key: Of the energy office; None before it has one.
    """

    city: DemoCity
    clock: GatewayClock
    sensors: Counters
    heard: Listened
    process: GatewayProcess
    ends_at_s: float
    began_at_s: float
    status: dict[str, Any] = field(default_factory=dict)
    phase: str = "starting"
    withdrawal_ms: float = 0.0
    withdrawn_at_index: int = -1
    report: Report | None = None
    replayed: ReplayReport | None = None
    portal: PortalProcess | None = None
    second_key: SecondKey | None = None
    measured: Measured = field(init=False)

    def __post_init__(self) -> None:
        """Measure what the homes of the city do."""
        self.measured = Measured(self.city.permitting, self.city.withdrawing_meter)

    def compared(self) -> list[Compared]:
        """Return the figures of meters that have come, each beside what it was made of."""
        return self.measured.compared(list(self.heard.figures), lambda index: 0 <= self.withdrawn_at_index < index)


@dataclass(frozen=True, slots=True)
class Options:
    """The demo's options, checked.

    Attributes:
        seconds: How long sensors publish, start-up included; None: until stopped.
        broker: (host, port) of a running broker; None: an embedded one.
        portal_port: Where the portal listens; 0: at a free port.
    """

    folder: Path
    seconds: float | None
    broker: tuple[str, int] | None
    start_ms: int
    rate: float
    portal_port: int = 0


async def play(options: Options, stop: asyncio.Event, show: Callable[[DemoScene], None]) -> DemoScene:
    """Run the demo to its end.

    Args:
        options: The options.
        stop: Set to end early; everything still drains and is audited.
        show: Called whenever the scene has changed.

    Returns:
        The final scene, with the audit's report.

    Raises:
        SluiceError: when a part of it failed.
    """
    began_at_s = time.time()
    async with _broker(options) as (host, port):
        city = await make_city(options.folder, host, port, options.start_ms, options.rate, portal_address(options.portal_port))
        listeners = Listeners(city, host, port)
        process = GatewayProcess(city.folder, city.place.control_socket)
        ends_at_s = began_at_s + options.seconds if options.seconds is not None else float("inf")
        clock = GatewayClock(city.place.config.clock)
        scene = DemoScene(city, clock, Counters(), listeners.heard, process, ends_at_s, began_at_s)
        scene.portal = PortalProcess(city.folder, city.place)
        await listeners.introduce()
        async with _background(process.run(), "gateway") as gateway, _background(scene.portal.run(), "portal"):
            hearing = asyncio.Event()
            async with _background(listeners.run(hearing), "listeners") as listening:
                await _connected(scene, gateway)
                await _publish(scene, host, port, stop, show, [gateway, listening])
                await _drain(scene, listeners, show, [gateway, listening])
                await process.stop()
                hearing.set()
                await listening
    scene.phase = "auditing"
    show(scene)
    scene.report = await asyncio.to_thread(verify_folder, city.place.log, city.vkey, city.place.openings)
    if scene.report.ok:
        scene.phase = "replaying"
        show(scene)
        scene.replayed = await asyncio.to_thread(_replay, city, clock.now_ms())
    scene.phase = "done"
    show(scene)
    return scene


def _replay(city: DemoCity, now_ms: int) -> ReplayReport:
    """Make every decision to release again, as an auditor would; the log is aged by the simulated clock that made it."""
    openings = city.place.openings
    assert openings is not None
    reader, verifier = LogReader(city.place.log), Verifier.parse(city.vkey)
    checkpoint, _ = open_checkpoint(reader.checkpoint(), Anchors(verifier))
    return Replay(reader, checkpoint, LogKeys(verifier), OpeningsReader(openings), at=AuditTime(now_ms)).run()


@asynccontextmanager
async def _broker(options: Options) -> AsyncIterator[tuple[str, int]]:
    if options.broker is not None:
        yield options.broker
        return
    async with embedded_broker() as port:
        yield "127.0.0.1", port


@asynccontextmanager
async def _background(work: Any, name: str) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _check(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()
            raise SluiceError(f"the {task.get_name()} ended too early")


async def _connected(scene: DemoScene, gateway: asyncio.Task[None]) -> None:
    """Wait until the gateway has subscribed, since earlier readings would not reach it."""
    while True:
        _check([gateway])
        scene.status = await scene.process.call("status")
        if scene.status["broker"]["dry"] and all(sink["connected"] for sink in scene.status["sinks"].values()):
            return
        await asyncio.sleep(0.05)


async def _publish(
    scene: DemoScene,
    host: str,
    port: int,
    stop: asyncio.Event,
    show: Callable[[DemoScene], None],
    others: list[asyncio.Task[None]],
) -> None:
    """Run the sensors until the time is up or ``stop`` is set; a recipient gets a second key, and a household withdraws."""
    scene.phase = "sensors publish"
    start_ms = max(scene.clock.starts_ms, scene.clock.now_ms())  # what a slow start has missed would only come late
    ending = asyncio.Event()
    sensors = asyncio.create_task(
        run_fleet(scene.city.fleet, host, port, scene.clock, ending, scene.sensors, from_ms=start_ms, record=scene.measured.take),
        name="sensors",
    )
    span_s = scene.ends_at_s - scene.began_at_s
    renews_at_s = scene.began_at_s + min(span_s / 3, SECOND_KEY_S)
    withdraws_at_s = scene.began_at_s + min(span_s * 2 / 3, WITHDRAWAL_S)
    try:
        while time.time() < scene.ends_at_s and not stop.is_set():
            _check([sensors, *others])
            if time.time() >= renews_at_s and scene.second_key is None:
                scene.second_key = await add_second_key(scene.city, scene.process)
            if time.time() >= withdraws_at_s and scene.withdrawn_at_index < 0:
                await _withdraw(scene)
            scene.status = await scene.process.call("status")
            show(scene)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), STATUS_EVERY_S)
        if scene.withdrawn_at_index < 0:
            await _withdraw(scene)
    finally:
        ending.set()
        scene.phase = "draining"
        await sensors


async def _withdraw(scene: DemoScene) -> None:
    params = {"subject": scene.city.withdrawing, "scope": SCOPE}
    began_s = time.perf_counter()
    try:
        answer = await scene.process.call("consent.withdraw", params)
    except RefusedError:  # a gateway killed between commit and answer has already withdrawn it
        shown = await scene.process.call("consent.show", {"subject": scene.city.withdrawing})
        found = [row for row in shown["consents"] if row["scope"] == SCOPE and row["status"] == "Withdrawn"]
        if not found:
            raise
        answer = found[-1]
    scene.withdrawal_ms = (time.perf_counter() - began_s) * 1000
    scene.withdrawn_at_index = answer["log_index"]


async def _drain(
    scene: DemoScene, listeners: Listeners, show: Callable[[DemoScene], None], others: list[asyncio.Task[None]]
) -> None:
    """Wait until everything published has been received, and everything that may leave has arrived."""
    deadline_s = time.time() + DRAIN_S
    seen: tuple[int, ...] = ()
    still = 0
    while still < STILL:
        _check(others)
        if time.time() > deadline_s:
            raise SluiceError(f"nothing has come to rest within {DRAIN_S:.0f} s; see `{scene.city.folder / 'gateway.log'}`")
        scene.status = await scene.process.call("status")
        show(scene)
        ledger = scene.status["ledger"]
        now = (ledger.get("frames.received", 0), ledger.get("bundles.acknowledged", 0), listeners.heard.public_records)
        quiet = scene.status["outbox_rows"] == scene.status["bundles_under_way"] == listeners.waiting == 0
        ready = quiet and scene.status["broker"]["dry"] and now[0] >= scene.sensors.published
        still = still + 1 if ready and now == seen else 0
        seen = now
        await asyncio.sleep(STATUS_EVERY_S)
