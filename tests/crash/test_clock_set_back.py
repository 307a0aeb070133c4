"""A clock that stands before the log's latest entry: by it nobody's consent can be judged, so nothing moves until it is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiomqtt import Client, ProtocolVersion

from gateway import app as gateway_app
from gateway.control.context import MethodError
from gateway.demo.embedded_broker import embedded_broker
from gateway.durable.state import Durable
from tests.crash.scene import MIDNIGHT_MS
from tests.crash.street import ZONES
from tests.crash.town import POLICIES, SCOPE
from tests.support.asking import begin, call
from tests.support.inside import ReluctantSink, SetClock, assembled, running, started, take, until
from tests.support.live import LiveGateway
from tests.support.ports import free_port

MINUTE_MS = 60_000
TICKS = 6


async def _homes_that_wait(durable: Durable, clock: SetClock) -> None:
    """Have two households report under consent, one of them for half an hour only; then let the log tell of an hour later."""
    rows = [{"profile": "home", "zone": ZONES[0], "topic": f"t/{n}", "owner": "resident", "subject": "new"} for n in range(3)]
    subjects = [row["subject"] for row in call(durable, "device.add", {"devices": rows})["devices"]]
    expiry = {"expiry": "2026-05-28T00:30:00Z"}
    for subject, extra in ((subjects[0], expiry), (subjects[1], {})):
        call(durable, "consent.grant", {"subject": subject, "scope": SCOPE, **extra})
    clock.time_ms += MINUTE_MS
    payload = b'{"t":%d,"seq":1,"boot":1,"temp":21.5}' % (clock.time_ms // 1000)
    for n in range(2):
        take(durable, f"t/{n}", payload)
        await durable.commit()
    clock.time_ms = MIDNIGHT_MS + 60 * MINUTE_MS
    call(durable, "consent.refuse", {"subject": subjects[2], "scope": SCOPE})
    await durable.commit()


async def test_clock_before_the_logs_latest_entry_moves_nothing_until_it_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set back to before an expiry, it would let out what was consented to until then; put right, the rest goes its way."""
    monkeypatch.setattr(gateway_app, "IMPLAUSIBLE_RETRY_S", 0.02)
    clock = SetClock(MIDNIGHT_MS)
    async with embedded_broker() as port:
        live = LiveGateway(tmp_path, port, policies=POLICIES, tick_ms=50)
        async with started(live, clock) as durable:
            await _homes_that_wait(durable, clock)
        clock.time_ms = MIDNIGHT_MS + 10 * MINUTE_MS
        async with started(live, clock) as durable:
            state, totals = durable.state, durable.state.ledger.totals
            sink = ReluctantSink()
            app = assembled(durable, sink)
            async with running(app):
                before, size, asked = dict(totals), state.log.size, clock.asked
                await until(lambda: clock.asked >= asked + 3 * TICKS)
                assert not app.link.connected
                assert (dict(totals), state.log.size, sink.taken, sum(state.outbox.waiting.values())) == (before, size, {}, 2)
                clock.time_ms = MIDNIGHT_MS + 61 * MINUTE_MS
                await until(lambda: sink.taken and app.link.connected)
            assert (totals["pairs.released"], totals["pairs.withheld_at_release.withdrawn"]) == (1, 1)
            assert state.ledger.imbalances() == []


