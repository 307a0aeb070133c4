"""What a service manager hears over a real datagram socket, and that nobody's ear is no reason to fail."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gateway.watching.notify import ALIVE, READY, Notifier
from tests.support.service_manager import ServiceManager


@pytest.mark.parametrize("abstract", [False, True])
def test_lines_arrive_in_one_datagram(tmp_path: Path, abstract: bool) -> None:
    """Over a path, and over an abstract address."""
    manager = ServiceManager(f"@sluice-test-{os.getpid()}" if abstract else tmp_path / "notify")
    try:
        Notifier.from_environment(manager.environment).tell(READY, "STATUS=ready")
        assert manager.read_all() == ["READY=1", "STATUS=ready"]
    finally:
        manager.close()


def test_manager_that_is_away_full_or_none_stops_nothing(tmp_path: Path) -> None:
    """Its socket is gone, or nobody reads it, or none was named: the gateway goes on, and does not wait."""
    Notifier().tell(READY)
    Notifier(str(tmp_path / "gone")).tell(READY)
    Notifier("x" * 200).tell(READY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        for _ in range(1000):  # far more than the kernel keeps for one that does not read
            Notifier(str(tmp_path / "deaf")).tell(ALIVE)


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "3000000"}, 3.0),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"NOTIFY_SOCKET": "/n"}, None),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "-3"}, None),
        ({"WATCHDOG_USEC": "3000000"}, None),
        ({}, None),
    ],
)
def test_watchdog_is_the_managers_and_of_this_process(environment: dict[str, str], watchdog_s: float | None) -> None:
    """One that was meant for a parent, or that makes no sense, is none."""
    assert Notifier.from_environment(environment).watchdog_s == watchdog_s
