"""What `sluice status` shows: connections, clock, log, outbox and the whole ledger; nothing that tells a person or a reading."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from consent.messages import (
    BrokerStatus,
    ClockStatus,
    DiskStatus,
    GatewayStatus,
    HealthStatus,
    IntakeStatus,
    LogHead,
    Nothing,
    SinkStatus,
    TimesStatus,
    WindowsStatus,
    WitnessesStatus,
    WitnessStatus,
)
from gateway.app import Gateway
from gateway.control.context import Caller, Control, MethodError
from gateway.core.state import State
from gateway.durable.state import Durable
from gateway.watching.health import REASONS, not_ready

_COUNTED_AT_ONCE: Final = 5000
"""Of so many devices at a time: some milliseconds."""


async def count(control: Control, params: Nothing) -> int:
    """Return how many times of readings are remembered, of some devices at a time while the loop goes on."""
    memories, remembered = list(control.state.memories.values()), 0
    for at in range(0, len(memories), _COUNTED_AT_ONCE):
        remembered += sum(len(times) for memory in memories[at : at + _COUNTED_AT_ONCE] for times in memory.seen.values())
        await asyncio.sleep(0)
    return remembered


def show(control: Control, caller: Caller, params: Nothing, remembered: int) -> GatewayStatus:
    """Show the running gateway's connections, clock, log, outbox and ledger."""
    if control.running is None:
        raise MethodError("no gateway is running")
    return status(control.running, remembered)


def status(app: Gateway, remembered: int) -> GatewayStatus:
    durable, state = app.durable, app.durable.state
    force = state.force
    return GatewayStatus(
        gateway=durable.config.gateway,
        starts=durable.starts,
        clock=ClockStatus(
            now=datetime.fromtimestamp(durable.clock.now_ms() / 1000, UTC).isoformat(),
            now_ms=durable.clock.now_ms(),
            simulated=durable.clock.simulated,
            rate=durable.clock.rate,
            problem=durable.clock_problem(),
        ),
        intake=IntakeStatus(waits=app.intake.waits or None),
        broker=_broker(app),
        sinks={
            name: SinkStatus(
                connected=sink.connected, problem=sink.problem, ids_bound=sink.ids_bound, counters=dict(sink.counters)
            )
            for name, sink in app.delivery.sinks.items()
        },
        disk=DiskStatus(withholds=durable.store.disk_space.low, log_waits=durable.publisher.full),
        log=log_head(state),
        witnesses=_witnesses(durable),
        policy=None if force is None else force.policies.sha256.hex(),
        devices=len(state.registry.devices),
        owners_assumed=sum(device.owner_assumed for device in state.registry.devices.values()),
        subjects=len(state.registry.subjects),
        windows=WindowsStatus(open=len(state.windows.open), watermark_ms=state.windows.watermark_ms),
        times=TimesStatus(remembered=remembered, forgotten=state.times_room.forgotten),
        outbox_rows=sum(state.outbox.waiting.values()),
        bundles_under_way=len(state.inflight),
        ledger=dict(sorted(state.ledger.totals.items())),
        imbalances=state.ledger.imbalances(),
        health=_health(app),
    )


def _health(app: Gateway) -> HealthStatus:
    """Return what `/readyz` tells too; that this was answered at all shows that the loop turns."""
    reasons = list(not_ready(app))
    return HealthStatus(ready=not reasons, reasons=[REASONS[name] for name in reasons])


def _broker(app: Gateway) -> BrokerStatus:
    link = app.link
    return BrokerStatus(
        connected=link.connected,
        problem=link.problem,
        dry=app.durable.state.drained,
        ids_bound=link.terms.ids_bound,
        retains=link.terms.retains,
        counters=dict(link.counters),
    )


def log_head(state: State) -> LogHead:
    """Return the log as it stands."""
    signer = state.log.signer
    return LogHead(origin=signer.name, size=state.log.size, vkey=signer.vkey())


def _witnesses(durable: Durable) -> WitnessesStatus | None:
    """Return how the witnesses stand; None where none is configured."""
    if durable.witnesses is None:
        return None
    return WitnessesStatus(
        confirmed=durable.confirmed,
        seconds_since_quorum=round(durable.witnesses.seconds_since_quorum()),
        each=[
            WitnessStatus(name=one.name, size=one.size, cosigned=one.cosigned, failures=one.failures, problem=one.problem)
            for one in durable.witnesses.standings
        ],
    )
