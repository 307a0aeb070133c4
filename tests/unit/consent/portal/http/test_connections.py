"""Connections to the real server: slow, huge, half and broken requests cost others nothing."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from starlette.types import ASGIApp
from uvicorn import Config

from consent.portal.answers import EVENTS, EventStream, Route
from consent.portal.app import make_app
from consent.portal.http.connections import HEAD_BYTES, BoundedConnection, ConnectionBounds, OpenConnections
from consent.portal.serve import PortalServer, uvicorn_config
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, said_head, said_site, said_state
from tests.support.served_portal import ServedPortal, received
from tests.support.waiting import HANG_S

POLICIES = load_policies(ROOT / "policies")
ROBOTS = b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def listening(
    bounds: ConnectionBounds | None = None, app: ASGIApp | None = None
) -> Iterator[tuple[ServedPortal, OpenConnections]]:
    """Serve a portal in a thread of this process, within bounds on its connections."""
    site = said_site(SaidGate(said_state()), SaidRecord(POLICIES, said_head()))
    opened = OpenConnections(bounds or ConnectionBounds())
    config: Config = uvicorn_config(app or make_app(site), None, opened)
    server = PortalServer(config)
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        yield ServedPortal(None, "", address), opened  # type: ignore[arg-type]
    finally:
        server.should_exit = True
        thread.join()


def is_well(portal: ServedPortal) -> bool:
    """Return whether another visitor is served."""
    return portal.ask("/robots.txt").startswith(b"HTTP/1.1 200")


BROKEN = {
    "nothing": b"",
    "noise": bytes(range(256)) * 8,
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "half a line": b"GET / HT",
    "half a head": b"GET /offline HTTP/1.1\r\nHost: x\r\nAccept",
    "no host": b"GET /offline HTTP/1.1\r\n\r\n",
    "http/0.9": b"GET /\r\n\r\n",
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two lengths": b"GET /offline HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
    "bad length": b"GET /offline HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "bad chunks": b"GET /offline HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "folded": b"GET /offline HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "spaces": b"GET /offline HTTP/1.1\r\nHost : x\r\n\r\n",
    "zero": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "latin": "GET /ñ HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"),
    "bad percent": b"GET /%zz%f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "surrogate": b"GET /%ED%A0%80?lang=%ED%A0%80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "connect": b"CONNECT example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "whole address": b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "upgrade": b"GET /offline HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
    "expect": b"POST /offline HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    "long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET /offline HTTP/1.1\r\nHost: x\r\nA: " + b" " * 100_000 + b"\r\n\r\n",
    "many headers": b"GET /offline HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
    "long body": b"POST /offline HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 1_000_000,
    "dots": b"GET /log/../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "proxied": ROBOTS[:-2] + b"Connection: close\r\nX-Forwarded-For: \xff\r\nX-Forwarded-Proto: https\r\n\r\n",
}
SERVER_ERRORS = (b"HTTP/1.1 500", b"HTTP/1.1 501", b"HTTP/1.1 502")


def test_broken_requests_are_turned_away_and_others_are_served(caplog: pytest.LogCaptureFixture) -> None:
    """Each of them, and any part of each; no fault of ours, no line in a log, no file of the machine's, no promise of TLS."""
    chance = random.Random(20261129)
    with listening() as (portal, _):
        for name, request in BROKEN.items():
            for part in (request, request[: chance.randrange(len(request) + 1)], request + ROBOTS):
                answer = portal.say(part)
                assert not answer.startswith(SERVER_ERRORS), name
                assert b"root:" not in answer, name
                assert b"strict-transport-security" not in answer, name
            assert is_well(portal), name
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_mutated_requests_are_turned_away() -> None:
    """Two hundred well-formed ones with some bytes changed."""
    chance = random.Random(20261130)
    whole = b"GET /register.json?lang=es HTTP/1.1\r\nHost: x\r\nAccept-Language: es;q=0.8, pt\r\nConnection: close\r\n\r\n"
    with listening() as (portal, _):
        for _ in range(200):
            request = bytearray(whole)
            for _ in range(chance.randrange(1, 6)):
                request[chance.randrange(len(request))] = chance.randrange(256)
            answer = portal.say(bytes(request))
            assert not answer.startswith(SERVER_ERRORS), bytes(request)
        assert is_well(portal)


def test_request_that_does_not_end_is_ended() -> None:
    """Without it, each would hold a place for ever; so would a connection on which nothing is ever said."""
    with listening(ConnectionBounds(request_s=0.3)) as (portal, _), portal.connect() as silent, portal.connect() as slow:
        slow.sendall(b"GET /offline HTTP/1.1\r\nHost: x\r\nA")
        assert received(silent) == b""
        assert received(slow) == b""
        assert is_well(portal)


