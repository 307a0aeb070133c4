"""A watch over a loop: it is alive while it moves on and no longer, and the service manager hears that and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.watching.notify import Notifier
from gateway.watching.watch import STUCK_S, Watch
from tests.support.service_manager import ServiceManager
from tests.support.watched_gateway import Scene, Seconds, watched_gateway

WATCHDOG_S = 20.0


def watch_over(scene: Scene, manager: ServiceManager) -> Watch:
    """Return a watch for a service manager, over the scene's gateway."""
    watch = Watch(Notifier.from_environment(manager.environment), scene.seconds)
    watch.app = scene.app
    return watch


async def test_beat_feeds_only_what_has_moved_on(tmp_path: Path) -> None:
    """However often it beats: the loop's turns count, and attempts of a commit that waits for space."""
    manager = ServiceManager(tmp_path / "notify", WATCHDOG_S)
    async with watched_gateway(tmp_path / "g") as scene:
        watch, durable = watch_over(scene, manager), scene.app.durable
        watch.beat()
        assert "WATCHDOG=1" in manager.read_all()
        for _ in range(3):
            watch.beat()
        assert "WATCHDOG=1" not in manager.read_all()
        durable.pulse.turned(0.01)
        watch.beat()
        assert manager.read_all().count("WATCHDOG=1") == 1
        durable.store.disk_space.attempts += 1
        watch.beat()
        assert manager.read_all().count("WATCHDOG=1") == 1
    manager.close()


async def test_status_is_told_when_it_changes(tmp_path: Path) -> None:
    """In the words of `/readyz`, joined."""
    manager = ServiceManager(tmp_path / "notify", WATCHDOG_S)
    async with watched_gateway(tmp_path / "g") as scene:
        watch = watch_over(scene, manager)
        watch.beat()
        watch.beat()
        assert manager.read_all().count("STATUS=the sensors' broker is away") == 1
        scene.app.durable.store.disk_space.low = True
        watch.beat()
        away_and_full = "STATUS=the sensors' broker is away; the disk is full: readings and releases wait"
        assert manager.read_all() == [away_and_full]
    manager.close()


@pytest.mark.parametrize(("watchdog_s", "stuck_s"), [(WATCHDOG_S, WATCHDOG_S), (None, STUCK_S)])
async def test_loop_that_stands_still_is_stuck_after_the_watchdogs_time(
    tmp_path: Path, watchdog_s: float | None, stuck_s: float
) -> None:
    """Or after a minute where nobody set one; one turn, and it is alive again."""
    manager = ServiceManager(tmp_path / "notify", watchdog_s)
    async with watched_gateway(tmp_path / "g") as scene:
        watch = watch_over(scene, manager)
        watch.beat()
        scene.seconds.now += stuck_s
        watch.beat()
        assert watch.is_alive()
        scene.seconds.now += 1
        watch.beat()
        assert not watch.is_alive()
        assert watch.not_ready()[0] == "stuck"
        scene.app.durable.pulse.turned(0.01)
        watch.beat()
        assert watch.is_alive()
    manager.close()


def test_gateway_that_reads_what_is_stored_is_alive_and_not_ready() -> None:
    """For as long as that takes: whoever answers at all is not stuck."""
    seconds = Seconds()
    watch = Watch(Notifier(), seconds)
    seconds.now += 10 * STUCK_S
    watch.beat()
    assert watch.is_alive()
    assert watch.not_ready() == ["starting"]


async def test_gateway_that_ends_is_not_ready_and_is_fed_no_more(tmp_path: Path) -> None:
    """However its loop turns until the end."""
    manager = ServiceManager(tmp_path / "notify", WATCHDOG_S)
    async with watched_gateway(tmp_path / "g") as scene:
        watch = watch_over(scene, manager)
        watch.stopping()
        assert manager.read_all() == ["STOPPING=1", "STATUS=ending: what was taken in is being written down"]
        scene.app.durable.pulse.turned(0.01)
        watch.beat()
        assert manager.read_all() == []
        scene.seconds.now += WATCHDOG_S + 1
        assert watch.is_alive()
        assert watch.not_ready() == ["ending"]
    manager.close()


def test_beat_comes_often_enough_for_the_watchdog() -> None:
    """Three may come late, or find a loop that is busy, before the service manager loses patience."""
    for watchdog_s in (0.5, 4.0, 20.0, 120.0):
        assert Watch(Notifier("/n", watchdog_s)).beat_s <= watchdog_s / 4
