"""Readings without a time that wait in Mosquitto while the gateway is away or takes nothing in, told by a clock that stands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware_sim.load import Load
from gateway import app as gateway_app
from gateway.app import Gateway
from gateway.config import load_config
from gateway.durable.state import Durable
from gateway.recipient.opening import open_bundle
from tests.support.city import city
from tests.support.inside import SetClock, ask, assembled, running, started, until
from tests.support.live import Listener, LiveGateway
from tests.support.mosquitto import running_mosquitto
from tests.support.waiting import HANG_S

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
T = 1_772_409_600_000 + HOUR_MS
"""2026-03-02T01:00:00Z, at the beginning of an hour."""
TOPIC = "t/mill/timeless"
POLICIES = (
    city()
    .ceiling(identity="per-record", space="block")
    .district("north")
    .zone("mill", "north")
    .measures("temperature")
    .purpose("streets", legal_basis="public-task")
    .recipient("public", sealed=False)
    .flow(
        "single",
        "temperature",
        purpose="streets",
        recipient="public",
        identity="per-record",
        time="exact",
        space="block",
        retention=30,
    )
    .flow(
        "hourly",
        "temperature",
        statistic="count",
        purpose="streets",
        recipient="public",
        identity="aggregate",
        time="1h",
        space="block",
        group=1,
        retention=30,
    )
    .device("timeless", {"temperature": "temp"}, "")
    .files()
)


@asynccontextmanager
async def run(live: LiveGateway, clock: SetClock) -> AsyncIterator[tuple[Durable, Gateway]]:
    """Run the gateway until the context ends, and then cut it off as by a kill."""
    async with started(live, clock) as durable:
        app = assembled(durable)
        async with running(app):
            yield durable, app


async def publish(port: int, count: int) -> None:
    """Publish readings, and wait for the broker's acknowledgements."""
    messages = [(TOPIC, b'{"temp":%d}' % n) for n in range(count)]
    result = await asyncio.to_thread(Load("127.0.0.1", port, messages).run, HANG_S)
    assert result.acknowledged == count


async def received(durable: Durable, count: int) -> None:
    """Wait until so many readings have been taken, the queue is dry, and what may leave has left."""
    state = durable.state
    await until(lambda: state.ledger.totals.get("frames.received") == count and not state.arrivals.waited)
    await until(lambda: not sum(state.outbox.waiting.values()) and not state.inflight)


def told(listener: Listener, flow: str) -> list[tuple[int, int]]:
    """Return the times of a flow's records, in whole minutes since `T`: a moment of silence comes off the last dry one."""
    listener.catch_up()
    records = [
        record for index, (_, content) in listener.bundles().items() for record in open_bundle(content, None, index).records
    ]
    times = [record.phenomenon_time for record in records if record.flow == flow]
    return sorted((round((begin_ms - T) / MINUTE_MS), round((end_ms - T) / MINUTE_MS)) for begin_ms, end_ms in times)


async def test_mosquitto_readings_that_waited_get_their_span_over_two_kills(tmp_path: Path) -> None:
    """The first wait lies within an hour and counts there; the second crosses its end, and single readings alone leave."""
    with running_mosquitto(tmp_path) as broker:
        live = LiveGateway(tmp_path / "gateway", broker.port, policies=POLICIES, tick_ms=50)
        listener, clock = Listener(broker.port, live.gateway), SetClock(T - MINUTE_MS)
        try:
            async with run(live, clock) as (durable, app):
                row = {"profile": "timeless", "zone": "mill", "topic": TOPIC, "owner": "city", "subject": "none"}
                await ask(app, "device.add", {"devices": [row]})
                await until(lambda: durable.state.drained)
                clock.time_ms = T + 20 * MINUTE_MS
                await publish(broker.port, 1)
                await received(durable, 1)
            await publish(broker.port, 2)
            clock.time_ms = T + 40 * MINUTE_MS
            async with run(live, clock) as (durable, app):
                await received(durable, 3)
                assert "pairs.withheld.undated" not in durable.state.ledger.totals
            await publish(broker.port, 4)
            clock.time_ms = T + 65 * MINUTE_MS
            async with run(live, clock) as (durable, app):
                await received(durable, 7)
                await publish(broker.port, 1)
                await received(durable, 8)
                assert durable.state.ledger.totals["pairs.withheld.undated"] == 4
                windows = sorted((window.start_ms - T, window.pairs()) for window in durable.state.windows)
                assert windows == [(0, 3), (HOUR_MS, 1)]
                assert durable.state.ledger.imbalances() == []
            assert told(listener, "single") == [(20, 20), (20, 40), (20, 40), *[(40, 65)] * 4, (65, 65)]
        finally:
            listener.close()


async def test_mosquitto_readings_that_waited_for_intake_get_their_span(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected all the time: what came while nothing was taken in is dated no better, until the queue is dry once more."""
    monkeypatch.setattr(gateway_app, "INTAKE_RETRY_S", 0.02)
    with running_mosquitto(tmp_path) as broker:
        live = LiveGateway(tmp_path / "gateway", broker.port, policies=POLICIES, tick_ms=50)
        clock, full = SetClock(T - MINUTE_MS), [False]
        async with run(live, clock) as (durable, app):
            monkeypatch.setattr(app.intake, "_reason", lambda: "the test" if full[0] else "")
            row = {"profile": "timeless", "zone": "mill", "topic": TOPIC, "owner": "city", "subject": "none"}
            await ask(app, "device.add", {"devices": [row]})
            await until(lambda: durable.state.drained)
            clock.time_ms = T + 10 * MINUTE_MS
            await ask(app, "policy.show", tick=True)
            full[0] = True
            await publish(broker.port, 2)
            await until(lambda: durable.state.arrivals.waited)
            clock.time_ms = T + 70 * MINUTE_MS
            full[0] = False
            await received(durable, 2)
            await publish(broker.port, 1)
            await received(durable, 3)
            assert durable.state.ledger.totals["pairs.withheld.undated"] == 2
            assert [(window.start_ms - T, window.pairs()) for window in durable.state.windows] == [(HOUR_MS, 1)]


async def test_mosquitto_filter_that_the_configuration_no_longer_names_brings_nothing(tmp_path: Path) -> None:
    """The broker keeps subscriptions with the session: one that was taken out would bring each message a second time."""
    with running_mosquitto(tmp_path) as broker:
        both = ("t/+/timeless", "t/mill/+")
        live = LiveGateway(tmp_path / "gateway", broker.port, policies=POLICIES, tick_ms=50, filters=both)
        clock = SetClock(T)
        async with run(live, clock) as (durable, app):
            await until(lambda: durable.state.drained)
            await publish(broker.port, 1)
            await until(lambda: durable.state.ledger.totals.get("frames.received") == 2)
            assert durable.state.ledger.totals["frames.rejected.copy"] == 1
            await ask(app, "policy.show", tick=True)  # answered once what came before is durable
        live.config.write_text(live.config.read_text().replace(f"filters = {json.dumps(list(both))}", 'filters = ["t/#"]'))
        live.place = load_config(live.config)
        async with run(live, clock) as (durable, app):
            await until(lambda: durable.state.drained)
            assert durable.state.subscriptions == ("t/#",)
            await publish(broker.port, 3)
            await until(lambda: durable.state.ledger.totals.get("frames.received", 0) >= 5)
            await publish(broker.port, 1)
            await until(lambda: durable.state.ledger.totals.get("frames.received", 0) >= 6)
            assert durable.state.ledger.totals["frames.received"] == 6