def test_request_that_drips_is_ended_though_it_moves() -> None:
    """A byte now and then does not begin the time anew."""
    with listening(ConnectionBounds(request_s=0.5)) as (portal, _), portal.connect() as slow:
        ended = threading.Event()

        def drip() -> None:
            while not ended.wait(0.05):
                try:
                    slow.sendall(b"A")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert received(slow) == b""
        finally:
            ended.set()
            dripping.join()


FONT = b"GET /static/public-sans.woff2 HTTP/1.1\r\nHost: x\r\n\r\n"


def test_visitor_who_asks_without_end_and_does_not_read_is_ended() -> None:
    """What waits to be read is given up, by the kernel too, and so is what would follow."""
    with listening() as (portal, opened), portal.connect() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(ConnectionError):  # else it waits until the test is given up
            while True:
                deaf.sendall(FONT)
        assert is_well(portal)
        assert len(opened._visitors) <= 2


def offered_still(port: int, visitor_port: int) -> bool:
    """Return whether the kernel holds the portal's end of a connection, with what was sent and not read (proc(5), net/tcp)."""
    ends = [line.split()[1:3] for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return any((here[-5:], there[-5:]) == (f":{port:04X}", f":{visitor_port:04X}") for here, there in ends)


def test_visitor_who_does_not_read_is_ended_in_time() -> None:
    """One that keeps within the length of a head, and would hold its answers for ever; the kernel lets go of them too."""
    with listening(ConnectionBounds(taken_s=0.5, request_s=0.5)) as (portal, opened), portal.connect() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(FONT * 100)
        assert is_well(portal)  # which has met this visitor by now
        deadline_s = time.monotonic() + HANG_S
        while opened._visitors and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert not opened._visitors
        assert is_well(portal)  # and so has closed the connection by now
        assert not offered_still(portal.port, deaf.getsockname()[1])


def test_head_beyond_its_length_is_ended_before_it_is_read_as_one() -> None:
    """Some expressions of the parser take time that grows with the square of a line."""
    with listening() as (portal, _):
        assert portal.say(b"GET /offline HTTP/1.1\r\nHost: x\r\nA:" + b" " * HEAD_BYTES + b"b\r\n\r\n") == b""
        assert is_well(portal)


def test_two_requests_on_one_connection_are_both_answered() -> None:
    """One behind the other, and both at once."""
    with listening() as (portal, _), portal.connect() as connection:
        connection.sendall(ROBOTS)
        first = connection.recv(65536)
        connection.sendall(ROBOTS + ROBOTS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert first.startswith(b"HTTP/1.1 200")
        assert received(connection).count(b"HTTP/1.1 200") == 2


class Place:
    """A connection, as far as its place goes."""

    def __init__(self, *, idle: bool) -> None:
        """Be idle, or not."""
        self.is_idle = idle
        self.transport = self
        self.aborted = False

    def abort(self) -> None:
        """Note it."""
        self.aborted = True


def test_idle_connection_gives_way_and_a_busy_one_does_not() -> None:
    """All places and those of one visitor; whoever is used last goes last; this machine's proxy is no visitor."""
    opened = OpenConnections(ConnectionBounds(connections=4, of_one=2))
    places: list[BoundedConnection] = [Place(idle=n != 1) for n in range(8)]  # type: ignore[misc]
    assert opened.enter(places[0], "192.0.2.1")
    assert opened.enter(places[1], "192.0.2.1")
    assert opened.enter(places[2], "192.0.2.1"), "the idle one of the same visitor goes"
    assert [place.transport.aborted for place in places[:3]] == [True, False, False]  # type: ignore[attr-defined]
    assert opened.enter(places[3], "127.0.0.1")
    assert opened.enter(places[4], "127.0.0.1")
    opened.used(places[2])
    assert opened.enter(places[5], "::1"), "the one that has been idle longest goes"
    assert [place.transport.aborted for place in places[1:5]] == [False, False, True, False]  # type: ignore[attr-defined]
    for place in places:
        place.is_idle = False
    assert not opened.enter(places[6], "198.51.100.1")
    opened.leave(places[1])
    assert opened.enter(places[6], "198.51.100.1")


def test_stream_outlives_the_time_of_a_request() -> None:
    """It is no slow answer: it says how long it may live, and its connection is let."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        for number in range(6):
            await asyncio.sleep(0.1)  # together longer than a request may take
            yield f"data: {number}\n\n".encode()

    async def show(*_: object) -> EventStream:
        return EventStream(pieces, 60.0)

    site = said_site(SaidGate(said_state()), SaidRecord(POLICIES, said_head()))
    app = make_app(site, routes=(Route("/stream", show, "A stream", EVENTS),))
    with listening(ConnectionBounds(request_s=0.3), app) as (portal, _):
        answer = portal.ask("/stream")
    assert b"data: 5\n\n" in answer
