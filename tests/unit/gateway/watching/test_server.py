"""What is answered about the gateway over HTTP: served to whoever asks, and nobody who asks badly stands in the way."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway.errors import OperatorError
from gateway.watching.notify import Notifier
from gateway.watching.server import WatchServer
from gateway.watching.watch import Watch
from tests.support.waiting import HANG_S


def serving(port: int, figures: bytes = b"sluice_waiting 1.0\n") -> WatchServer:
    """Return a server about a gateway that is starting."""
    return WatchServer(port, Watch(Notifier()), lambda: figures)


async def _ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.read(), HANG_S)
    finally:
        writer.transport.abort()


async def test_each_path_has_its_answer_and_others_have_none() -> None:
    """A gateway that reads what is stored is alive, and not ready; only GET and HEAD are understood."""
    server = serving(0)
    port = await server.start()
    try:
        metrics = await _ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert metrics.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n")
        assert metrics.endswith(b"\r\n\r\nsluice_waiting 1.0\n")
        alive = await _ask(port, b"GET /healthz HTTP/1.0\r\n\r\n")
        assert alive.startswith(b"HTTP/1.1 200 ")
        assert alive.endswith(b"\r\n\r\nalive\n")
        ready = await _ask(port, b"GET /readyz?verbose HTTP/1.0\r\n\r\n")
        assert ready.startswith(b"HTTP/1.1 503 ")
        assert ready.endswith(b"\r\n\r\nstarting: what is stored is being read\n")
        assert (await _ask(port, b"GET /else HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        assert (await _ask(port, b"POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n")).startswith(b"HTTP/1.1 405 ")
    finally:
        await server.close()


async def test_head_has_no_body_and_malformed_requests_no_figures() -> None:
    """As with any server; the scrape after them is answered."""
    server = serving(0)
    port = await server.start()
    try:
        assert (await _ask(port, b"HEAD /metrics HTTP/1.0\r\n\r\n")).endswith(b"\r\n\r\n")
        assert (await _ask(port, b"\x16\x03\x01\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert (await _ask(port, b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert b"sluice_waiting" in await _ask(port, b"GET /metrics HTTP/1.0\r\n\r\n")
    finally:
        await server.close()


async def test_figures_that_fail_are_logged_once_and_everything_else_is_answered() -> None:
    """A fault in what only tells of the gateway must neither end it nor go unseen."""

    def fail() -> bytes:
        raise ZeroDivisionError

    server = WatchServer(0, Watch(Notifier()), fail)
    port = await server.start()
    try:
        with capture_logs() as logged:
            for _ in range(2):
                assert await _ask(port, b"GET /metrics HTTP/1.0\r\n\r\n") == b""
            assert b"alive" in await _ask(port, b"GET /healthz HTTP/1.0\r\n\r\n")
        assert [type(line["exc_info"]) for line in logged] == [ZeroDivisionError]
    finally:
        await server.close()


async def test_port_that_is_taken_is_told_in_one_line() -> None:
    """And names its key."""
    first = serving(0)
    port = await first.start()
    second = serving(port)
    try:
        with pytest.raises(OperatorError, match=rf"^`metrics\.port`: cannot listen on `{port}`: "):
            await second.start()
    finally:
        await second.close()
        await first.close()
