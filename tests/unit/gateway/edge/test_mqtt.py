"""The link against brokers written out by hand: what it notices, and what it keeps, while nobody takes what it has read."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

import mqtt5
import pytest
import uvloop

from gateway.core.mqtt.events import Disconnected, Frame, LinkEvent
from gateway.core.mqtt.settings import SessionSettings
from gateway.edge import mqtt
from gateway.edge.broker_terms import BrokerTerms
from gateway.edge.link import LinkSettings
from gateway.edge.mqtt import MqttLink
from tests.support.waiting import HANG_S

READER = SessionSettings(client_id="gw", filters=("s/#",), unacknowledged_bound=4, keep_alive_s=600)
FLOOD = mqtt5.PublishPacket("s/1", b"x", qos=mqtt5.QoS.AT_MOST_ONCE).write() * 4
_PING = mqtt5.PingReqPacket().write()

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Broker:
    """A broker that accepts every connection and then does what the test says.

    Attributes:
        accepted: How many connections there have been.
        talk: What it does with each, once it has accepted it.
    """

    def __init__(self, talk: Talk) -> None:
        self.accepted = 0
        self.port = 0
        self._talk = talk
        self._serving: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the CONNECT, and go on as the test says."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            head = await reader.readexactly(2)
            await reader.readexactly(head[1])
            self.accepted += 1
            writer.write(mqtt5.ConnAckPacket(session_present=True).write())
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def end(self) -> None:
        """End every connection, and wait until it has ended."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


@asynccontextmanager
async def linked(talk: Talk, session: SessionSettings = READER, **more: Any) -> AsyncIterator[tuple[Broker, MqttLink]]:
    """Run such a broker, and a link to it whose owner takes nothing by itself."""
    broker = Broker(talk)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    settings = LinkSettings(host="127.0.0.1", port=broker.port, session=session, first_delay_s=0.01, most_delay_s=0.05, **more)
    link = MqttLink(settings)
    task = asyncio.create_task(link.run())
    try:
        yield broker, link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        await broker.end()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(HANG_S):
        while not holds():  # noqa: ASYNC110  the link has no event of its own for what a test asks
            await asyncio.sleep(0.005)


def taken(link: MqttLink) -> list[Frame]:
    """Take all that can be taken."""
    frames: list[Frame] = []
    while more := link.take_frames(1000):
        frames += more
    return frames


async def test_end_of_the_connection_is_noticed_while_reading_is_paused() -> None:
    """The broker floods, fills the socket behind it, and goes: nobody has to take a frame for that to be noticed."""
    go = asyncio.Event()

    async def flood_and_go(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FLOOD)
        await go.wait()
        writer.write(FLOOD * 100)

    async with linked(flood_and_go) as (_, link):
        await until(lambda: link.session.paused)
        assert link.connected
        go.set()
        await until(lambda: not link.connected)
        assert link.counters["lost"] == 1
        assert len(taken(link)) == 4


async def test_end_behind_the_last_frames_is_told_once_they_are_acknowledged() -> None:
    """No later read brings it, and the next attempt may be half a minute away."""

    async def say_and_go(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        away = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER)
        writer.write(FLOOD + away.write())

    async with linked(say_and_go) as (_, link):
        told: list[LinkEvent] = []
        link._on_event = told.append
        await until(lambda: link.counters["taken_over"] == 1)
        frames = link.take_frames(1000)
        assert not any(isinstance(event, Disconnected) for event in told)
        link.acknowledge([frame.packet_id for frame in frames], frames[0].generation)
        ended = told[-1]
        assert isinstance(ended, Disconnected)
        assert ended.taken_over


