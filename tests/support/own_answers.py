"""Residents who answer at the citizens' door, and meters that report: what tests of questions, answers and readings share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gateway.core import pipeline
from gateway.core.mqtt.events import Frame
from tests.support.citizens_door import CitizensDoor, Person, citizens_door
from tests.support.inside import SetClock
from tests.support.passkey_forms import assertion

FLOW = "energy-hourly"
QUARTER_MS = 900_000


def at_the_door(tmp_path: Path, work: Callable[[CitizensDoor], Awaitable[None]]) -> None:
    """Run a test's work at the citizens' door of a new gateway of the shipped city."""

    async def inside() -> None:
        async with citizens_door(tmp_path) as door:
            await work(door)

    asyncio.run(inside())


def send(door: CitizensDoor, topic: str, t_ms: int, kwh: float) -> None:
    """Let a meter report at a time."""
    state = door.durable.state
    state.turn(door.durable.clock.now_ms())
    payload = {"t": t_ms // 1000, "seq": t_ms // 1000, "boot": 1, "kwh": kwh}
    frame = Frame(topic, json.dumps(payload).encode(), 0, False, retain=False, generation=1)
    pipeline.take_frames(state, [frame], door.durable.clock.now_ms())


async def signed(person: Person, scope: str = FLOW, **more: Any) -> dict[str, Any]:
    """Return what `consent.prove` takes for a permission, signed by the person's passkey."""
    asked = await person.ask("consent.propose", scope=scope, **more)
    assert person.passkey is not None
    return {"challenge": asked["proof"]["challenge"], "proof": assertion(person.passkey, asked["proof"]["challenge"])}


async def say_yes(person: Person, scope: str = FLOW, **limits: Any) -> dict[str, Any]:
    """Let a person say yes with their passkey."""
    more = {"limits": limits} if limits else {}
    return await person.ask("consent.prove", **await signed(person, scope, **more))


def offers(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the offered answers by their name."""
    return {each["answer"]: each for each in shown["offered"]}


def clock_of(door: CitizensDoor) -> SetClock:
    """Return the gateway's clock, which stands until the test sets it."""
    clock = door.durable.clock
    assert isinstance(clock, SetClock)
    return clock
