"""The MQTT link against real brokers: Mosquitto with the shipped configuration, and the embedded one."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import mqtt5
import pytest
import uvloop

from gateway.core.mqtt.events import Connected, Disconnected, Drained, Frame, LinkEvent, Published, Subscribed
from gateway.core.mqtt.settings import SessionSettings
from gateway.demo.embedded_broker import embedded_broker
from gateway.edge.link import LinkSettings
from gateway.edge.mqtt import MqttLink
from gateway.edge.tls import tls_context
from gateway.errors import OperatorError
from tests.support.authority import Authority
from tests.support.mosquitto import mosquitto_program, running_mosquitto
from tests.support.ports import free_port
from tests.support.waiting import HANG_S

PATIENCE_S = HANG_S


class Owner:
    """What a gateway does with a link, in its simplest form: takes frames, acknowledges at once unless told not to."""

    def __init__(self, port: int, session: SessionSettings, *, tls: ssl.SSLContext | None = None) -> None:
        settings = LinkSettings(host="127.0.0.1", port=port, session=session, tls=tls, first_delay_s=0.05, most_delay_s=0.2)
        self.frames: list[Frame] = []
        self.events: list[LinkEvent] = []
        self.acknowledging = True
        self.taking = True
        self.wake = asyncio.Event()
        self.link = MqttLink(settings, on_event=self._note, wake=self.wake.set)

    def _note(self, event: LinkEvent) -> None:
        self.events.append(event)
        self.wake.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Take and acknowledge until the condition holds, which is asked at least every 20 ms."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                timer = loop.call_later(0.02, self.wake.set)
                await self.wake.wait()
                timer.cancel()
                self.wake.clear()
                self.work()

    def work(self) -> None:
        """Take what is there."""
        while self.taking and (frames := self.link.take_frames(100)):
            self.frames += frames
            if self.acknowledging:
                self.link.acknowledge([frame.packet_id for frame in frames], frames[0].generation)

    def saw(self, kind: type[LinkEvent]) -> int:
        """How many events of a kind have come."""
        return sum(isinstance(event, kind) for event in self.events)


@asynccontextmanager
async def running(owner: Owner) -> AsyncIterator[Owner]:
    """Run an owner's link for the length of the context."""
    task = asyncio.create_task(owner.link.run())
    try:
        yield owner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def gateway(**settings: object) -> SessionSettings:
    """Return the settings of a receiving session."""
    return SessionSettings(**{"client_id": "gw", "filters": ("s/#",), "marker_prefix": "sluice", **settings})  # type: ignore[arg-type]


def sent(sensor: Owner, topic: str, payload: bytes) -> bool:
    """Try to publish; tell whether it could be done."""
    return sensor.link.try_publish(topic, payload) is not None


async def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    """Publish at QoS 1 through a link of our own, and wait until the broker has everything."""
    async with running(Owner(port, SessionSettings(client_id="sensor", most_in_flight=100, session_expiry_s=0))) as sensor:
        for topic, payload in messages:
            await sensor.until(partial(sent, sensor, topic, payload))
        await sensor.until(lambda: sensor.saw(Published) >= len(messages))
        assert all(event.accepted for event in sensor.events if isinstance(event, Published))


def readings(count: int, start: int = 0) -> list[tuple[str, bytes]]:
    """Return distinct messages."""
    return [(f"s/{number % 7}", b"%d" % number) for number in range(start, start + count)]


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
async def test_broker_sends_a_copy_for_each_overlapping_filter_and_one_counts(tmp_path: Path, kind: str) -> None:
    """Under a filter that covers another each message comes once; under two that overlap twice, and one copy is marked."""
    async with AsyncExitStack() as stack:
        if kind == "mosquitto":
            port = stack.enter_context(running_mosquitto(tmp_path)).port
        else:
            port = await stack.enter_async_context(embedded_broker())
        filters = ("field/#", "field/BLE/+", "a/+/c", "a/b/+")
        owner = await stack.enter_async_context(running(Owner(port, gateway(filters=filters))))
        await owner.until(lambda: owner.saw(Drained) == 1)
        await publish(port, [("field/BLE/1", b"1"), ("a/b/c", b"2"), ("a/b/d", b"3"), ("a/x/c", b"4"), ("field/end", b"5")])
        await owner.until(lambda: {frame.payload for frame in owner.frames} == {b"1", b"2", b"3", b"4", b"5"})
        assert sorted((frame.payload, frame.copy) for frame in owner.frames if frame.payload != b"2") == [
            (payload, False) for payload in (b"1", b"3", b"4", b"5")
        ]
        await owner.until(lambda: sum(frame.payload == b"2" for frame in owner.frames) == 2)
        assert sorted(frame.copy for frame in owner.frames if frame.payload == b"2") == [False, True]


