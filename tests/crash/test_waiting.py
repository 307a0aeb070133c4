"""What waits is bounded, and a bound that is reached never stops the intake for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from firmware_sim.load import Load
from gateway import app as gateway_app
from gateway.config import Installation
from gateway.demo.embedded_broker import embedded_broker
from tests.crash.scene import MIDNIGHT_MS, clock
from tests.crash.street import DAY_MS, HOUR_MS, ZONES
from tests.crash.town import POLICIES, SCOPE
from tests.support.asking import call
from tests.support.inside import ask, assembled, running, started, until
from tests.support.live import LiveGateway
from tests.support.mosquitto import running_mosquitto
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

BOUND = 10


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often whether there is room again."""
    monkeypatch.setattr(gateway_app, "INTAKE_RETRY_S", 0.02)


def bounded(folder: Path, port: int, upstream_port: int, **bound: int) -> LiveGateway:
    """Return a gateway with a standing clock, the least of batches, and a bound on what waits."""
    extra = clock(0, rate=0) + "\n[batches]\nframes = 1\n"
    live = LiveGateway(folder, port, upstream_port=upstream_port, policies=POLICIES, tick_ms=50, extra=extra)
    config = live.place.config
    live.place = Installation(replace(config, release=replace(config.release, **bound)), live.config)
    return live


async def publish(port: int, messages: Sequence[tuple[str, bytes]]) -> None:
    """Publish from a thread, and wait for the broker's acknowledgements."""
    result = await asyncio.to_thread(Load("127.0.0.1", port, messages).run, HANG_S)
    assert result.acknowledged == len(messages)


def footfall(first: int, count: int) -> list[tuple[str, bytes]]:
    """Return messages of the sensor at the gate, by their number."""
    payload = b'{"t":%d,"seq":%d,"boot":1,"count":3}'
    return [("t/gate", payload % (MIDNIGHT_MS // 1000 + n, n)) for n in range(first, first + count)]


async def test_records_of_a_recipient_that_is_gone_end_and_do_not_stop_the_intake(tmp_path: Path) -> None:
    """More wait for it than may: once the policies no longer know it, they are withheld for good, and the next come in."""
    async with embedded_broker() as port:
        live = bounded(tmp_path, port, free_port(), outbox_rows=BOUND)
        live_city = live.place.policies / "city.toml"
        async with started(live) as durable:
            state, totals, app = durable.state, durable.state.ledger.totals, assembled(durable)
            async with running(app):
                row = {"profile": "footfall", "zone": ZONES[0], "topic": "t/gate", "owner": "city", "subject": "none"}
                await ask(app, "device.add", {"devices": [row]})
                await until(lambda: state.drained)
                await publish(port, footfall(1, 4 * BOUND))
                await until(lambda: sum(state.outbox.waiting.values()) > BOUND)
                received = totals["frames.received"]
                assert received < 4 * BOUND
                live_city.write_text(
                    live_city.read_text()
                    .replace("[recipient.streets]", "[recipient.roads]")
                    .replace('recipient = "streets"', 'recipient = "roads"')
                )
                await ask(app, "policy.apply", {"accept": True})
                await until(lambda: totals.get("frames.received") == 4 * BOUND or state.outbox.waiting.get("roads", 0) > BOUND)
                await until(lambda: not state.outbox.waiting.get("streets"))
                await ask(app, "policy.show")  # answered once what came before is durable
            assert totals["pairs.withheld_at_release.no-recipient"] == received
            assert totals["pairs.waiting"] == state.outbox.waiting["roads"] == totals["frames.received"] - received > 0
            assert state.ledger.imbalances() == []
        async with started(live) as again:
            assert {name: rows for name, rows in again.state.outbox.waiting.items() if rows} == {"roads": totals["pairs.waiting"]}
            assert again.state.ledger.imbalances() == []


async def test_backlog_longer_than_the_bound_on_contributions_is_taken_in(tmp_path: Path) -> None:
    """No day ends before the queue is dry, so the bound must not keep it from running dry; from then on it counts."""
    (tmp_path / "broker").mkdir()
    with running_mosquitto(tmp_path / "broker") as broker:
        live = bounded(tmp_path / "gateway", broker.port, broker.port, contributions=BOUND)
        homes = 2 * BOUND
        rows = [
            {"profile": "home", "zone": ZONES[0], "topic": f"t/{n}", "owner": "resident", "subject": "new"} for n in range(homes)
        ]
        async with started(live) as durable:
            for row in call(durable, "device.add", {"devices": rows})["devices"]:
                call(durable, "consent.grant", {"subject": row["subject"], "scope": SCOPE})
            app = assembled(durable)
            async with running(app):
                await until(lambda: app.durable.state.drained)
                await ask(app, "policy.show")  # answered once what came before is durable
        payload = b'{"t":%d,"seq":1,"boot":1,"kwh":0.5}' % (MIDNIGHT_MS // 1000 + 60)
        await publish(broker.port, [(row["topic"], payload) for row in rows])
        async with started(live) as durable:
            state, totals, app = durable.state, durable.state.ledger.totals, assembled(durable)
            async with running(app):
                await until(lambda: totals.get("frames.received") == homes and state.drained)
                assert state.windows.contributions > homes
                await publish(broker.port, [(rows[0]["topic"], payload.replace(b'"seq":1', b'"seq":2'))])
                await until(lambda: app.link.waiting)
                await asyncio.sleep(0.1)
                assert totals["frames.received"] == homes
                to = datetime.fromtimestamp((MIDNIGHT_MS + DAY_MS + HOUR_MS) / 1000, UTC).isoformat()
                await ask(app, "clock.advance", {"to": to}, tick=True)
                await until(lambda: totals["frames.received"] == homes + 1)
            assert state.ledger.imbalances() == []
