"""`/my/readings/live`: the household's readings as they come, as server-sent events, for the page that is open.

One stream asks the gateway every few seconds for what is later than what it sent. It ends after ten minutes, when the session
does, and when its reader goes; a session has few streams at once, and so has the portal. Who finds no place, or has no script,
loads the page again instead.

Source: HTML Living Standard, section 9.2 (server-sent events).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import msgspec

from consent.citizen_messages import OwnReadings, ReadingsAfter
from consent.portal.afterwards.own import ask_own
from consent.portal.afterwards.readings import key_of, value_shown
from consent.portal.answers import EVENTS, PROBLEM, Answer, Content, EventStream, Parameter, Route, Who
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.my.telling import gate_now_ms, signed_in
from consent.portal.site import Site
from consent.portal.visit import Visit

_FULL: Final = 503
_RETRY_AFTER_S: Final = 60


@dataclass(frozen=True, slots=True)
class LiveBounds:
    """How many streams there may be, and how long each.

    Attributes:
        of_one: Of one session at once.
        all: Together.
        every_s: So often the gateway is asked.
        longest_s: After so long a stream ends.
        rows: So many readings are sent at once of a series, the latest.
    """

    of_one: int = 2
    all: int = 32
    every_s: float = 5.0
    longest_s: float = 600.0
    rows: int = 100


@dataclass(slots=True)
class LiveStreams:
    """The streams that are open.

    Attributes:
        wait: Waits for so many seconds.
        clock: In seconds, from any beginning.
    """

    bounds: LiveBounds = field(default_factory=LiveBounds)
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    _open: Counter[bytes] = field(default_factory=Counter)

    def has_place(self, token: str) -> bool:
        """Return whether a session may have one more."""
        return self._open.total() < self.bounds.all and self._open[_name(token)] < self.bounds.of_one

    @contextmanager
    def _placed(self, token: str) -> Iterator[None]:
        name = _name(token)
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            if self._open[name] <= 0:
                del self._open[name]

    async def events(self, site: Site, visit: Visit, after_ms: int) -> AsyncGenerator[bytes, None]:
        """Yield a session's readings later than an instant as they come, and what keeps the connection alive between them."""
        token = signed_in(visit).token
        if not self.has_place(token):  # another took it since it was asked for
            yield _event("end", b"{}")
            return
        with self._placed(token):
            end = self.clock() + self.bounds.longest_s
            yield b"retry: 5000\n\n"
            while self.clock() < end:
                try:
                    held = await ask_own(site, visit, "readings.show", ReadingsAfter(after_ms=after_ms), OwnReadings)
                except (SessionEndedError, GateRefusedError):
                    break
                except GateAwayError:
                    yield b": the gate does not answer\n\n"
                else:
                    after_ms = max([after_ms, *(each.readings[-1][0] for each in held.series if each.readings)])
                    yield self._said(visit, held)
                await self.wait(self.bounds.every_s)
            yield _event("end", b"{}")

    def _said(self, visit: Visit, held: OwnReadings) -> bytes:
        rows = {
            key_of(each): [
                [at_ms, visit.moment(at_ms), value_shown(visit, value)] for at_ms, value in each.readings[-self.bounds.rows :]
            ]
            for each in held.series
            if each.readings
        }
        return _event("readings", msgspec.json.encode(rows)) if rows else b": nothing new\n\n"


def _name(token: str) -> bytes:
    """Return what a session is counted by: no token lies about."""
    return sha256(token.encode()).digest()


def _event(name: str, data: bytes) -> bytes:
    """Return an event; JSON has no line ends, which would end it."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def live_routes(streams: LiveStreams) -> tuple[Route, ...]:
    """Return the route of the stream."""

    async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
        """Answer with the stream; with 503 where there are too many."""
        token = signed_in(visit).token
        if not streams.has_place(token):
            body = msgspec.json.encode({"title": "Too many live views at once", "status": _FULL})
            return Content(body, PROBLEM, _FULL, headers={"retry-after": str(_RETRY_AFTER_S)})
        after_ms = int(parameters.get("after", "") or await gate_now_ms(site))
        return EventStream(lambda: streams.events(site, visit, after_ms), streams.bounds.longest_s)

    after = Parameter("after", r"[0-9]{1,15}", "1796000000000", is_in_query=True)
    summary = "The household's readings as they come"
    return (Route("/my/readings/live", show, summary, EVENTS, (after,), needs_gate=True, who=Who.SIGNED_IN),)


ROUTES: Final = live_routes(LiveStreams())
