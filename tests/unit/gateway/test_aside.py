"""Work aside: the loop goes on while a part is computed, and the result counts only for what it was computed from."""

from __future__ import annotations

import asyncio

from gateway.aside import Aside
from gateway.core.release.publication import next_due, prepare
from tests.support.gate import Gate
from tests.support.publications import day_with, joined, noisy_town


def began(gate: Gate, aside: Aside) -> None:
    """Begin with what is due."""
    due = next_due(gate.state, "office")
    assert due is not None
    gate.commit()
    aside.begin(prepare(gate.state, due, gate.now_ms, gate.form_of("office")), gate.state.log.size)


async def computed(aside: Aside, woken: asyncio.Event) -> None:
    """Wait until a part is computed."""
    await woken.wait()
    woken.clear()
    assert aside.is_ready


def test_part_is_computed_and_applied() -> None:
    """The loop is woken for it, and nobody else is formed for that recipient meanwhile."""
    gate, homes = joined(noisy_town(), 30, "hourly")
    day_with(gate, homes)

    async def form() -> None:
        woken = asyncio.Event()
        aside = Aside(woken.set)
        assert not aside.is_ready
        began(gate, aside)
        assert aside.recipient == "office"
        await computed(aside, woken)
        ready = aside.apply(gate.state, gate.now_ms)
        assert ready is not None
        assert not aside.is_ready
        gate.commit()
        assert len(gate.deliver(ready).records) == 24

    asyncio.run(form())


def test_entry_is_made_again_aside_where_the_log_has_grown() -> None:
    """The draw is kept; after some rounds the entry is made at once, so that a busy log cannot hold it up for ever."""
    gate, homes = joined(noisy_town(), 30, "hourly")
    day_with(gate, homes)

    async def form() -> int:
        woken, rounds = asyncio.Event(), 0
        aside = Aside(woken.set)
        began(gate, aside)
        while True:
            await computed(aside, woken)
            gate.state.log.checkpoint(gate.state.ledger, gate.now_ms, heartbeat=True)
            if (ready := aside.apply(gate.state, gate.now_ms)) is not None:
                assert ready.index == gate.state.log.size - 1
                return rounds
            rounds += 1

    assert asyncio.run(form()) == 3


def test_withdrawal_meanwhile_drops_the_draw() -> None:
    """The next one is without the home."""
    gate, homes = joined(noisy_town(), 30, "hourly")
    day_with(gate, homes)

    async def form() -> None:
        woken = asyncio.Event()
        aside = Aside(woken.set)
        began(gate, aside)
        gate.withdraw(homes[0], "hourly")
        await computed(aside, woken)
        assert aside.apply(gate.state, gate.now_ms) is None
        assert aside.recipient is None

    asyncio.run(form())
    ready = gate.form()
    assert ready is not None
    assert homes[0].subject not in gate.stood_in(ready.index)