async def test_clock_set_back_while_it_runs_forms_nothing_until_it_is_right(tmp_path: Path) -> None:
    """The same without a restart between."""
    clock = SetClock(MIDNIGHT_MS)
    live = LiveGateway(tmp_path, free_port(), policies=POLICIES, tick_ms=50)
    async with started(live, clock) as durable:
        row = {"profile": "footfall", "zone": ZONES[0], "topic": "t/gate", "owner": "city", "subject": "none"}
        call(durable, "device.add", {"devices": [row]})
        take(durable, "t/gate", b'{"t":%d,"seq":1,"boot":1,"count":3}' % (MIDNIGHT_MS // 1000))
        await durable.commit()
        sink = ReluctantSink()
        app = assembled(durable, sink)
        sink.away = True
        async with running(app):
            await until(lambda: clock.asked >= TICKS)
            clock.time_ms = MIDNIGHT_MS - 1
            asked, sink.away = clock.asked, False
            await until(lambda: clock.asked >= asked + TICKS)
            assert (sink.taken, sum(durable.state.outbox.waiting.values())) == ({}, 1)
            clock.time_ms = MIDNIGHT_MS
            await until(lambda: sink.taken)


async def test_clock_set_back_while_it_runs_takes_nothing_in_until_it_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a wrong clock good readings would be refused as too far ahead; they wait unacknowledged instead."""
    monkeypatch.setattr(gateway_app, "INTAKE_RETRY_S", 0.02)
    clock = SetClock(MIDNIGHT_MS)
    async with embedded_broker() as port:
        live = LiveGateway(tmp_path, port, policies=POLICIES, tick_ms=50)
        async with started(live, clock) as durable:
            app, totals = assembled(durable), durable.state.ledger.totals
            async with running(app), Client("127.0.0.1", port, protocol=ProtocolVersion.V5) as sensors:
                await until(lambda: durable.state.drained)
                clock.time_ms = MIDNIGHT_MS - 1
                await sensors.publish("t/gate", b"{}", qos=1)
                await until(lambda: app.link.waiting == 1)
                asked = clock.asked
                await until(lambda: clock.asked >= asked + TICKS)
                assert "frames.received" not in totals
                clock.time_ms = MIDNIGHT_MS
                await until(lambda: totals.get("frames.received") == 1)


async def test_expiry_while_nothing_ran_is_recorded_at_the_next_start_and_stays(tmp_path: Path) -> None:
    """A clock that is set back afterwards does not revive what has run out."""
    live = LiveGateway(tmp_path, 1, policies=POLICIES)
    clock = SetClock(MIDNIGHT_MS)
    async with started(live, clock) as durable:
        row = {"profile": "home", "zone": ZONES[0], "topic": "t/1", "owner": "resident", "subject": "new"}
        (device,) = call(durable, "device.add", {"devices": [row]})["devices"]
        who = {"subject": device["subject"], "scope": SCOPE}
        call(durable, "consent.grant", {**who, "expiry": "2026-05-28T00:30:00Z"})
        await durable.commit()
    clock.time_ms = MIDNIGHT_MS + 60 * MINUTE_MS
    async with started(live, clock):
        pass
    clock.time_ms = MIDNIGHT_MS + 10 * MINUTE_MS
    async with started(live, clock) as durable:
        shown = await begin(durable, "consent.show", {"subject": device["subject"]})
        assert [row["status"] for row in shown["history"]] == ["Given", "Expired"]
        with pytest.raises(MethodError, match="already expired"):
            call(durable, "consent.pause", who)


async def test_nothing_is_permitted_by_a_clock_that_is_behind_and_a_withdrawal_is_entered(tmp_path: Path) -> None:
    """A permission of then would hold for what was sent before it was given; what takes back is right at any time."""
    live = LiveGateway(tmp_path, 1, policies=POLICIES)
    clock = SetClock(MIDNIGHT_MS)
    async with started(live, clock) as durable:
        rows = [{"profile": "home", "zone": ZONES[0], "topic": f"t/{n}", "owner": "resident", "subject": "new"} for n in range(2)]
        first, second = call(durable, "device.add", {"devices": rows})["devices"]
        call(durable, "consent.grant", {"subject": first["subject"], "scope": SCOPE})
        clock.time_ms = MIDNIGHT_MS - 60 * MINUTE_MS
        with pytest.raises(
            MethodError, match="3600 s behind the log's latest entry; until it is right, nothing can be permitted"
        ):
            call(durable, "consent.grant", {"subject": second["subject"], "scope": SCOPE})
        call(durable, "consent.withdraw", {"subject": first["subject"], "scope": SCOPE})
        clock.time_ms = MIDNIGHT_MS
        call(durable, "consent.grant", {"subject": second["subject"], "scope": SCOPE})
