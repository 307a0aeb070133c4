"""Clients that say nothing to an HTTP server, by the hundred: everybody else is answered while they all hold on."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from gateway.http.places import MOST_PLACES, Places
from gateway.http.server import HttpServer, Response
from tests.support.inside import until
from tests.support.waiting import HANG_S

_ASK = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class _Crowd:
    """Connections that say no more than half a request."""

    def __init__(self) -> None:
        self.clients: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def join(self, port: int, n: int, said: bytes) -> None:
        """Open connections one after another, and say so much on each."""
        for _ in range(n):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            self.clients.append((reader, writer))

    def leave(self) -> None:
        """Hang up."""
        for _, writer in self.clients:
            writer.transport.abort()


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
)
async def test_three_hundred_silent_clients_of_one_address_keep_nobody_out(said: bytes) -> None:
    """Nothing said, half a head, half a body, or kept alive and idle: the next client is answered while they all hold on."""
    server = HttpServer(lambda _: Response(200, b"here"), request_s=HANG_S * 10)
    port, crowd = await server.start("127.0.0.1", 0), _Crowd()
    try:
        await crowd.join(port, 300, said)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_ASK)
        assert (await asyncio.wait_for(reader.read(), HANG_S)).endswith(b"here")
        writer.close()
        await until(lambda: len(server._connections) <= MOST_PLACES)
    finally:
        crowd.leave()
        await server.close()


async def test_client_that_loses_its_place_is_hung_up_on_at_once() -> None:
    """The one that waited longest, though its time is not over; the others stay."""
    server = HttpServer(lambda _: Response(200, b"here"), request_s=HANG_S * 10, places=Places(most=2))
    port, crowd = await server.start("127.0.0.1", 0), _Crowd()
    try:
        await crowd.join(port, 2, b"GET / HTT")
        await until(lambda: len(server._connections) == 2)
        await crowd.join(port, 1, b"GET / HTT")
        with suppress(ConnectionError):
            assert await asyncio.wait_for(crowd.clients[0][0].read(), HANG_S) == b""
        for reader, writer in crowd.clients[1:]:
            writer.write(b"P/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), HANG_S)).endswith(b"here")
    finally:
        crowd.leave()
        await server.close()
