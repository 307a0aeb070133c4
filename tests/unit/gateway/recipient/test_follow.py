"""Listening to a real broker: everything arrives, everything once, and nothing is acknowledged before it is stored."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.files import write_whole
from gateway.recipient import inbox as inbox_module
from gateway.recipient.broker import BrokerAddress, Subscription, tls_context
from gateway.recipient.follow import Listening, follow
from gateway.recipient.inbox import Inbox
from gateway.recipient.opening import OpenedBundle
from tests.support.authority import Authority
from tests.support.mosquitto import Mosquitto, running_mosquitto
from tests.support.ports import free_port
from tests.support.recipients import ADDRESS, HOSTILE_VALUES, PRIVATE_KEY, forged, sealed
from tests.support.waiting import HANG_S

_SUBSCRIPTION = Subscription(ADDRESS.gateway, ADDRESS.recipient)
_FIRST = sealed(0)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto of the test's own."""
    with running_mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def broker(mosquitto: Mosquitto) -> BrokerAddress:
    """Its address."""
    return BrokerAddress("127.0.0.1", mosquitto.port)


@contextlib.asynccontextmanager
async def _following(
    broker: BrokerAddress,
    inbox: Inbox,
    emit: Callable[[OpenedBundle], None] = lambda _: None,
    now_s: Callable[[], float] = time.monotonic,
) -> AsyncIterator[list[str]]:
    stop, reports = asyncio.Event(), list[str]()
    task = asyncio.create_task(follow(broker, _SUBSCRIPTION, inbox, emit, reports.append, stop, now_s))
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
        await _until(lambda: any("connection lost" in line for line in reports))
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
        async with _following(BrokerAddress("127.0.0.1", closed.getsockname()[1]), inbox) as reports:
            await _until(lambda: len(reports) == 2)
    assert reports[1].endswith(": connection refused; trying again in 0.5 s, and until it is there")


async def test_follow_forged_bundles_end_neither_this_run_nor_the_next(tmp_path: Path, broker: BrokerAddress) -> None:
    """Whoever has the public key can publish anything sealed: each is told, and what the gateway sends is handed on."""
    folder, got, findings = tmp_path / "in", list[int](), list[str]()
    made_up = [(index, forged(what, index)) for index, what in enumerate(HOSTILE_VALUES, 100)]
    for run in (1, 2):
        inbox = Inbox(folder, PRIVATE_KEY, None, findings.append)
        async with _following(broker, inbox, lambda bundle: got.append(bundle.log_index)):
            await _until_subscribed(broker, folder)
            await _publish(broker, *made_up, (run, sealed(run)))
            await _until(lambda run=run: run in got and len(findings) >= run * len(HOSTILE_VALUES))  # type: ignore[misc]
    assert got == [0, 1, 2]
    assert len(findings) == 2 * len(HOSTILE_VALUES)
    assert all(line.isprintable() for line in findings)


async def test_follow_messages_that_are_no_bundles_end_nothing(tmp_path: Path, broker: BrokerAddress) -> None:
    """Nested, empty, beyond any size, and under an index of too many digits: what can be published under the topic."""
    folder, got, findings = tmp_path / "in", list[int](), list[str]()
    inbox = Inbox(folder, PRIVATE_KEY, None, findings.append)
    async with _following(broker, inbox, lambda bundle: got.append(bundle.log_index)):
        await _until_subscribed(broker, folder)
        nested = b'{"v":1,"records":' + b"[" * 60_000 + b"]" * 60_000 + b"}"
        await _publish(broker, (7, nested), (7, b""), (7, bytes(200_000)), (10**30, sealed(8)), (9, sealed(9)))
        await _until(lambda: 9 in got)
    assert got == [0, 8, 9]  # an index that is no index is no index: the bundle says its own
    assert len(findings) == 2  # the broker keeps to the packet size that the client allows


async def test_follow_connected_lost_and_connected_again_told(
    tmp_path: Path, mosquitto: Mosquitto, broker: BrokerAddress
) -> None:
    """Each change in one line, in order; what cannot be reached for long is not told at each try."""
    folder = tmp_path / "in"
    async with _following(broker, Inbox(folder, PRIVATE_KEY, None, lambda _: None)) as reports:
        await _until_subscribed(broker, folder)
        mosquitto.stop(signal.SIGKILL)
        await _until(lambda: any("connection lost" in line for line in reports))
        mosquitto.start()
        await _until(lambda: reports[-1].endswith("again"))
    assert reports[:2] == [
        f"listening to broker `{broker}` in clear, on topic `sluice/river-street/city-environment`",
        f"connected to broker `{broker}`",
    ]
    assert reports[2].startswith(f"broker `{broker}`: connection lost: ")
    assert reports[-1] == f"connected to broker `{broker}` again"
    assert len(reports) <= 5  # at most one more, that it is refused


