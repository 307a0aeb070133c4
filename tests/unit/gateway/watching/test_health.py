"""Each reason for which a gateway does not do its work is told while it holds and no longer."""

from __future__ import annotations

from pathlib import Path

from gateway.intake import OUTBOX
from gateway.watching.health import REASONS, not_ready
from tests.support.watched_gateway import Scene, watched_gateway


def reasons(scene: Scene) -> list[str]:
    """Return the names of the reasons now."""
    return list(not_ready(scene.app))


async def test_each_reason_is_told_while_it_holds(tmp_path: Path) -> None:
    """Beside others; and a gateway without one is ready."""
    async with watched_gateway(tmp_path) as scene:
        durable = scene.app.durable
        assert reasons(scene) == ["broker_away"]
        scene.connect()
        durable.state.drained = False
        assert reasons(scene) == ["catching_up"]
        durable.state.drained = True
        assert reasons(scene) == []
        durable.confirmed = False
        durable.store.disk_space.low = True
        durable.publisher.full = True
        scene.app.intake.waits = OUTBOX
        scene.clock.time_ms = durable.state.log.latest_entry_ms - 1
        assert reasons(scene) == ["unconfirmed", "clock_wrong", "intake_full", "disk_full", "log_waits"]
        scene.clock.time_ms += 1
        durable.confirmed = True
        scene.app.intake.waits = ""
        durable.store.disk_space.low = durable.publisher.full = False
        assert reasons(scene) == []


def test_reasons_are_plain_words() -> None:
    """One line each, which `STATUS=` joins; none says `error`."""
    assert all("\n" not in text and ";" not in text and "error" not in text for text in REASONS.values())
