"""A TCP relay that stands for a slow network: what is under way in it is lost when either end dies.

On the loopback interface an acknowledgement takes microseconds, so a process is hardly ever killed while one travels. Here it
travels as long as the test says, which makes "committed, and the broker has not heard of it" the rule at a kill.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.waiting import HANG_S

HELD_S = float("inf")


class SlowLink:
    """Listens on a free port of the loopback interface and passes bytes on to another, later.

    Attributes:
        port: Where it listens.
        there_s: How long bytes take from the client to the broker; ``HELD_S``: they never arrive.
        back_s: How long they take from the broker to the client. Both may change at any time, for the bytes that follow.
        lost_bytes: What was under way to the broker when a client died.
    """

    def __init__(self, broker_port: int, *, there_s: float = 0.0, back_s: float = 0.0) -> None:
        self.port = 0
        self.there_s = there_s
        self.back_s = back_s
        self.lost_bytes = 0
        self._broker_port = broker_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slow link", daemon=True)
        self._server: asyncio.Server
        self.ends: set[_End] = set()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Cut every connection and stop listening."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(HANG_S)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(lambda: _Client(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        gone = [end.cut() for end in list(self.ends)]
        if gone:
            await asyncio.wait(gone, timeout=HANG_S)

    async def reach_broker(self, client: _Client) -> None:
        """Open the other half of a client's connection; without a broker the client is cut off."""
        try:
            await self._loop.create_connection(lambda: _Broker(self, client), "127.0.0.1", self._broker_port)
        except OSError:
            client.cut()


class _End(asyncio.Protocol, ABC):
    """One of the two ends of a relayed connection."""

    def __init__(self, link: SlowLink) -> None:
        self.link = link
        self.other: _End | None = None
        self.under_way: deque[bytes] = deque()  # received here, not yet written to the other end
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.link.ends.add(self)

    @property
    @abstractmethod
    def delay_s(self) -> float:
        """How long bytes take from this end to the other."""

    def data_received(self, data: bytes) -> None:
        self.under_way.append(data)
        delay_s = self.delay_s
        if delay_s < HELD_S:
            self._loop.call_later(delay_s, self.pass_on)

    def pass_on(self) -> None:
        """Write the oldest bytes to the other end, if it is there."""
        if self.under_way and self.other is not None:
            self.other.write(self.under_way.popleft())

    def write(self, data: bytes) -> None:
        """Write to this end, while it lives."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def cut(self) -> asyncio.Future[None]:
        """Drop the connection at once; the result is there when it is gone."""
        self.under_way.clear()
        if self._transport is not None:
            self._transport.abort()
        return self._gone

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.ends.discard(self)
        self._gone.set_result(None)
        if self.other is not None:
            self.other.cut()


class _Client(_End):
    """Towards the gateway."""

    @property
    def delay_s(self) -> float:
        return self.link.there_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._reaching = self._loop.create_task(self.link.reach_broker(self))

    def connection_lost(self, exc: Exception | None) -> None:
        self._reaching.cancel()
        self.link.lost_bytes += sum(map(len, self.under_way))
        self.under_way.clear()
        super().connection_lost(exc)


class _Broker(_End):
    """Towards the broker."""

    def __init__(self, link: SlowLink, client: _Client) -> None:
        super().__init__(link)
        self.other = client

    @property
    def delay_s(self) -> float:
        return self.link.back_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.other is not None
        if self.other not in self.link.ends:  # it has gone meanwhile
            self.cut()
        self.other.other = self
        for _ in range(len(self.other.under_way)):
            self.other.pass_on()


@contextmanager
def slow_link(broker_port: int, *, there_s: float = 0.0, back_s: float = 0.0) -> Iterator[SlowLink]:
    """Run a relay for the length of the context."""
    link = SlowLink(broker_port, there_s=there_s, back_s=back_s)
    link.start()
    try:
        yield link
    finally:
        with contextlib.suppress(TimeoutError):
            link.stop()
