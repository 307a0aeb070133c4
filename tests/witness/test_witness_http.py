"""The witness's HTTP server: what it understands, what it refuses, and that no stranger can hold it up."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import h11
import pytest

from gateway.http.server import MAX_BODY_BYTES, MAX_HEAD_BYTES, HttpServer, Request, Response
from tests.support.inside import until
from tests.support.waiting import HANG_S


class _Echo:
    """A handler that says what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.fails = False

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        if self.fails:
            raise OSError(5, "the disk is gone")
        return Response(200, request.method.encode() + b" " + request.path.encode() + b" " + request.body)


@pytest.fixture
async def echo() -> AsyncIterator[tuple[_Echo, int, HttpServer]]:
    """A server with short waits."""
    handler = _Echo()
    server = HttpServer(handler, request_s=0.5)
    port = await server.start("127.0.0.1", 0)
    yield handler, port, server
    await server.close()


async def _say(port: int, data: bytes, *, end: bool = False) -> bytes:
    """Send bytes, and return all that comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if end:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), HANG_S)
    except ConnectionResetError:
        return b""
    finally:
        writer.transport.abort()


_HOST = b"Host: a\r\n"


async def test_requests_on_one_connection_are_answered_in_order(echo: tuple[_Echo, int, HttpServer]) -> None:
    """Kept alive, a body each, a query let go, and closed when asked to."""
    _, port, _ = echo
    said = await _say(
        port,
        b"POST /a?b=c HTTP/1.1\r\n" + _HOST + b"content-length: 3\r\n\r\none"
        b"GET /two HTTP/1.1\r\n" + _HOST + b"\r\nHEAD /three HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n",
    )  # fmt: skip
    assert said.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert b"POST /a one" in said
    assert b"GET /two " in said
    assert said.endswith(b"Connection: close\r\n\r\n")


async def test_request_of_http_1_0_is_answered_and_closed(echo: tuple[_Echo, int, HttpServer]) -> None:
    """Without a host, as it may be."""
    assert (await _say(echo[1], b"GET / HTTP/1.0\r\n\r\n")).endswith(b"\r\nConnection: close\r\n\r\nGET / ")


async def test_client_that_waits_to_be_told_is_told_to_go_on(echo: tuple[_Echo, int, HttpServer]) -> None:
    """As some clients do with longer bodies."""
    head = b"POST / HTTP/1.1\r\n" + _HOST + b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    said = await _say(echo[1], head + b"ok")
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\n" + _HOST + b"\r\n", 400),
        (b"GET  / HTTP/1.1\r\n" + _HOST + b"\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\n" + _HOST + b"\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + _HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + _HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"bare\nline: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"folded: x\r\n y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"no colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"spaced : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"two: lines\nin: one\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"ends: early\n\r\nGET / HTTP/1.1\r\n" + _HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"control: \x01\r\n\r\n", 400),
        (b"GET / HTTP/1.2\r\n" + _HOST + b"\r\n", 400),
        (b"CONNECT / HTTP/1.1\r\n" + _HOST + b"\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\n" + _HOST + b"\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"\r\n", 411),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: +3\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 3\r\ncontent-length: 3\r\n\r\none", 400),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 3, 3\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: " + b"9" * 10 + b"\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"GET / HTTP/1.1\r\n" + _HOST + b"x: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    ],
)  # fmt: skip
async def test_request_not_to_the_letter_is_refused(echo: tuple[_Echo, int, HttpServer], data: bytes, status: int) -> None:
    """The handler never sees it, and the connection ends."""
    handler, port, _ = echo
    said = await _say(port, data)
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert said.count(b"HTTP/1.1 ") == 1
    assert not handler.requests


async def test_reason_of_a_refusal_is_one_line_without_what_was_sent(echo: tuple[_Echo, int, HttpServer]) -> None:
    """h11's own text would repeat it."""
    said = await _say(echo[1], b"GET / HTTP/1.1\r\n" + _HOST + b"<script>: x\r\n\r\n")
    assert said.endswith(b"\r\n\r\nnot a request of http/1.1 that is understood here\n")


