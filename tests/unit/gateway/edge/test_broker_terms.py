"""What is learned from brokers of every kind by asking them, and what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import mqtt5
import pytest
from mqtt5 import ConnAckReasonCode

from gateway.core.mqtt.settings import SessionSettings
from gateway.edge import broker_terms
from gateway.edge.broker_terms import BrokerTerms, ask_terms

# On text that is not UTF-8 the codec panics, which is caught, and leaves the decoding error lying about.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SESSION = SessionSettings(client_id="gw", filters=("s/#",), user="account")
NEVER_S = 0xFFFF_FFFF


class Broker:
    """A broker that keeps sessions by the key that the test chooses, and tells what they came to.

    Attributes:
        sessions: The keys of those that are kept.
        asked: Each CONNECT.
    """

    def __init__(self, key: Callable[[mqtt5.ConnectPacket], str], *, sessions: set[str] | None = None) -> None:
        self.sessions: set[str] = sessions or set()
        self.asked: list[mqtt5.ConnectPacket] = []
        self._key = key

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection as MQTT has it."""
        connect = mqtt5.read(memoryview(await _packet(reader)))[0]
        assert isinstance(connect, mqtt5.ConnectPacket)
        self.asked.append(connect)
        key = self._key(connect)
        present = key in self.sessions
        self.sessions.add(key)
        writer.write(mqtt5.ConnAckPacket(session_present=present, retain_available=False).write())
        writer.write(mqtt5.PublishPacket("s/1", b"x", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=1).write())
        goodbye = mqtt5.read(memoryview(await _packet(reader)))[0]
        assert isinstance(goodbye, mqtt5.DisconnectPacket)
        if goodbye.session_expiry_interval == 0:
            self.sessions.discard(key)
        writer.close()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    return head + await reader.readexactly(head[1])


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """Run a server; yield its port. At the end every connection has ended."""
    serving: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        open_yet = list(serving)
        for task in open_yet:
            task.cancel()
        await asyncio.gather(*open_yet, return_exceptions=True)


async def terms(serve: Serve) -> BrokerTerms:
    """Ask a server."""
    async with serving(serve) as port:
        return await ask_terms("127.0.0.1", port, None, SESSION)


async def test_ids_are_free_where_another_id_has_another_session() -> None:
    """Two questions under two ids that nobody has; both sessions that were made for them are gone again."""
    broker = Broker(lambda connect: connect.client_id, sessions={"gw"})
    assert await terms(broker.serve) == BrokerTerms(ids_bound=False, retains=False)
    assert broker.sessions == {"gw"}
    ids = {connect.client_id for connect in broker.asked}
    assert len(ids) == 2
    assert all(name.startswith("gw-") for name in ids)


async def test_ids_are_bound_where_the_session_of_the_account_is_continued() -> None:
    """One question; the gateway's session stays, and would stay if the question broke off."""
    broker = Broker(lambda connect: str(connect.username), sessions={"account"})
    assert await terms(broker.serve) == BrokerTerms(ids_bound=True, retains=False)
    assert broker.sessions == {"account"}
    (connect,) = broker.asked
    assert (connect.clean_start, connect.session_expiry_interval, connect.receive_max) == (False, NEVER_S, 1)


async def test_ids_are_bound_is_found_before_there_is_a_session() -> None:
    """The second question continues the session of the first; the gateway finds none afterwards."""
    broker = Broker(lambda connect: str(connect.username))
    assert await terms(broker.serve) == BrokerTerms(ids_bound=True, retains=False)
    assert broker.sessions == set()


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        (ConnAckReasonCode.CLIENT_ID_NOT_VALID, BrokerTerms(ids_bound=True)),
        (ConnAckReasonCode.NOT_AUTHORIZED, BrokerTerms(refused="not authorized (0x87)")),
        (ConnAckReasonCode.SERVER_BUSY, BrokerTerms(refused="server busy (0x89)")),
    ],
)
async def test_refusal_tells_only_where_it_is_about_the_id(reason: ConnAckReasonCode, found: BrokerTerms) -> None:
    """A wrong password proves nothing, and is told as what it is."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _packet(reader)
        writer.write(mqtt5.ConnAckPacket(reason_code=reason).write())
        writer.close()

    assert await terms(refuse) == found


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"\xd0\x00",
        b"\x00\x00",
        b"\x20\xff\xff\xff\x7f",
        b"\x31\xff\xff\xff\x7f",
        b"\x20\x07\x00\x00\x04\x1f\x00\x01\xff",
    ],
)
async def test_broker_that_talks_rubbish_tells_nothing(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that falls over, or announces what nobody would read; the question ends in any case."""
    monkeypatch.setattr(broker_terms, "_ANSWER_S", 0.2)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _packet(reader)
        if answer is None:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()
            done.set()
            return
        writer.write(answer)
        try:
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()
            done.set()

    done = asyncio.Event()
    assert await terms(talk) == BrokerTerms(unanswered=True)
    await done.wait()


async def test_broker_that_is_away_is_the_callers_to_report() -> None:
    """As any connection to it would be."""
    async with serving(Broker(lambda _: "").serve) as port:
        pass
    with pytest.raises(OSError, match=str(port)):
        await ask_terms("127.0.0.1", port, None, SESSION)


async def test_question_that_is_given_up_while_it_takes_its_leave_closes_its_connection() -> None:
    """A gateway that is stopped at that moment waits for no broker that does not close."""
    leaving = asyncio.Event()

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _packet(reader)
        writer.write(mqtt5.ConnAckPacket(session_present=True).write())
        await _packet(reader)
        leaving.set()
        await asyncio.Event().wait()

    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always")
        async with serving(stay) as port:
            question = asyncio.create_task(ask_terms("127.0.0.1", port, None, SESSION))
            await leaving.wait()
            question.cancel()
            await asyncio.gather(question, return_exceptions=True)
            del question
            gc.collect()
    assert [str(each.message) for each in left_open if each.category is ResourceWarning] == []