async def test_mosquitto_former_subscription_to_a_covered_filter_ends(tmp_path: Path) -> None:
    """A session that an earlier version left with both filters delivers once, from its next connection on."""
    with running_mosquitto(tmp_path) as broker:
        async with running(Owner(broker.port, gateway(filters=("field/BLE/+",)))) as former:
            await former.until(lambda: former.saw(Drained) == 1)
        async with running(Owner(broker.port, gateway(filters=("field/#", "field/BLE/+")))) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            await publish(broker.port, [("field/BLE/1", b"%d" % n) for n in range(5)])
            await publish(broker.port, [("field/end", b"end")])
            await owner.until(lambda: any(frame.payload == b"end" for frame in owner.frames))
            assert [frame.payload for frame in owner.frames] == [b"0", b"1", b"2", b"3", b"4", b"end"]


async def test_mosquitto_session_lasts_over_restarts_of_both_sides(tmp_path: Path) -> None:
    """Queued while we are away, kept over a SIGTERM of the broker, delivered once, and the queue is reported dry behind it."""
    with running_mosquitto(tmp_path) as broker:
        async with running(Owner(broker.port, gateway())) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            assert owner.events[:2] == [
                Connected(1, session_present=False, session_expiry_s=0xFFFF_FFFF),
                Subscribed(1, (("s/#", 1),)),
            ]
            assert owner.frames == []
        assert owner.events[-1] == Disconnected(1, "closed by us", 0)
        await publish(broker.port, readings(300))
        broker.restart()
        async with running(Owner(broker.port, gateway())) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            assert isinstance(owner.events[0], Connected)
            assert owner.events[0].session_present
            assert sorted(int(frame.payload) for frame in owner.frames) == list(range(300))


async def test_mosquitto_unacknowledged_frames_come_again_as_duplicates(tmp_path: Path) -> None:
    """What we did not acknowledge is sent again with DUP and the same identifiers, what we did is not."""
    with running_mosquitto(tmp_path) as broker:
        async with running(Owner(broker.port, gateway())) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            await publish(broker.port, readings(20))
            owner.acknowledging = False
            await owner.until(lambda: len(owner.frames) == 20)
            owner.link.acknowledge([frame.packet_id for frame in owner.frames[:12]], 1)
            owner.link.mark()
            await owner.until(lambda: owner.saw(Drained) == 2)  # the broker has read what went before
        async with running(Owner(broker.port, gateway())) as again:
            await again.until(lambda: again.saw(Drained) == 1)
            assert [(frame.packet_id, frame.payload) for frame in again.frames] == [
                (frame.packet_id, frame.payload) for frame in owner.frames[12:]
            ]
            assert all(frame.duplicate for frame in again.frames)


async def test_mosquitto_restarted_under_load_link_returns_by_itself(tmp_path: Path) -> None:
    """SIGTERM of the broker costs a reconnection and no message, in either direction."""
    with running_mosquitto(tmp_path) as broker:
        sensor = Owner(broker.port, SessionSettings(client_id="sensor", most_in_flight=50))
        async with running(Owner(broker.port, gateway())) as owner, running(sensor):
            await owner.until(lambda: owner.saw(Drained) == 1)
            for number in range(600):
                await sensor.until(partial(sent, sensor, "s/1", b"%d" % number))
                owner.work()
                if number % 200 == 199:
                    await asyncio.to_thread(broker.restart)
            await sensor.until(lambda: sensor.saw(Published) == 600)
            await owner.until(lambda: len({frame.payload for frame in owner.frames}) == 600)
            assert owner.link.counters["connections"] >= 2
            assert owner.link.counters["malformed"] == owner.link.counters["protocol_error"] == 0


async def test_mosquitto_back_pressure_pauses_and_loses_nothing(tmp_path: Path) -> None:
    """An owner that takes nothing stops the socket at the bound; once it takes again, everything arrives, in order."""
    with running_mosquitto(tmp_path) as broker:
        settings = gateway(receive_max=50, unacknowledged_bound=40, keep_alive_s=2)
        async with running(Owner(broker.port, settings)) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            owner.taking = False
            await publish(broker.port, [("s/1", b"%d" % number) for number in range(500)])
            await owner.until(lambda: owner.link.session.paused)
            assert 40 <= owner.link.waiting <= 50
            owner.taking = True
            await owner.until(lambda: len(owner.frames) == 500)
            assert [int(frame.payload) for frame in owner.frames] == list(range(500))
            assert owner.saw(Disconnected) == 0