async def test_follow_nothing_matched_for_a_minute_told_once(tmp_path: Path, broker: BrokerAddress) -> None:
    """Connected, and nothing comes: perhaps there is nothing, perhaps an id is wrong, and nobody else would tell."""
    times = itertools.count(0.0, 20.0)  # each look at the clock is 20 s later
    async with _following(
        broker, Inbox(tmp_path / "in", PRIVATE_KEY, None, lambda _: None), now_s=lambda: next(times)
    ) as reports:
        await _until(lambda: len(reports) == 3)
        seen = next(times)
        await _until(lambda: next(times) > seen + 200)
    assert len(reports) == 3
    assert reports[2].startswith(f"connected to broker `{broker}` for 60 s, and nothing has come on topic `{ADDRESS.topic}`: ")


def test_listening_silence_is_told_for_a_connection_without_a_message_alone() -> None:
    """Not before a minute, not while there is no connection, not once something has come."""
    now_s, told = [0.0], list[str]()
    listening = Listening(BrokerAddress("h", 1), _SUBSCRIPTION, told.append, lambda: now_s[0])
    for connected, matched, later_s, expected in (
        (False, False, 100, 0),
        (True, False, 59, 0),
        (True, False, 60, 1),
        (True, True, 100, 0),
    ):
        told.clear()
        if connected:
            listening.connected()
        if matched:
            listening.matched()
        now_s[0] += later_s
        for _ in range(2):
            listening.check_silence()
        assert len([line for line in told if "nothing has come" in line]) == expected
        listening.failed("away", 1)


async def test_follow_subscription_that_the_broker_refuses_told(tmp_path: Path) -> None:
    """A user who may not read the topic would otherwise wait for ever."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(2))[1])
        writer.write(b"\x20\x03\x00\x00\x00")  # CONNACK
        subscribe = await reader.readexactly((await reader.readexactly(2))[1])
        writer.write(b"\x90\x04" + subscribe[:2] + b"\x00\x87")  # SUBACK: not authorized
        await reader.read()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        address = BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        async with _following(address, Inbox(tmp_path / "in", PRIVATE_KEY, None, lambda _: None)) as reports:
            await _until(lambda: len(reports) == 2)
    assert f"`{address}`: refuses the subscription to topic `{ADDRESS.topic}`: not authorized; trying again" in reports[1]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves the socket of a failed handshake open
async def test_follow_over_tls_and_a_port_spoken_to_in_the_wrong_way_told(tmp_path: Path) -> None:
    """A TLS port spoken to in clear, and the other way about, are told as such at the first try."""
    authority, secure = Authority(tmp_path), free_port()
    certificate, key = authority.issue("broker")
    inbox = Inbox(tmp_path / "in", PRIVATE_KEY, None, lambda _: None)
    listener = f"listener {secure} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n"
    with running_mosquitto(tmp_path, extra=listener) as mosquitto:
        for port, context, said in (
            (secure, tls_context(authority.file), f"connected to broker `127.0.0.1:{secure}`"),
            (secure, None, "this port speaks tls: give `--tls`, or `--ca-file`"),
            (mosquitto.port, tls_context(authority.file), "this port speaks mqtt in clear: give the port for tls, or `--no-tls`"),
        ):
            async with _following(BrokerAddress("127.0.0.1", port, tls=context), inbox) as reports:
                await _until(lambda reports=reports: len(reports) == 2)  # type: ignore[misc]
            assert said in reports[1]
    gc.collect()


async def test_follow_with_a_full_disk_goes_on(tmp_path: Path, broker: BrokerAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that cannot be written are tried again, told once, and end nothing."""
    folder, got = tmp_path / "in", list[int]()
    tried = itertools.count()

    def full(target: Path, data: bytes) -> None:
        if next(tried) < 3:
            raise OSError(28, "No space left on device", str(target))
        write_whole(target, data)

    monkeypatch.setattr(inbox_module, "write_whole", full)
    async with _following(
        broker, Inbox(folder, PRIVATE_KEY, None, lambda _: None), lambda it: got.append(it.log_index)
    ) as reports:
        await _until_subscribed(broker, folder)
        await _until(lambda: got == [0])
    assert [line for line in reports if "no space" in line] == [
        f"`{folder / '0.jsonl'}`: no space left on device; what could not be delivered is tried again"
    ]
