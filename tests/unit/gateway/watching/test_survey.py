"""A look at everything: who is silent by count alone, and how long what waits has waited, though only numbers are kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.audit.log.payloads import CLOCK_SET
from gateway.core.effects import OutboxRow
from gateway.watching.survey import PIECE, Ages
from tests.support.asking import perform
from tests.support.watched_gateway import DEVICE, SILENT_MS, watched_gateway


def test_age_is_since_the_last_look_that_came_before() -> None:
    """A thing is never taken for younger than it is; without any, there is no age."""
    ages = Ages()
    ages.look(1, 100.0)
    ages.look(5, 160.0)
    ages.look(5, 220.0)
    ages.look(9, 280.0)
    now_s = 300.0
    assert ages.age_s(None, now_s) == 0.0
    assert ages.age_s(1, now_s) == 200.0
    assert ages.age_s(4, now_s) == 200.0
    assert ages.age_s(5, now_s) == 80.0  # at 220 it was still to come
    assert ages.age_s(9, now_s) == 20.0
    assert ages.age_s(0, now_s) == 200.0  # older than the first look


def test_looks_that_no_age_needs_are_dropped() -> None:
    """And no other: what is oldest keeps its age, however long it waits."""
    ages = Ages()
    for minute in range(100):
        ages.look(10 * minute, 60.0 * minute)
    assert ages.age_s(55, 6000.0) == 6000.0 - 300.0
    ages.forget_before(55)
    assert ages.age_s(55, 6000.0) == 6000.0 - 300.0
    assert ages.age_s(990, 6000.0) == 60.0
    ages.forget_before(None)
    assert ages.age_s(0, 6000.0) == 60.0  # only the last look is left


async def test_silent_devices_are_counted(tmp_path: Path) -> None:
    """By their profile's `expect_every`; one that was never heard is silent from its registration on."""
    async with watched_gateway(tmp_path) as scene:
        durable, survey = scene.app.durable, scene.watch.survey
        await perform(durable, ("device.add", {"devices": [{**DEVICE, "topic": f"t/{n}"} for n in range(3)]}))
        await scene.survey()
        assert (survey.devices, survey.silent) == (3, 0)
        scene.clock.time_ms += SILENT_MS
        heard = next(iter(durable.state.registry.devices.values()))
        durable.state.memory_of(heard.id).heard.add(scene.clock.time_ms)
        await scene.survey()
        assert (survey.devices, survey.silent) == (3, 2)


async def test_others_get_their_turn_between_pieces(tmp_path: Path) -> None:
    """So that no reading waits for a walk over a hundred thousand devices."""
    async with watched_gateway(tmp_path) as scene:
        rows = [{**DEVICE, "topic": f"t/{n}"} for n in range(2 * PIECE + 1)]
        await perform(scene.app.durable, ("device.add", {"devices": rows}))
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        await scene.watch.survey._look_at_devices(scene.app)
        beside.cancel()
        assert turns >= 3


async def test_row_and_bundle_that_wait_grow_old(tmp_path: Path) -> None:
    """Each recipient's by itself; what has left has no age."""
    async with watched_gateway(tmp_path) as scene:
        durable, survey = scene.app.durable, scene.watch.survey
        await scene.survey()
        scene.seconds.now += 60
        await scene.survey()
        durable.state.outbox.put(OutboxRow(durable.state.outbox.next_number, "open-data", b"1"))
        await durable.commit()
        scene.seconds.now += 600
        await scene.survey()
        durable.state.outbox.put(OutboxRow(durable.state.outbox.next_number, "city-energy", b"2"))
        bundle = durable.state.log.size
        durable.note_gap(CLOCK_SET)  # any entry stands for that of the bundle
        durable.state.inflight.resume(bundle, "city-energy")
        await durable.commit()
        scene.seconds.now += 60
        await scene.survey()
        assert survey.outbox_age_s == {"open-data": 660.0, "city-energy": 60.0}
        assert survey.bundle_age_s == 60.0
        durable.state.outbox.take_out(1, "open-data")
        durable.state.inflight.acknowledge(bundle)
        await durable.commit()
        await scene.survey()
        assert survey.outbox_age_s == {"open-data": 0.0, "city-energy": 60.0}
        assert survey.bundle_age_s == 0.0