async def test_mosquitto_user_and_password_are_checked(tmp_path: Path) -> None:
    """The right password connects, a wrong one is named in one line, and the link keeps trying."""
    passwords = tmp_path / "passwords"
    program = mosquitto_program("mosquitto_passwd")
    maker = await asyncio.create_subprocess_exec(program, "-b", "-c", passwords, "gw", "open sesame")
    assert await maker.wait() == 0
    with running_mosquitto(tmp_path, {"allow_anonymous": "false", "password_file": str(passwords)}) as broker:
        async with running(Owner(broker.port, gateway(user="gw", password=b"open sesame"))) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
        async with running(Owner(broker.port, gateway(user="gw", password=b"wrong"))) as owner:
            await owner.until(lambda: owner.saw(Disconnected) >= 2)
            assert owner.events[0] == Disconnected(1, "the broker refused the connection: not authorized (0x87)", 0x87)


async def test_mosquitto_marker_forbidden_silence_is_dry(tmp_path: Path) -> None:
    """Mosquitto hangs up on a forbidden marker; the next connection does without it, and two quiet seconds count as dry."""
    rules = tmp_path / "acl"
    rules.write_text("topic read s/#\n")
    with running_mosquitto(tmp_path, {"acl_file": str(rules)}) as broker:
        async with running(Owner(broker.port, gateway())) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            assert owner.saw(Disconnected) <= 1
            assert owner.link.connected


async def test_mosquitto_second_gateway_of_the_same_name_takes_the_session_over(tmp_path: Path) -> None:
    """The first one loses its connection, for which Mosquitto 2.0 gives no reason, and waits before it comes back."""
    with running_mosquitto(tmp_path) as broker:
        async with running(Owner(broker.port, gateway())) as first:
            await first.until(lambda: first.saw(Drained) == 1)
            async with running(Owner(broker.port, gateway())) as second:
                await second.until(lambda: second.saw(Connected) == 1)
                await first.until(lambda: first.saw(Disconnected) == 1)
                assert second.events[0] == Connected(1, session_present=True, session_expiry_s=0xFFFF_FFFF)


async def test_mosquitto_message_above_our_limit_arrives_cut_and_never_again(tmp_path: Path) -> None:
    """A message too large to read neither ends the connection nor comes back for ever."""
    with running_mosquitto(tmp_path, {"max_packet_size": None}) as broker:
        async with running(Owner(broker.port, gateway())) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            await publish(broker.port, [("s/1", bytes(3_000_000)), ("s/1", bytes(100_000)), ("s/1", b"small")])
            await owner.until(lambda: len(owner.frames) == 3)
            assert [len(frame.payload) for frame in owner.frames] == [65_537, 100_000, 5]
            assert owner.saw(Disconnected) == 0


async def test_mosquitto_subscription_planted_under_a_publishers_client_id_is_gone(tmp_path: Path) -> None:
    """Whoever held the id in between: what is sent to that subscription reaches nobody, and publishing goes on."""
    with running_mosquitto(tmp_path) as broker:
        publisher = Owner(broker.port, SessionSettings(client_id="gw-city"))
        publisher.taking = False  # a sink takes no frames
        async with running(publisher):
            await publisher.until(lambda: publisher.saw(Connected) == 1)
            async with running(Owner(broker.port, gateway(client_id="gw-city", filters=("noise/#",)))) as stranger:
                await stranger.until(lambda: stranger.saw(Subscribed) == 1)
            await publisher.until(lambda: publisher.saw(Connected) > 1 and publisher.link.connected)
            heard = publisher.link.counters["protocol_error"]
            await publish(broker.port, [("noise/1", b"y")] * 2_600 + [("noise/1", bytes(900_000))] * 5)
            assert sent(publisher, "city/1", b"bundle")
            await publisher.until(lambda: publisher.saw(Published) == 1)
            assert (publisher.link.waiting, publisher.link.counters["protocol_error"]) == (0, heard)


async def test_link_nobody_listens_says_so_and_keeps_trying() -> None:
    """A broker that is away is an event, not an end."""
    async with running(Owner(free_port(), gateway())) as owner:
        await owner.until(lambda: owner.saw(Disconnected) >= 2)
        assert isinstance(owner.events[0], Disconnected)
        assert owner.events[0].reason.startswith("cannot reach `127.0.0.1:")
        assert owner.link.try_publish("t", b"") is None


