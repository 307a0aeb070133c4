"""The simulator against a real Mosquitto: every reading is acknowledged and counted once, whatever the broker goes through."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware_sim.clock import SimulatedClock
from firmware_sim.load import Load, meter_messages
from firmware_sim.messages import Reading
from firmware_sim.run import Counters, run_fleet
from firmware_sim.scenario import parse_scenario
from firmware_sim.stations import Fleet
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.waiting import HANG_S

START_MS = 1_774_047_600_000
HOUR_MS = 3_600_000
FLEET = Fleet(
    parse_scenario(
        {
            "seed": "s",
            "devices": [
                {"topic": "sim/home/{n}", "kind": "meter", "count": 40},
                {"topic": "sim/air/{n}", "kind": "air-quality", "count": 6},
                {"topic": "sim/noise/{n}", "kind": "noise", "count": 6},
                {"topic": "sim/gate/{n}", "kind": "footfall", "count": 8, "public": True},
            ],
        }
    )
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with the shipped settings."""
    with running_mosquitto(tmp_path) as running:
        yield running


Heard = set[tuple[str, bytes]]


@asynccontextmanager
async def listener(port: int, topics: str) -> AsyncIterator[Heard]:
    """Collect what the broker delivers in one session that outlives connections: each message before it is acknowledged."""
    heard: Heard = set()
    subscribed = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "listener", protocol=mqtt.MQTTv5)
    client.reconnect_delay_set(1, 1)

    def take(_client: mqtt.Client, _data: None, message: mqtt.MQTTMessage) -> None:
        heard.add((message.topic, bytes(message.payload)))

    client.on_message = take
    client.on_subscribe = lambda *_: subscribed.set()
    keep = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    keep.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", port, clean_start=False, properties=keep)
    client.loop_start()
    client.subscribe(topics, qos=1)
    try:
        assert await asyncio.to_thread(subscribed.wait, HANG_S)
        yield heard
    finally:
        await asyncio.to_thread(client.loop_stop)


def readings_until(until_ms: int) -> list[Reading]:
    """Return what the fleet measures before a moment."""
    return [*takewhile(lambda reading: reading.time_ms < until_ms, FLEET.readings(START_MS))]


async def all_heard(heard: Heard, expected: Heard) -> bool:
    """Wait until everything expected has been delivered."""
    await eventually(lambda: len(heard) >= len(expected))
    return heard == expected


def _reached(counters: Counters, mark: int) -> bool:
    return counters.published >= mark


async def eventually(happened: Callable[[], bool], within_s: float = HANG_S) -> None:
    """Wait until something has happened; fails when it doesn't."""
    async with asyncio.timeout(within_s):
        while not happened():  # noqa: ASYNC110  # the counters under test are plain numbers
            await asyncio.sleep(0.005)


async def test_fleet_of_a_day_is_acknowledged_and_counted_to_the_last_reading(broker: Mosquitto) -> None:
    """A day in under two seconds of real time: what is counted is what the sensors measured, and what the broker delivers."""
    measured = readings_until(START_MS + 24 * HOUR_MS)
    counters = Counters()
    async with listener(broker.port, "sim/#") as heard:
        clock = SimulatedClock(START_MS, time.time(), 80_000)
        await run_fleet(
            FLEET, "127.0.0.1", broker.port, clock, asyncio.Event(), counters, from_ms=START_MS, until_ms=START_MS + 24 * HOUR_MS
        )
        assert await all_heard(heard, {(reading.topic, reading.payload) for reading in measured})
    assert counters.published == len(measured)
    assert counters.published_public == sum(reading.public for reading in measured)
    assert (counters.unacknowledged, counters.reconnects, counters.republished) == (0, 0, 0)
    assert set(counters.samples) == {"meter", "air-quality", "noise", "footfall"}


class SteppedClock:
    """A clock that stands until it is set."""

    def __init__(self, now_ms: int) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        """Return the time that it was set to."""
        return self.at_ms


async def test_fleet_follows_its_clock_and_stops_when_told(broker: Mosquitto) -> None:
    """Whatever is due by the clock is published, and nothing that is not; once told to stop, all is acknowledged."""
    clock, stop, counters = SteppedClock(START_MS), asyncio.Event(), Counters()
    task = asyncio.create_task(run_fleet(FLEET, "127.0.0.1", broker.port, clock, stop, counters, from_ms=START_MS))
    for hours in (1, 2, 5):
        due = readings_until(START_MS + hours * HOUR_MS)
        clock.at_ms = START_MS + hours * HOUR_MS - 1
        await eventually(partial(_reached, counters, len(due)))
        assert counters.published == len(due)
        assert max(reading.time_ms for reading in counters.samples.values()) <= clock.now_ms()
    stop.set()
    clock.at_ms += HOUR_MS
    await asyncio.wait_for(task, HANG_S)
    assert counters.unacknowledged == 0
    assert counters.published == len(due)


