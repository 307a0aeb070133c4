"""One HTTP request to a stranger: everything that comes back is bounded, and nothing goes on after its caller has given up.

The caller bounds the time; cancelling closes the connection at once. Redirects are not followed: who asks a witness means that
witness.

Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MAX_HEAD_BYTES: Final = 16_384
MAX_BODY_BYTES: Final = 65_536
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
_CHUNK_LINE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_INFORMATIONAL_ANSWERS = 5


class HttpError(ValueError):
    """What came back is no answer to a request."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go: a URL taken apart; `path` is without a slash at its end."""

    host: str
    port: int
    path: str
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """Take a URL apart.

        Raises:
            ValueError: when it is no plain address of a web server.
        """
        problem = f"`{url}` is not the address of a web server"
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")  # refuses what no name server could be asked for
        except ValueError as error:
            raise ValueError(problem) from error
        plain = url.isascii() and url.isprintable() and " " not in url
        if not plain or parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
            raise ValueError(problem)
        tls = parts.scheme == "https"
        return cls(host, port or (443 if tls else 80), parts.path.rstrip("/"), tls)

    @property
    def authority(self) -> str:
        """Host and port as a `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: bytes


async def post(endpoint: Endpoint, path: str, body: bytes, tls: ssl.SSLContext | None = None) -> Reply:
    """Send a POST request on a connection of its own and return the answer.

    Args:
        endpoint: The server.
        path: Put behind the endpoint's own.
        body: What to send.
        tls: How to check the server, where the endpoint has TLS.

    Raises:
        HttpError: when the answer is malformed or too long.
        OSError: when the server cannot be reached or hangs up.
    """
    context = (tls or ssl.create_default_context()) if endpoint.tls else None
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=context, limit=MAX_HEAD_BYTES)
    try:
        head = (
            f"POST {endpoint.path}{path} HTTP/1.1\r\nHost: {endpoint.authority}\r\nUser-Agent: sluice\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        return await _read_reply(reader)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("it hung up in the middle of an answer") from error
    except asyncio.LimitOverrunError as error:
        raise HttpError("an answer with too long a line or head") from error
    finally:
        writer.transport.abort()  # nothing is left to be said, and a server that does not listen must not hold us up


async def _read_reply(reader: asyncio.StreamReader) -> Reply:
    for _ in range(_INFORMATIONAL_ANSWERS):
        status, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
        if status >= 200:
            return Reply(status, await _read_body(reader, headers))
    raise HttpError("it only ever says that it will answer")


def _parse_head(data: bytes) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = data[:-4].split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise HttpError("not an answer of http/1.1")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip(b" \t")
    return int(status[1]), headers


async def _read_body(reader: asyncio.StreamReader, headers: dict[bytes, bytes]) -> bytes:
    coding, length = headers.get(b"transfer-encoding"), headers.get(b"content-length")
    if coding is not None:
        if coding.lower() != b"chunked":
            raise HttpError("an unknown transfer coding")
        return await _read_chunks(reader)
    if length is None:
        body = bytearray()
        while part := await reader.read(MAX_BODY_BYTES):
            body += part
            _check_length(len(body))
        return bytes(body)
    if not _LENGTH.fullmatch(length):
        raise HttpError("a malformed content-length")
    _check_length(int(length))
    return await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = _CHUNK_LINE.fullmatch(await reader.readuntil(b"\n"))
        if line is None:
            raise HttpError("a malformed chunk")
        size = int(line[1], 16)
        if size == 0:  # trailers, if any, have nothing for us
            return bytes(body)
        _check_length(len(body) + size)
        chunk = await reader.readexactly(size + 2)
        if chunk[-2:] != b"\r\n":
            raise HttpError("a malformed chunk")
        body += chunk[:-2]


def _check_length(length: int) -> None:
    if length > MAX_BODY_BYTES:
        raise HttpError(f"an answer of more than {MAX_BODY_BYTES} bytes")