async def test_refusal_of_a_head_request_has_no_body(echo: tuple[_Echo, int, HttpServer]) -> None:
    """Its length stands there, as it would for another method."""
    said = await _say(echo[1], b"HEAD / HTTP/1.1\r\n" + _HOST + b"Content-Length: 999999\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.endswith(b"Connection: close\r\n\r\n")


@pytest.mark.parametrize(
    "first",
    [
        b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 0\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + _HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + _HOST + b"Content-Length: 4\r\n\r\nbody",
    ],
    ids=["no bytes", "no bytes that are waited for", "another protocol", "a body where none is wanted"],
)
async def test_request_that_h11_could_stop_at_leaves_the_connection_of_use(
    echo: tuple[_Echo, int, HttpServer], first: bytes
) -> None:
    """The one after it is answered."""
    said = await _say(echo[1], first + b"GET /second HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n")
    assert said.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert said.endswith(b"GET /second ")


async def test_connections_last_request_is_told_so_and_those_before_that_it_stays(echo: tuple[_Echo, int, HttpServer]) -> None:
    """One header, whatever h11 adds."""
    said = await _say(
        echo[1], b"GET / HTTP/1.1\r\n" + _HOST + b"\r\nGET / HTTP/1.1\r\n" + _HOST + b"Connection: x, Close\r\n\r\n"
    )
    assert [line for line in said.split(b"\r\n") if line.startswith(b"Connection")] == [
        b"Connection: keep-alive", b"Connection: close",
    ]  # fmt: skip


async def test_head_that_would_cost_time_does_not_reach_h11(
    echo: tuple[_Echo, int, HttpServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blanks before a control character take its expressions half a second, in which nobody else is answered."""
    seen: list[bytes] = []
    monkeypatch.setattr(h11.Connection, "receive_data", lambda _, data: seen.append(data))
    said = await _say(echo[1], b"GET / HTTP/1.1\r\n" + _HOST + b"x:" + b" " * 8000 + b"\x0b\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ")
    assert not seen


async def test_deadline_is_one_for_head_and_body_together() -> None:
    """Each alone is in time; a client that is slow twice is hung up on."""
    server = HttpServer(lambda _: Response(200, b""), request_s=0.4)
    reader, writer = await asyncio.open_connection("127.0.0.1", await server.start("127.0.0.1", 0))
    try:
        for part in (b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 2\r\n\r\n", b"ok"):
            await asyncio.sleep(0.25)
            writer.write(part)
        assert await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        pass
    finally:
        writer.transport.abort()
        await server.close()


async def test_header_of_an_answer_that_would_become_two_is_a_failure_of_the_handler() -> None:
    """Nothing of it is sent."""
    server = HttpServer(lambda _: Response(200, b"", headers=(("X", "a\r\nSet-Cookie: b"),)))
    port = await server.start("127.0.0.1", 0)
    assert await _say(port, b"GET / HTTP/1.0\r\n\r\n") == b""
    with pytest.raises(h11.LocalProtocolError):
        await server.failed
    await server.close()


@pytest.mark.parametrize(
    "data",
    [b"", b"GET / HTT", b"GET / HTTP/1.1\r\n" + _HOST, b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 5\r\n\r\nhalf"],
)
@pytest.mark.parametrize("end", [False, True])
async def test_client_that_falls_silent_is_hung_up_on(echo: tuple[_Echo, int, HttpServer], data: bytes, end: bool) -> None:
    """After the bound, or at once where it has gone."""
    begun_s = time.monotonic()
    assert await _say(echo[1], data, end=end) == b""
    assert time.monotonic() - begun_s < 2


async def test_client_that_takes_no_answer_is_hung_up_on() -> None:
    """An answer larger than all buffers, to somebody who does not read."""
    server = HttpServer(lambda _: Response(200, bytes(30_000_000)), request_s=0.15)
    port = await server.start("127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        await asyncio.sleep(0.2)
        deadline_s = time.monotonic() + HANG_S
        while server._connections:
            assert time.monotonic() < deadline_s
            await asyncio.sleep(0.02)
    finally:
        writer.transport.abort()
        await server.close()


async def test_answer_that_waits_to_be_taken_does_not_outlive_the_deadline() -> None:
    """Smaller than what asyncio writes without waiting: a client that never reads would keep it, and its socket, for ever."""
    size, asked = 60_000, asyncio.Event()

    def answer(_: Request) -> Response:
        asked.set()
        return Response(200, bytes(size))

    server = HttpServer(answer, request_s=0.15)
    port = await server.start("127.0.0.1", 0)
    assert server._server is not None
    server._server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, b"GET / HTTP/1.0\r\n\r\n")
        await asked.wait()
        await until(lambda: not server._connections)
        taken = 0
        with suppress(ConnectionError):
            while part := await asyncio.wait_for(loop.sock_recv(client, size), 5):
                taken += len(part)
    await server.close()
    assert taken < size


async def test_handler_that_fails_answers_nobody_and_is_told(echo: tuple[_Echo, int, HttpServer]) -> None:
    """What was not made durable is not said; the process hears of it."""
    handler, port, server = echo
    handler.fails = True
    assert await _say(port, b"GET / HTTP/1.0\r\n\r\n") == b""
    with pytest.raises(OSError, match="the disk is gone"):
        await server.failed
