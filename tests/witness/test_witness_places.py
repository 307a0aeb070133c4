"""The places of an HTTP server: one network's silent clients cost nobody else theirs, and nobody waits for one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ipaddress import ip_network

import pytest

from gateway.witness.http import HttpServer, Response
from gateway.witness.places import MOST_PLACES, SHARE, Places
from tests.support.inside import until
from tests.support.waiting import HANG_S

_ASK = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def _entered(places: Places[str], address: str, n: int, name: str = "") -> list[str | None]:
    return [places.enter(f"{name or address} {number}", address) for number in range(n)]


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "no address"])
def test_network_beyond_its_share_loses_its_own_longest(address: str) -> None:
    """The first that came goes first, and no other network's."""
    places = Places[str]()
    assert _entered(places, "198.51.100.1", 1) == [None]
    assert _entered(places, address, SHARE) == [None] * SHARE
    assert places.enter("new", address) == f"{address} 0"
    assert places.enter("newer", address) == f"{address} 1"
    assert places.enter("another", "198.51.100.2") is None


def test_addresses_of_one_customer_are_one_network() -> None:
    """The 2^64 of an IPv6 network, which cost nothing; the next network is another's."""
    places = Places[str]()
    _entered(places, "2001:db8:0:1::1", SHARE)
    assert places.enter("same", "2001:db8:0:1:ffff:ffff:ffff:ffff") == "2001:db8:0:1::1 0"
    assert places.enter("other", "2001:db8:0:2::1") is None


def test_exchange_that_ends_makes_a_connection_the_newest() -> None:
    """Who asks and is answered stays before who has said nothing."""
    places = Places[str](share=2)
    _entered(places, "192.0.2.1", 2)
    places.refresh("192.0.2.1 0")
    assert places.enter("new", "192.0.2.1") == "192.0.2.1 1"


def test_place_that_was_left_is_free() -> None:
    """Once, however often it is left, and also where it was lost before."""
    places = Places[str](share=2)
    _entered(places, "192.0.2.1", 2)
    assert places.enter("new", "192.0.2.1") == "192.0.2.1 0"
    for _ in range(2):
        places.leave("192.0.2.1 0")
        places.leave("192.0.2.1 1")
        places.refresh("192.0.2.1 1")
    assert places.enter("newer", "192.0.2.1") is None
    assert places.enter("newest", "192.0.2.1") == "new"


def test_full_server_takes_a_place_from_the_network_with_the_most() -> None:
    """A crowd of one network never costs a lone client its place; among equals the longest goes."""
    places = Places[str](most=6, share=4)
    _entered(places, "192.0.2.1", 1, "lone")
    _entered(places, "192.0.2.2", 4, "crowd")
    _entered(places, "192.0.2.3", 1, "other")
    assert places.enter("new", "192.0.2.4") == "crowd 0"
    places = Places[str](most=2)
    assert [places.enter(name, f"192.0.2.{name}") for name in "1234"] == [None, None, "1", "2"]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "192.0.2.7", "2001:db8:1::5"])
def test_proxy_has_no_share_and_the_server_its_bound(address: str) -> None:
    """Many people come from its one address: loopback, and what is named."""
    places = Places[str]((ip_network("192.0.2.7"), ip_network("2001:db8:1::/48")))
    assert _entered(places, address, MOST_PLACES) == [None] * MOST_PLACES
    assert places.enter("new", address) == f"{address} 0"


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
