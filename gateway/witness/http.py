"""A small and strict HTTP/1.1 server: bounded heads and bodies, bounded waits, one plain function that answers.

It speaks to strangers. What is not understood to the letter is refused and the connection closed; no transfer codings, no
folded headers, no second length. Encryption is left to a proxy in front.

Source: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

MAX_HEAD_BYTES: Final = 8192
MAX_BODY_BYTES: Final = 131_072
MAX_CONNECTIONS: Final = 256
REQUEST_S: Final = 15.0
"""How long a head, a body or the taking of an answer may last; an idle connection is closed after that too."""
_REQUESTS_PER_CONNECTION = 1000
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_SINGLE = (b"host", b"content-length", b"transfer-encoding")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks; `path` is without the query, which nothing here has a use for."""

    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What it gets."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Response]
"""Answers at once and alone: no two requests are ever in it together. An error that it raises ends the server."""


class _BadRequestError(Exception):
    """A request that is refused before the handler sees it; the connection is closed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class _Head:
    method: str
    path: str
    keeps_alive: bool
    length: int | None
    expects_continue: bool


@dataclass(slots=True)
class HttpServer:
    """Serves one handler on one address."""

    handler: Handler
    request_s: float = REQUEST_S
    failed: asyncio.Future[None] = field(init=False)
    """Done with the handler's error once it has raised one."""
    _server: asyncio.Server | None = field(init=False, default=None)
    _connections: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    async def start(self, host: str, port: int) -> int:
        """Begin to listen; return the port, which is a free one where 0 was asked for.

        Raises:
            OSError: when the address cannot be had.
        """
        self.failed = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(self._accept, host, port, limit=MAX_HEAD_BYTES)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and hang up."""
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
            if len(self._connections) <= MAX_CONNECTIONS:
                await self._serve(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()  # whoever was there has gone, or has been waited for long enough
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(_REQUESTS_PER_CONNECTION):
            try:
                head = await self._head(reader)
                request = Request(head.method, head.path, await self._body(head, reader, writer))
            except _BadRequestError as refusal:
                await self._send(writer, Response(refusal.status, f"{refusal}\n".encode()), keep=False)
                return
            try:
                response = self.handler(request)
            except Exception as error:  # noqa: BLE001  whatever it is, it is raised where the server is waited for
                if not self.failed.done():
                    self.failed.set_exception(error)
                return
            await self._send(writer, response, keep=head.keeps_alive, without_body=head.method == "HEAD")
            if not head.keeps_alive:
                return

    async def _head(self, reader: asyncio.StreamReader) -> _Head:
        try:
            async with asyncio.timeout(self.request_s):
                return _parse_head(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError as error:
            raise _BadRequestError(431, f"more than {MAX_HEAD_BYTES} bytes of headers") from error

    async def _body(self, head: _Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        if head.length is None:
            if head.method in ("POST", "PUT", "PATCH"):
                raise _BadRequestError(411, "no content-length")
            return b""
        if head.length > MAX_BODY_BYTES:
            raise _BadRequestError(413, f"more than {MAX_BODY_BYTES} bytes")
        if head.expects_continue:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with asyncio.timeout(self.request_s):
            return await reader.readexactly(head.length)

    async def _send(self, writer: asyncio.StreamWriter, response: Response, *, keep: bool, without_body: bool = False) -> None:
        lines = [
            f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
            "X-Content-Type-Options: nosniff",
            *(f"{name}: {value}" for name, value in response.headers),
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if without_body else response.body))
        async with asyncio.timeout(self.request_s):
            await writer.drain()


def _parse_head(data: bytes) -> _Head:
    first, *lines = data[:-4].split(b"\r\n")
    asked = _REQUEST_LINE.fullmatch(first)
    if asked is None:
        raise _BadRequestError(400, "not a request line of http/1.1")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise _BadRequestError(400, "a malformed header")
        name = header[1].lower()
        if name in headers and name in _SINGLE:
            raise _BadRequestError(400, "a header given twice")
        headers[name] = header[2]
    is_1_1 = asked[3] == b"1"
    if is_1_1 and b"host" not in headers:
        raise _BadRequestError(400, "no host header")
    if b"transfer-encoding" in headers:
        raise _BadRequestError(501, "transfer codings are not understood")
    length = headers.get(b"content-length")
    if length is not None and not _LENGTH.fullmatch(length):
        raise _BadRequestError(400, "a malformed content-length")
    keeps_alive = is_1_1 and b"close" not in headers.get(b"connection", b"").lower()
    return _Head(
        method=asked[1].decode(),
        path=asked[2].split(b"?", 1)[0].decode(),
        keeps_alive=keeps_alive,
        length=None if length is None else int(length),
        expects_continue=is_1_1 and headers.get(b"expect", b"").lower() == b"100-continue",
    )
