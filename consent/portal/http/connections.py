"""One connection of a browser, as uvicorn and h11 speak it, with bounds on its time, on its head, and on how many there are.

uvicorn waits without end for the rest of a request that has begun, and for a browser that does not read. Here a request has to
come, be answered and be taken in time; a head has a length; and when all places are taken, the connection that has been idle
longest gives way.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from consent.portal.http.visitors import is_local, network_of

HOLD_OPEN: Final = "hold_open"
"""In the state of a request: what lets its connection live for so many seconds from now, for an answer that comes bit by bit."""
_UNSENT_IS_DROPPED: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
HEAD_BYTES: Final = 16_384
"""The longest head of a request; also the most that may wait unread."""


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """What connections may use, together or each.

    Attributes:
        connections: How many there may be.
        of_one: How many of them may be of one visitor; those from this machine, where the proxy is, are bounded together alone.
        request_s: So long a request may take from its first byte, or from the opening of the connection, to its answer.
        taken_s: So long an answer may take to be read, and a connection may be idle at most, whatever keep-alive says.
    """

    connections: int = 512
    of_one: int = 64
    request_s: float = 20.0
    taken_s: float = 120.0


@dataclass(slots=True)
class OpenConnections:
    """All connections of a server."""

    bounds: ConnectionBounds = field(default_factory=ConnectionBounds)
    _visitors: dict[BoundedConnection, str] = field(default_factory=dict)  # those idle longest first

    def enter(self, connection: BoundedConnection, address: str) -> bool:
        """Take a connection in; return whether there is a place for it, for which an idle one may have to go."""
        visitor = "" if is_local(address) else network_of(address)
        own = [other for other, of in self._visitors.items() if visitor and of == visitor]
        if len(own) >= self.bounds.of_one:
            among = own
        elif len(self._visitors) >= self.bounds.connections:
            among = list(self._visitors)
        else:
            among = []
        if among:
            idle = next((other for other in among if other.is_idle), None)
            if idle is None:
                return False
            self.leave(idle)
            idle.transport.abort()
        self._visitors[connection] = visitor
        return True

    def used(self, connection: BoundedConnection) -> None:
        """Note that a connection was used just now."""
        if (visitor := self._visitors.pop(connection, None)) is not None:
            self._visitors[connection] = visitor

    def leave(self, connection: BoundedConnection) -> None:
        """Give a connection's place back."""
        self._visitors.pop(connection, None)


class BoundedConnection(H11Protocol):
    """A connection.

    Attributes:
        is_idle: Nothing of a request has come that is not answered.
    """

    def __init__(
        self,
        opened: OpenConnections,
        config: Config,
        server_state: ServerState,
        app_state: MutableMapping[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Be one of those that are open; the other arguments are uvicorn's."""
        super().__init__(config, server_state, {**app_state, HOLD_OPEN: self._end_in}, _loop)
        self.is_idle = True
        self._opened = opened
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, if there is a place."""
        super().connection_made(transport)
        if self._opened.enter(self, self.client[0] if self.client else ""):
            self._end_in(self._opened.bounds.request_s)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._opened.leave(self)
        if self._deadline is not None:
            self._deadline.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come, as long as it can be the head of a request."""
        if self.is_idle:
            self.is_idle = False
            self._end_in(self._opened.bounds.request_s)
        if len(self.conn.trailing_data[0]) + len(data) > HEAD_BYTES and self.conn.their_state is not h11.SEND_BODY:
            self._break_off()
            return
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Turn away what is no request; where one before it is being answered, that answer has nowhere to go any more."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            self._break_off()
        else:
            super().send_400_response(msg)

    def on_response_complete(self) -> None:
        """Wait for the next request; one that has come already is under way when this returns."""
        self.is_idle = True
        self._opened.used(self)
        self._end_in(self._opened.bounds.taken_s)
        super().on_response_complete()
        if self.conn.their_state not in (h11.IDLE, h11.MUST_CLOSE, h11.CLOSED) or self.conn.trailing_data[0]:
            self.is_idle = False

    def shutdown(self) -> None:
        """End once what is under way is answered; a request that has not come whole by now is not waited for."""
        if self.is_idle or self.conn.their_state is h11.IDLE:
            self.transport.abort() if self.conn.our_state is h11.ERROR else super().shutdown()
        else:
            super().shutdown()

    def _end_in(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._break_off)

    def _break_off(self) -> None:
        """End now; what a browser has not taken by then is dropped, where the kernel would go on offering it."""
        if (connected := self.transport.get_extra_info("socket")) is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _UNSENT_IS_DROPPED)
        self.transport.abort()
