"""One HTTP request to an untrusted server: everything that comes back is bounded, and cancelling the caller ends it.

The caller limits the time of the whole exchange; cancelling closes the connection at once. Redirects are not followed: a request
to one witness is meant for that witness. h11 reads the answer, in small parts and only after a check of the head: some of its
expressions take time that grows with the square of a line's length.

Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import h11

MAX_HEAD_BYTES: Final = 16_384
MAX_BODY_BYTES: Final = 65_536
MAX_ANSWER_BYTES: Final = 262_144
"""The most that an answer may take on the wire: interim answers, head, and body with the lines between its chunks."""
_PART_BYTES = 1024  # also the longest line between chunks
_HEAD = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [\t -~\x80-\xff]*)?(?:\r\n[!-9;-~][\t -~\x80-\xff]*)*\r\n\r\n")
_CLOSED_EARLY = "it hung up in the middle of an answer"
_MALFORMED = "not an answer of http/1.1"


class HttpError(ValueError):
    """What came back is not an HTTP answer."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server that requests go to: a parsed URL; `path` has no slash at its end."""

    host: str
    port: int
    path: str
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """Parse a URL.

        Raises:
            ValueError: when it is not the plain address of a web server.
        """
        problem = f"`{url}` is not the address of a web server"
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")  # refuses names that no name server could be asked for
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
    """The answer to a request."""

    status: int
    body: bytes


async def post(endpoint: Endpoint, path: str, body: bytes, tls: ssl.SSLContext | None = None) -> Reply:
    """Send a POST request on a connection of its own and return the answer.

    Args:
        endpoint: The server.
        path: Appended to the endpoint's own path.
        body: The body of the request.
        tls: How to check the server, where the endpoint has TLS.

    Raises:
        HttpError: when the answer is malformed or too long.
        OSError: when the server cannot be reached or closes the connection.
    """
    return await _exchange(endpoint, "POST", path, body, tls)


async def get(endpoint: Endpoint, path: str, tls: ssl.SSLContext | None = None) -> Reply:
    """Send a GET request on a connection of its own and return the answer; see ``post``."""
    return await _exchange(endpoint, "GET", path, None, tls)


async def _exchange(endpoint: Endpoint, method: str, path: str, body: bytes | None, tls: ssl.SSLContext | None) -> Reply:
    context = (tls or ssl.create_default_context()) if endpoint.tls else None
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=context, limit=MAX_HEAD_BYTES)
    connection = h11.Connection(h11.CLIENT, _PART_BYTES)
    headers = [("Host", endpoint.authority), ("User-Agent", "sluice")]
    if body is not None:
        headers += [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    headers.append(("Connection", "close"))
    try:
        for event in (
            h11.Request(method=method, target=endpoint.path + path, headers=headers),
            *(() if body is None else (h11.Data(body),)),
            h11.EndOfMessage(),
        ):
            writer.write(connection.send(event))
        await writer.drain()
        return await _read_reply(connection, reader)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError(_CLOSED_EARLY) from error
    except asyncio.LimitOverrunError as error:
        raise HttpError("an answer with too long a head") from error
    except h11.RemoteProtocolError as error:  # its own text may hold everything received
        closed = connection.trailing_data[1]
        raise (ConnectionResetError(_CLOSED_EARLY) if closed else HttpError(_MALFORMED)) from error
    finally:
        writer.transport.abort()  # nothing is left to send, and a server that does not read must not delay us


async def _read_reply(connection: h11.Connection, reader: asyncio.StreamReader) -> Reply:
    status, body, received = 0, bytearray(), 0
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            _check_length(len(body), MAX_BODY_BYTES)
        elif event is h11.NEED_DATA:
            await asyncio.sleep(0)  # data already received is read without waiting, and others must have their turn
            data = await (reader.read(_PART_BYTES) if status else _read_head(reader))
            received += len(data)
            _check_length(received, MAX_ANSWER_BYTES)
            connection.receive_data(data)
    return Reply(status, bytes(body))


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not _HEAD.fullmatch(head):
        raise HttpError(_MALFORMED)
    return head


def _check_length(length: int, most: int) -> None:
    if length > most:
        raise HttpError(f"an answer of more than {most} bytes")
