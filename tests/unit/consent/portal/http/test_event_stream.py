"""Streams of events: kept nowhere, closed with their reader, and on connections that live for as long as they may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from consent.portal.answers import EventStream
from consent.portal.http.connections import HOLD_OPEN
from consent.portal.http.event_stream import streamed


class Reader:
    """A reader who goes after so many pieces.

    Attributes:
        sent: What came.
        closed: Whether the stream was closed.
    """

    def __init__(self, pieces: int) -> None:
        """Go after so many."""
        self._rest = pieces
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self._goes = asyncio.Event()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Yield without an end."""
        try:
            while True:
                yield b": x\n\n"
        finally:
            self.closed = True

    async def receive(self) -> dict[str, Any]:
        """Say that the reader has gone, once it has."""
        await self._goes.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take what comes."""
        self.sent.append(dict(message))
        if message["type"] == "http.response.body":
            self._rest -= 1
        if self._rest <= 0:
            self._goes.set()
        await asyncio.sleep(0)


async def read(pieces: int, state: dict[str, Any]) -> Reader:
    """Return a reader who has gone."""
    reader = Reader(pieces)
    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "state": state, "method": "GET", "headers": []}
    async with asyncio.timeout(10):
        await streamed(EventStream(reader.events, 600.0))(scope, reader.receive, reader.send)
    return reader


def test_reader_who_goes_ends_the_stream() -> None:
    """Its place is free at once, and not when somebody collects it."""
    reader = asyncio.run(read(3, {}))
    assert reader.closed
    headers = dict(reader.sent[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-accel-buffering"] == b"no"


def test_connection_is_asked_to_live_as_long_as_the_stream_may() -> None:
    """And a little longer, so that it is the stream that says its end."""
    asked: list[float] = []
    asyncio.run(read(1, {HOLD_OPEN: asked.append}))
    assert asked == [630.0]
