"""Listening to a real broker: everything arrives, everything once, and nothing is acknowledged before it is stored."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.recipient.broker import BrokerAddress, Subscription
from gateway.recipient.follow import follow
from gateway.recipient.inbox import Inbox
from gateway.recipient.opening import OpenedBundle
from tests.support.ports import free_port
from tests.support.recipients import ADDRESS, PRIVATE_KEY, sealed
from tests.support.waiting import HANG_S

_SUBSCRIPTION = Subscription(ADDRESS.gateway, ADDRESS.recipient)
_FIRST = sealed(0)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerAddress]:
    """A Mosquitto of the test's own."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen([program, "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_port(port)
        yield BrokerAddress("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(HANG_S)


def _wait_for_port(port: int) -> None:
    deadline_s = time.monotonic() + HANG_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return
        time.sleep(0.05)
    pytest.fail("mosquitto does not listen")


@contextlib.asynccontextmanager
async def _following(broker: BrokerAddress, inbox: Inbox, emit: Callable[[OpenedBundle], None]) -> AsyncIterator[list[str]]:
    stop, reports = asyncio.Event(), list[str]()
    task = asyncio.create_task(follow(broker, _SUBSCRIPTION, inbox, emit, reports.append, stop))
    try:
        yield reports
    finally:
        stop.set()
        await asyncio.wait_for(task, HANG_S)


async def _publish(broker: BrokerAddress, *bundles: tuple[int, bytes]) -> None:
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for log_index, data in bundles:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
            properties.UserProperty = [("log-origin", ADDRESS.log_origin), ("log-index", str(log_index))]
            await client.publish(ADDRESS.topic, data, qos=1, properties=properties)


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(HANG_S):
        while not done():  # noqa: ASYNC110  # what is waited for happens in files and lists
            await asyncio.sleep(0.02)


async def _until_subscribed(broker: BrokerAddress, folder: Path) -> None:
    """Publish a bundle until it arrives, so that the subscription is known to stand."""
    async with asyncio.timeout(HANG_S):
        while not (folder / "0.bundle").exists():
            await _publish(broker, (0, _FIRST))
            await asyncio.sleep(0.05)


async def test_follow_bundles_handed_on_once_and_while_away_too(tmp_path: Path, broker: BrokerAddress) -> None:
    """What is published while nobody listens waits at the broker; what comes twice, also after a restart, is handed on once."""
    folder, got, findings = tmp_path / "in", list[int](), list[str]()
    first, second = sealed(1), sealed(2)
    for expected in (1, 2):
        inbox = Inbox(folder, PRIVATE_KEY, None, findings.append)
        async with _following(broker, inbox, lambda bundle: got.append(bundle.log_index)) as reports:
            await _until_subscribed(broker, folder)
            await _publish(broker, (1, first), (1, first))
            await _until(lambda expected=expected: expected in got)  # type: ignore[misc]  # mypy cannot type the default
        await _publish(broker, (2, second), (1, first))
    assert got == [0, 1, 2]
    assert (folder / "2.bundle").read_bytes() == second
    where = f"broker `{broker}`"
    assert reports == [f"listening to {where} in clear, on topic `{ADDRESS.topic}`", f"connected to {where}"]
    assert findings == []


async def test_follow_not_stored_not_acknowledged(tmp_path: Path, broker: BrokerAddress) -> None:
    """A bundle that the disk refuses stays at the broker, and is handed on once there is room again."""
    folder, got, findings = tmp_path / "in", list[int](), list[str]()
    inbox = Inbox(folder, PRIVATE_KEY, None, findings.append)
    async with _following(broker, inbox, lambda bundle: got.append(bundle.log_index)) as reports:
        await _until_subscribed(broker, folder)
        folder.rename(tmp_path / "away")
        await _publish(broker, (5, sealed(5)))
        await _until(lambda: bool(reports))
        (tmp_path / "away").rename(folder)
        await _until(lambda: 5 in got)
    assert (
        f"broker `{broker}`: connection lost: no such file or directory; trying again in 0.5 s, and until it is there" in reports
    )
    assert got.count(5) == 1
    assert findings == []


async def test_follow_broker_away_told_and_tried_again(tmp_path: Path) -> None:
    """Without a broker there is one line and another try, not an end."""
    inbox = Inbox(tmp_path / "in", PRIVATE_KEY, None, lambda _: None)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with _following(BrokerAddress("127.0.0.1", closed.getsockname()[1]), inbox, lambda _: None) as reports:
            await _until(lambda: len(reports) == 2)
    assert reports[1].endswith(": connection refused; trying again in 0.5 s, and until it is there")