async def test_link_hostile_listener_is_left_and_counted() -> None:
    """A server that talks rubbish gets a clean end of the connection each time."""

    async def rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(mqtt5.ConnAckPacket().write() + b"\x00\x00" * 100)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(rubbish, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, running(Owner(port, gateway())) as owner:
        await owner.until(lambda: owner.link.counters["malformed"] >= 2)
        assert any(isinstance(event, Disconnected) and event.code == 0x81 for event in owner.events)


def test_link_under_uvloop_behaves_the_same(tmp_path: Path) -> None:
    """The event loop of production is another one than pytest's."""

    async def conversation(port: int) -> None:
        await publish(port, [])
        async with running(Owner(port, gateway(unacknowledged_bound=20))) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            await publish(port, readings(200))
            await owner.until(lambda: len(owner.frames) == 200)
        assert owner.events[-1] == Disconnected(1, "closed by us", 0)

    with running_mosquitto(tmp_path) as broker:
        uvloop.run(conversation(broker.port))


async def test_embedded_broker_delivers_everything_in_order() -> None:
    """The demo's broker: nothing lost, acknowledged in order, dry at the start."""
    async with embedded_broker() as port, running(Owner(port, gateway())) as owner:
        await owner.until(lambda: owner.saw(Drained) == 1)
        await publish(port, [("s/1", b"%d" % number) for number in range(3000)])
        await owner.until(lambda: len(owner.frames) >= 3000)
        assert [int(frame.payload) for frame in owner.frames] == list(range(3000))
        assert owner.saw(Disconnected) == 0


async def test_embedded_broker_session_continues_after_a_cut() -> None:
    """It keeps sessions while it runs; what was queued arrives before the marker of the new connection."""
    async with embedded_broker() as port:
        async with running(Owner(port, gateway())) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
        await publish(port, readings(2500))
        async with running(Owner(port, gateway())) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            assert isinstance(owner.events[0], Connected)
            assert owner.events[0].session_present
            assert {int(frame.payload) for frame in owner.frames} == set(range(2500))


async def test_embedded_broker_large_messages_pass() -> None:
    """Frames beyond the gateway's own limit reach it, so that it can count them."""
    async with embedded_broker() as port, running(Owner(port, gateway())) as owner:
        await owner.until(lambda: owner.saw(Drained) == 1)
        await publish(port, [("s/1", bytes(100_000))])
        await owner.until(lambda: len(owner.frames) == 1)
        assert len(owner.frames[0].payload) == 100_000


async def test_mosquitto_tls_with_client_certificate(tmp_path: Path) -> None:
    """Both sides show a certificate of the same authority; a broker of an unknown authority is refused in one line."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("broker")
    ours = authority.issue("gateway")
    port = free_port()
    listener = (
        f"listener {port} 127.0.0.1\ncafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
    )
    with running_mosquitto(tmp_path, extra=listener):
        trusting = tls_context(authority.file, *ours)
        async with running(Owner(port, gateway(), tls=trusting)) as owner:
            await owner.until(lambda: owner.saw(Drained) == 1)
            frames = [("s/1", bytes(50_000))]
            await publish_over(port, trusting, frames)
            await owner.until(lambda: len(owner.frames) == 1)
        async with running(Owner(port, gateway(), tls=tls_context())) as owner:
            await owner.until(lambda: owner.saw(Disconnected) >= 1)
            assert isinstance(owner.events[0], Disconnected)
            assert "certificate is not accepted" in owner.events[0].reason
        async with running(Owner(port, gateway(), tls=tls_context(authority.file))) as owner:
            await owner.until(lambda: owner.saw(Disconnected) >= 1)
            assert owner.saw(Connected) == 0


async def publish_over(port: int, tls: ssl.SSLContext, messages: list[tuple[str, bytes]]) -> None:
    """Publish through TLS."""
    async with running(Owner(port, SessionSettings(client_id="sensor"), tls=tls)) as sensor:
        await sensor.until(lambda: sensor.saw(Connected) == 1)
        for topic, payload in messages:
            assert sensor.link.try_publish(topic, payload) is not None
        await sensor.until(lambda: sensor.saw(Published) == len(messages))


def test_tls_context_bad_files_are_named(tmp_path: Path) -> None:
    """Missing, foreign and half-given files each give one clear line."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("gateway")
    other_key = authority.issue("other")[1]
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("nothing")
    for files in (
        (tmp_path / "missing.pem",),
        (rubbish,),
        (authority.file, rubbish),
        (authority.file, certificate, other_key),
        (authority.file, None, key),
    ):
        with pytest.raises(OperatorError) as caught:
            tls_context(*files)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)


def test_mosquitto_killed_keeps_its_port(tmp_path: Path) -> None:
    """The fixture itself: SIGKILL and restart on the same port."""
    with running_mosquitto(tmp_path) as broker:
        port, pid = broker.port, broker.pid
        broker.restart(signal.SIGKILL)
        assert (broker.port, broker.pid != pid) == (port, True)
