"""The figures for Prometheus: served to whoever asks, and nobody who asks badly stands in the way."""

from __future__ import annotations

import asyncio

import pytest

from gateway.edge.metrics import MetricsServer
from gateway.errors import OperatorError
from tests.support.waiting import HANG_S


async def _ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.read(), HANG_S)
    finally:
        writer.transport.abort()


async def test_figures_are_those_of_the_moment() -> None:
    """Accounts have a label, single gauges a name; the second scrape sees what has changed."""
    figures = {"frames.taken": 3.0, "waiting": 1.0}
    server = MetricsServer(0, lambda: figures)
    port = await server.start()
    try:
        first = await _ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        figures["waiting"] = 2
        second = await _ask(port, b"GET / HTTP/1.0\r\n\r\n")
    finally:
        await server.close()
    assert first.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n")
    assert b'sluice_account{account="frames.taken"} 3.0\n' in first
    assert b"sluice_waiting 1.0\n" in first
    assert b"sluice_waiting 2.0\n" in second


async def test_head_has_no_body_and_malformed_requests_no_figures() -> None:
    """As with any server; the scrape after them is answered."""
    server = MetricsServer(0, lambda: {"waiting": 1.0})
    port = await server.start()
    try:
        assert (await _ask(port, b"HEAD / HTTP/1.0\r\n\r\n")).endswith(b"\r\n\r\n")
        assert (await _ask(port, b"\x16\x03\x01\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert (await _ask(port, b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert b"sluice_waiting" in await _ask(port, b"GET / HTTP/1.0\r\n\r\n")
    finally:
        await server.close()


async def test_port_that_is_taken_is_told_in_one_line() -> None:
    """And names its key."""
    first = MetricsServer(0, dict)
    port = await first.start()
    second = MetricsServer(port, dict)
    try:
        with pytest.raises(OperatorError, match=rf"^`metrics\.port`: cannot listen on `{port}`: "):
            await second.start()
    finally:
        await second.close()
        await first.close()
