"""A real gateway process that a service manager and a monitoring system watch, as they see it from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.watching.notify import Notifier
from gateway.watching.watch import Watch
from tests.support.asked_by_http import Answered, ask_port
from tests.support.checkout import ROOT
from tests.support.live import LiveGateway
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.ports import free_port
from tests.support.service_manager import ServiceManager
from tests.support.waiting import HANG_S


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that the test may stop."""
    with running_mosquitto(tmp_path) as running:
        yield running


def watched(folder: Path, port: int) -> LiveGateway:
    """Return a gateway that answers about itself."""
    return LiveGateway(folder, port, extra=f"\n[metrics]\nport = {free_port()}\n")


def ask(live: LiveGateway, path: str) -> Answered:
    """Return what it answers about itself."""
    return ask_port(live.place.config.metrics.port, path)


def until(live: LiveGateway, path: str, condition: Callable[[Answered], bool]) -> Answered:
    """Ask until the answer satisfies a condition."""
    deadline_s = time.monotonic() + HANG_S
    while not condition(found := ask(live, path)):
        assert time.monotonic() < deadline_s, f"{found}\n{live.log()[-2000:]}"
        time.sleep(0.05)
    return found


def test_service_manager_hears_ready_alive_how_it_is_and_stopping(tmp_path: Path, broker: Mosquitto) -> None:
    """In this order; and whoever asks by HTTP is told the same, in words."""
    manager = ServiceManager(tmp_path / "notify", watchdog_s=2)
    live = watched(tmp_path / "g", broker.port)
    try:
        live.start(environment=manager.environment)
        manager.wait_for("READY=1")
        assert manager.heard[0] == "READY=1"
        manager.wait_for("WATCHDOG=1")
        live.wait_ready()
        assert until(live, "/readyz", lambda found: found.status == 200).text == "ready\n"
        assert ask(live, "/healthz") == (200, "alive\n")
        manager.wait_for("STATUS=ready")
        broker.stop()
        assert until(live, "/readyz", lambda found: found.status == 503).text == "the sensors' broker is away\n"
        manager.wait_for("STATUS=the sensors' broker is away")
        assert live.status()["health"] == {"ready": False, "reasons": ["the sensors' broker is away"]}
        assert 'sluice_not_ready{reason="broker_away"} 1.0\n' in ask(live, "/metrics").text
        assert live.stop() == 0
        manager.wait_for("STOPPING=1")
        assert "WATCHDOG=1" not in manager.read_all()
    finally:
        live.end()
        manager.close()


def test_loop_that_hangs_is_not_fed_though_all_beside_it_runs(tmp_path: Path, broker: Mosquitto) -> None:
    """Nor does it count as alive: the event loop answers that itself, so a timer alone would have gone on feeding."""
    manager = ServiceManager(tmp_path / "notify", watchdog_s=1)
    live = watched(tmp_path / "g", broker.port)
    halt = tmp_path / "halt"
    live.program = ("tests.watching.hanging", str(halt))
    try:
        live.start(environment=manager.environment)
        manager.wait_for("WATCHDOG=1")
        halt.touch()
        stuck = until(live, "/healthz", lambda found: found.status == 503)
        assert stuck.text.startswith("stuck: the loop has not turned for too long: ")
        manager.read_all()
        for _ in range(10):  # each is answered, and two beats pass meanwhile
            assert ask(live, "/healthz").status == 503
            time.sleep(0.05)
        assert "WATCHDOG=1" not in manager.read_all()
        assert ask(live, "/readyz").text.splitlines()[0] == "stuck: the loop has not turned for too long"
        manager.wait_for("STATUS=stuck: the loop has not turned for too long")
    finally:
        live.end()
        manager.close()


def test_gateway_that_nobody_watches_runs_as_ever(tmp_path: Path, broker: Mosquitto) -> None:
    """Without a socket, or with one that is gone, nothing is missing and nothing is said."""
    live = LiveGateway(tmp_path / "g", broker.port)
    try:
        live.start(environment={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "60000000"})
        live.wait_ready()
        assert live.stop() == 0
        assert "Traceback" not in live.log()
    finally:
        live.end()


def test_unit_file_asks_for_what_the_gateway_tells() -> None:
    """Ready, and alive, within a time in which many beats may be missed."""
    unit = (ROOT / "deploy" / "sluice.service").read_text().splitlines()
    assert {"Type=notify", "WatchdogSec=2min", "Restart=always"} <= set(unit)
    assert unit.index("SystemCallFilter=adjtimex clock_adjtime") > unit.index("SystemCallFilter=~@privileged @resources")
    assert "ProtectClock=yes" not in unit, "by which the gateway is never told whether a time service keeps the clock right"
    assert "CapabilityBoundingSet=" in unit, "with which nothing sets a clock"
    assert Watch(Notifier("/n", 120.0)).beat_s <= 120.0 / 20