async def test_terms_are_asked_before_the_first_connection_and_after_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again for every attempt that fails, but after each connection: the broker may have been set up anew in between."""
    asked: list[int] = []
    before: list[int] = []

    async def ask(_host: str, port: int, *_: object) -> BrokerTerms:
        asked.append(port)
        return BrokerTerms(ids_bound=len(asked) > 1)

    async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        before.append(len(asked))

    monkeypatch.setattr(mqtt, "ask_terms", ask)
    async with linked(hang_up, asks_terms=True) as (_, link):
        await until(lambda: len(before) >= 3)
        assert before[:3] == [1, 2, 3]
        assert link.terms.ids_bound


async def test_reset_of_the_connection_is_noticed_while_reading_is_paused() -> None:
    """So is a broker that falls over."""
    go = asyncio.Event()

    async def flood_and_fall(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FLOOD)
        await go.wait()
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with linked(flood_and_fall) as (_, link):
        await until(lambda: link.session.paused)
        go.set()
        await until(lambda: not link.connected)


async def test_silence_is_noticed_while_reading_is_paused() -> None:
    """A broker that hangs answers no ping, and the kernel knows that nothing came."""

    async def flood_and_hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FLOOD)
        await asyncio.Event().wait()

    async with linked(flood_and_hang, replace(READER, keep_alive_s=1)) as (_, link):
        await until(lambda: link.counters["ping_timeouts"] == 1)
        assert not link.connected


async def test_answers_are_noticed_while_reading_is_paused() -> None:
    """A broker that answers its pings is not accused, though nobody reads the answers."""
    answered = 0

    async def flood_and_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        writer.write(FLOOD)
        while await reader.readuntil(_PING):
            writer.write(mqtt5.PingRespPacket().write())
            answered += 1

    async with linked(flood_and_answer, replace(READER, keep_alive_s=1)) as (broker, link):
        await until(lambda: answered == 3)
        assert link.session.paused
        assert link.connected
        assert (broker.accepted, link.counters["ping_timeouts"]) == (1, 0)


class Waited(asyncio.Event):
    """An event that remembers whether anyone has waited for it."""

    waited = False

    async def wait(self) -> Literal[True]:
        """Wait, and remember it."""
        self.waited = True
        return await super().wait()


async def test_no_new_connection_while_what_waits_is_not_taken() -> None:
    """Each connection brings again what is unacknowledged: one after the other would fill the memory."""

    async def flood_and_go(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FLOOD)
        await writer.drain()

    async with linked(flood_and_go) as (broker, link):
        link._room = room = Waited()
        await until(lambda: room.waited or broker.accepted > 1)
        assert (broker.accepted, link.waiting) == (1, 4)
        assert len(taken(link)) == 4
        await until(lambda: broker.accepted == 2)


async def test_resting_socket_is_read_once_the_rest_is_over() -> None:
    """What comes meanwhile stays in the socket, and one read brings all of it."""
    go = asyncio.Event()

    async def send_twice(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FLOOD)
        await go.wait()
        writer.write(FLOOD)
        await asyncio.Event().wait()

    async with linked(send_twice, replace(READER, unacknowledged_bound=100)) as (_, link):
        await until(lambda: link.waiting == 4)
        link.rest(3600)
        wire = link._wire
        assert wire is not None
        assert wire._transport is not None
        assert not wire._transport.is_reading()
        go.set()
        descriptor = wire._descriptor
        await until(lambda: bool(select.select([descriptor], [], [], 0)[0]))
        assert link.waiting == 4
        link.rest(0.001)
        await until(lambda: link.waiting == 8)


async def test_socket_with_more_than_a_read_brings_does_not_rest() -> None:
    """Or the rest would lie there, and would seem to have come later than it has."""

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FLOOD)
        await asyncio.Event().wait()

    async with linked(send) as (_, link):
        await until(lambda: link.waiting == 4)
        wire = link._wire
        assert wire is not None
        wire._read_bytes = 1 << 17
        link.rest(3600)
        assert wire._resting is None


async def test_broker_that_never_reads_is_not_read_either() -> None:
    """What we would answer it is not kept in memory without a bound."""
    messages = b"".join(
        mqtt5.PublishPacket("s/1", b"", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id).write() for packet_id in range(1, 5001)
    )

    async def send_on(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while True:
            writer.write(messages)
            await writer.drain()

    session = replace(READER, unacknowledged_bound=1_000_000)
    async with linked(send_on, session) as (_, link):
        await until(lambda: link.connected)
        assert link._wire is not None
        transport = link._wire._transport
        assert transport is not None
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        def stopped() -> bool:
            for frame in taken(link):
                link.acknowledge([frame.packet_id], frame.generation)
            return not transport.is_reading()

        await until(stopped)
        assert transport.get_write_buffer_size() < 1 << 20


async def test_broker_that_never_reads_is_sent_no_more_than_one_message_that_does_not_fit() -> None:
    """Whatever is beyond the socket's room is refused, and stays where it is: nothing piles up in the link."""
    done = asyncio.Event()

    async def never_read(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no other way not to read
        await done.wait()

    async with linked(never_read, replace(READER, most_in_flight=10_000)) as (_, link):
        await until(lambda: link.connected)
        bundle, sent = bytes(128 << 10), 0
        while link.try_publish("city", bundle) is not None:
            sent += 1
            assert sent < 1_000
        assert link._wire is not None
        assert link._wire._transport is not None
        assert link._wire._transport.get_write_buffer_size() < 2 * len(bundle)
        assert link.try_publish("city", b"") is None
        done.set()


def test_end_is_noticed_under_the_event_loop_of_production_too() -> None:
    """Its transports tell of a socket what the others do."""
    uvloop.run(test_end_of_the_connection_is_noticed_while_reading_is_paused())
