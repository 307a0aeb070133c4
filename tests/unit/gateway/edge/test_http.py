"""The HTTP client: what it makes of hostile answers, and that none of them costs more than its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import h11
import pytest

from gateway.edge import http
from gateway.edge.http import MAX_ANSWER_BYTES, MAX_BODY_BYTES, MAX_HEAD_BYTES, Endpoint, HttpError, Reply, post
from tests.support.waiting import HANG_S

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def _answering(begin: bytes, *, forever: bytes = b"") -> AsyncIterator[Endpoint]:
    """Serve one answer; what is to be said for ever is, and otherwise the server hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begin)
            while forever:
                writer.write(forever * 100)  # a write for each byte would take the server longer than its client
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], "", tls=False)
    finally:
        server.close()


async def _post(endpoint: Endpoint) -> Reply:
    return await asyncio.wait_for(post(endpoint, "/", b""), HANG_S)


@pytest.mark.parametrize(
    ("begin", "forever", "most"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", MAX_ANSWER_BYTES),
        (_CHUNKED, b"1;" + b"x" * 900 + b"\r\na\r\n", MAX_ANSWER_BYTES),
        (_CHUNKED, b"1\r\na\r\n", MAX_ANSWER_BYTES),
        (_CHUNKED, b"%x\r\n%b\r\n" % (4096, bytes(4096)), MAX_BODY_BYTES),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", bytes(4096), MAX_BODY_BYTES),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 99999999\r\n\r\n", bytes(4096), MAX_BODY_BYTES),
    ],
    ids=["promises", "long chunk lines", "chunks of one byte", "chunks", "redirect", "redirect of a known length"],
)
async def test_answer_without_end_is_broken_off_by_its_bytes(begin: bytes, forever: bytes, most: int) -> None:
    """Promises, heads, the lines between chunks: all that comes counts, whatever h11 makes of it."""
    async with _answering(begin, forever=forever) as endpoint:
        with pytest.raises(HttpError, match=f"^an answer of more than {most} bytes$"):
            await _post(endpoint)


@pytest.mark.parametrize("forever", [b"x", b"x: y\r\n"])
async def test_head_without_end_is_broken_off(forever: bytes) -> None:
    """In one line or in many."""
    async with _answering(b"HTTP/1.1 200 OK\r\n", forever=forever * 1000) as endpoint:
        with pytest.raises(HttpError, match="too long a head"):
            await _post(endpoint)


@pytest.mark.parametrize(("longer", "passes"), [(0, True), (1, False)])
async def test_head_may_be_as_long_as_the_bound(longer: int, passes: bool) -> None:
    """Though it come in one piece with all that follows, which is where h11 does not look at its own bound."""
    begin = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx: "
    async with _answering(begin + b"x" * (MAX_HEAD_BYTES - len(begin) + longer) + b"\r\n\r\n") as endpoint:
        if passes:
            assert await _post(endpoint) == Reply(200, b"")
        else:
            with pytest.raises(HttpError, match="too long a head"):
                await _post(endpoint)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nanything",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nfolded: x\r\n y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        _CHUNKED + b"1;" + b"x" * 10_000 + b"\r\na\r\n0\r\n\r\n",
        _CHUNKED + b"1\r\nab",
        _CHUNKED + b"-1\r\n",
        _CHUNKED + b"0\r\n" + b"trailer: x\r\n" * 1000 + b"\r\n",
    ],
)
async def test_answer_that_is_malformed_is_refused_in_one_short_line(answer: bytes) -> None:
    """None of what the stranger sent stands in it, as it does in h11's own text."""
    async with _answering(answer) as endpoint:
        with pytest.raises(HttpError, match=r"^not an answer of http/1\.1$"):
            await _post(endpoint)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
     _CHUNKED + b"2\r\nab\r\n", _CHUNKED + b"0\r\n"],
)  # fmt: skip
async def test_answer_that_is_cut_off_is_not_taken_for_a_whole_one(answer: bytes) -> None:
    """It is a failure of the connection, whichever part was missing."""
    async with _answering(answer) as endpoint:
        with pytest.raises(ConnectionResetError, match="hung up in the middle"):
            await _post(endpoint)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nokmore", b"ok"),
        (_CHUNKED + b"1;a=b \r\no\r\n1\r\nk\r\n0\r\ntrailer: x\r\n\r\n", b"ok"),
        (_CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (MAX_BODY_BYTES, bytes(MAX_BODY_BYTES)), bytes(MAX_BODY_BYTES)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES + bytes(MAX_BODY_BYTES), bytes(MAX_BODY_BYTES)),
    ],
)
async def test_answer_is_read_however_it_is_framed(answer: bytes, body: bytes) -> None:
    """Up to the bound, and nothing behind its end."""
    async with _answering(answer) as endpoint:
        assert await _post(endpoint) == Reply(200, body)


@pytest.mark.parametrize("control", [b"\x0b", b"\x00", b"\n", b"\r", b"\x7f"])
async def test_head_that_would_cost_time_does_not_reach_h11(control: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks before a control character take its expressions a second for a head of 16 KiB, in which nothing else runs."""
    seen: list[bytes] = []
    receive: Callable[[h11.Connection, bytes], None] = h11.Connection.receive_data

    def spy(connection: h11.Connection, data: bytes) -> None:
        seen.append(data)
        receive(connection, data)

    monkeypatch.setattr(h11.Connection, "receive_data", spy)
    async with _answering(b"HTTP/1.1 200 OK\r\nx:" + b" " * 16_000 + control + b"\r\n\r\n") as endpoint:
        with pytest.raises(HttpError, match="not an answer"):
            await _post(endpoint)
    assert not seen


async def test_answer_of_many_small_chunks_leaves_others_their_turns() -> None:
    """All of it lies there already, so reading never waits; a gateway does more than read it."""
    connection, reader = h11.Connection(h11.CLIENT), asyncio.StreamReader()
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "a"), ("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    reader.feed_data(_CHUNKED + b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n")
    reading = asyncio.create_task(http._read_reply(connection, reader))
    turns = 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert (await reading).body == b"a" * 20_000
    assert turns > 100
