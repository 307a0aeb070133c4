"""A small and strict HTTP/1.1 server: bounded heads and bodies, bounded waits, shared places, one synchronous handler.

Its clients are not trusted. A request that is not well formed to the letter is refused and the connection closed; transfer
codings, folded headers and repeated lengths are not accepted. How many connections there are, and how many of one network,
``places`` decides. Encryption is left to a proxy in front. h11 parses the requests; what it would tolerate (and what would take
it time quadratic in a line's length) is refused first.

Source: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import h11

from gateway.http.places import Places

MAX_HEAD_BYTES: Final = 8192
MAX_BODY_BYTES: Final = 131_072
REQUEST_S: Final = 15.0
"""How long one exchange may last: waiting for a request, reading it, and writing the answer."""
_REQUESTS_PER_CONNECTION = 1000
_HEAD = re.compile(rb"(?!CONNECT )[A-Z]{1,16} /[!-~]* HTTP/1\.[01](?:\r\n[!-9;-~][\t -~\x80-\xff]*)*\r\n\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*[0-9]{1,9}[ \t]*\r\n")


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request; `path` is without the query, which nothing here uses."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Response]
"""Answers synchronously, one request at a time. An error that it raises ends the server."""


class _BadRequestError(Exception):
    """A request that is refused before it reaches the handler; the connection is closed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class HttpServer:
    """Serves one handler on one address."""

    handler: Handler
    request_s: float = REQUEST_S
    places: Places[asyncio.Task[None]] = field(default_factory=Places)
    """Who of the connected may stay."""
    failed: asyncio.Future[None] = field(init=False)
    """Holds the handler's error once it has raised one."""
    _server: asyncio.Server | None = field(init=False, default=None)
    _connections: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    """Of all that are open or being closed; those with a place among them."""

    async def start(self, host: str, port: int) -> int:
        """Start listening and return the port; port 0 selects a free one.

        Raises:
            OSError: when the address cannot be used.
        """
        self.failed = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(self._accept, host, port, limit=MAX_HEAD_BYTES)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and close the connections."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self.failed.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            peer = writer.get_extra_info("peername")
            loser = self.places.enter(task, peer[0] if peer else "")
            if loser is not None:
                loser.cancel()
            await self._serve(task, reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()  # the client has gone or is too slow, or the server is closing
        finally:
            self.places.leave(task)
            self._connections.discard(task)
            writer.close()

    async def _serve(self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(0)  # `drain` then waits for the whole answer, so the deadline covers it
        connection = h11.Connection(h11.SERVER)
        for _ in range(_REQUESTS_PER_CONNECTION):
            async with asyncio.timeout(self.request_s):
                await self._exchange(connection, reader, writer)
            if connection.our_state is not h11.DONE:
                return
            connection.start_next_cycle()
            self.places.refresh(task)

    async def _exchange(self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: h11.Request | None = None
        try:
            asked = await _read_head(connection, reader)
            body = await _read_body(connection, asked, reader, writer)
        except _BadRequestError as refusal:
            answer = _answer(connection, asked, Response(refusal.status, f"{refusal}\n".encode()), "close")
        else:
            request = Request(asked.method.decode(), asked.target.split(b"?", 1)[0].decode(), body)
            try:
                answer = _answer(connection, asked, self.handler(request), "keep-alive")
            except Exception as error:  # noqa: BLE001  any error is raised again by whoever awaits `failed`
                if not self.failed.done():
                    self.failed.set_exception(error)
                return
        writer.write(answer)
        await writer.drain()


async def _read_head(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise _BadRequestError(431, f"more than {MAX_HEAD_BYTES} bytes of headers") from error
    lower = head.lower()
    if not _HEAD.fullmatch(head) or lower.count(b"\r\ncontent-length:") != bool(_LENGTH.search(lower)):
        raise _BadRequestError(400, "not a request of http/1.1")
    connection.receive_data(head)
    try:
        asked = connection.next_event()
    except h11.RemoteProtocolError as error:  # its own message may quote the request
        raise _BadRequestError(error.error_status_hint, "not a request of http/1.1 that is understood here") from error
    assert isinstance(asked, h11.Request)
    return asked


async def _read_body(
    connection: h11.Connection, asked: h11.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    headers = dict(asked.headers)
    if b"transfer-encoding" in headers:
        raise _BadRequestError(501, "transfer codings are not understood")
    if b"content-length" not in headers and asked.method in (b"POST", b"PUT", b"PATCH"):
        raise _BadRequestError(411, "no content-length")
    length = int(headers.get(b"content-length", b"0"))
    if length > MAX_BODY_BYTES:
        raise _BadRequestError(413, f"more than {MAX_BODY_BYTES} bytes")
    body = b""
    if length:  # h11 takes empty data for the end of the connection
        if connection.they_are_waiting_for_100_continue:
            writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue")))
        body = await reader.readexactly(length)
        connection.receive_data(body)
    while not isinstance(connection.next_event(), h11.EndOfMessage):
        pass  # the whole body has been received
    return body


def _answer(connection: h11.Connection, asked: h11.Request | None, response: Response, wish: str) -> bytes:
    """Return the answer's bytes; h11 turns `keep-alive` into `close` where the client asks for that."""
    headers = [
        ("Content-Type", response.content_type),
        ("Content-Length", str(len(response.body))),
        ("X-Content-Type-Options", "nosniff"),
        *response.headers,
        ("Connection", wish),
    ]
    head = h11.Response(status_code=response.status, headers=headers, reason=HTTPStatus(response.status).phrase)
    body = b"" if asked is not None and asked.method == b"HEAD" else response.body
    return b"".join(connection.send(event) for event in (head, h11.Data(body), h11.EndOfMessage()))