async def test_fleet_publishes_again_what_a_broker_restart_left_unacknowledged(broker: Mosquitto) -> None:
    """Twice during the day the broker is restarted; each reading is counted once and each is delivered."""
    measured = readings_until(START_MS + 24 * HOUR_MS)
    counters = Counters()
    async with listener(broker.port, "sim/#") as heard:
        clock = SteppedClock(START_MS)
        until_ms = START_MS + 24 * HOUR_MS
        task = asyncio.create_task(
            run_fleet(
                FLEET,
                "127.0.0.1",
                broker.port,
                clock,
                asyncio.Event(),
                counters,
                from_ms=START_MS,
                until_ms=until_ms,
                in_flight=2000,
            )
        )
        before = 0
        for hours in (8, 16):
            clock.at_ms = START_MS + hours * HOUR_MS
            due = len(readings_until(clock.at_ms))
            await eventually(partial(_reached, counters, (before + due) // 2))
            await asyncio.to_thread(broker.restart)
            before = due
        clock.at_ms = until_ms
        await asyncio.wait_for(task, HANG_S)
        assert await all_heard(heard, {(reading.topic, reading.payload) for reading in measured})
    assert counters.published == len(measured)
    assert counters.unacknowledged == 0
    assert counters.reconnects >= 2


@pytest.mark.parametrize("how", ["stop", "cancel"])
async def test_fleet_with_a_silent_broker_counts_what_stays_unacknowledged(broker: Mosquitto, how: str) -> None:
    """A broker that answers nothing any more cannot keep the fleet from ending, nor from saying what it doesn't know of."""
    clock, stop, counters = SimulatedClock(START_MS, time.time(), 20_000), asyncio.Event(), Counters()
    task = asyncio.create_task(run_fleet(FLEET, "127.0.0.1", broker.port, clock, stop, counters, drain_s=0.3))
    await eventually(lambda: counters.published >= 100)
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        before = counters.published
        await asyncio.sleep(0.2)
        stop.set() if how == "stop" else task.cancel()
        await asyncio.wait((task,), timeout=HANG_S)
        assert task.done()
        assert task.cancelled() == (how == "cancel")
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    assert counters.published - before <= 256
    assert counters.unacknowledged > 0
    taken = readings_until(clock.now_ms())
    assert counters.published + counters.unacknowledged <= len(taken)


async def test_fleet_stops_although_the_broker_never_came(tmp_path: Path) -> None:
    """Nothing listens: nothing is published, nothing pretends to be."""
    absent = Mosquitto(tmp_path)
    stop, counters = asyncio.Event(), Counters()
    clock = SimulatedClock(START_MS, time.time(), 10_800)
    task = asyncio.create_task(run_fleet(FLEET, "127.0.0.1", absent.port, clock, stop, counters, drain_s=1))
    await eventually(lambda: counters.reconnects >= 2)
    stop.set()
    await asyncio.wait_for(task, HANG_S)
    assert (counters.published, counters.unacknowledged) == (0, 0)


async def test_load_over_two_connections_is_acknowledged_through_a_broker_restart(broker: Mosquitto) -> None:
    """Every prepared message is acknowledged and delivered, although the broker went away in the middle."""
    messages = meter_messages(6000, 100, START_MS)
    async with listener(broker.port, "load/#") as heard:
        load = Load("127.0.0.1", broker.port, messages, connections=2, rate=2000)  # so that much is left when it goes away
        task = asyncio.create_task(asyncio.to_thread(load.run, HANG_S))
        await eventually(lambda: load.acknowledged >= 1000)
        await asyncio.to_thread(broker.restart)
        result = await task
        assert await all_heard(heard, set(messages))
    assert (result.acknowledged, result.missing, result.refused) == (6000, (), 0)
    assert result.reconnects >= 2


async def test_reading_that_the_broker_refuses_is_not_counted_as_published(tmp_path: Path) -> None:
    """A PUBACK may say no: whoever may not publish has published nothing."""
    rules = tmp_path / "rules"
    rules.write_text("topic read #\n")
    rules.chmod(0o644)
    # With no limit of queued messages, Mosquitto 2.0 ends the connection at the first refusal.
    with running_mosquitto(tmp_path, {"max_queued_messages": "1000"}, f"acl_file {rules}\n") as broker:
        stop, counters = asyncio.Event(), Counters()
        clock = SimulatedClock(START_MS, time.time(), 10_800)
        task = asyncio.create_task(run_fleet(FLEET, "127.0.0.1", broker.port, clock, stop, counters, drain_s=0.2))
        await eventually(lambda: counters.refused >= 20)
        stop.set()
        await asyncio.wait_for(task, HANG_S)
    assert counters.published == 0
    assert counters.unacknowledged >= 20
