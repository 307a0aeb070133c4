"""The link that keeps one MQTT session connected: sockets, TLS, time and randomness around ``gateway.core.mqtt.session``.

Readings come in over one link and bundles go out over another; both are this class. A frame costs no callback, task or
await of its own: the socket's bytes become frames in a list, the owner is woken once per read and takes them by the
thousand.

    link = MqttLink(settings, on_event=…, wake=event.set)
    task: link.run()                                   keeps connecting until cancelled
    owner: frames = link.take_frames(1000) → commit → link.acknowledge([f.packet_id for f in frames], frames[0].generation)
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from gateway.core.mqtt.events import Connected, Disconnected, Frame, LinkEvent
from gateway.core.mqtt.session import ConnectionState, MqttSession
from gateway.core.mqtt.timing import Backoff
from gateway.edge.broker_terms import BrokerTerms, ask_terms
from gateway.edge.link import LinkSettings, in_words
from gateway.edge.unread import UnreadBytes, give_up_after, hung_up

_TICK_S = 0.5
_DISCONNECT_TIMEOUT_S = 1.0
_LARGE_READ_BYTES = 1 << 17
"""After such a read there may be more in the socket."""
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")
"""How an alert and a handshake begin, in every version of TLS."""


class MqttLink:
    """One session with one broker, reconnecting for as long as ``run`` runs.

    Attributes:
        terms: What the broker was found to do, when it was last asked.
        problem: Why there is no connection; None where there is one, or none has been tried yet.

    Args:
        settings: Where and how.
        on_event: Called with each link event, never before all frames that arrived earlier have been taken.
        wake: Called when there is something to take; once per read, not per frame. Must not block.
    """

    def __init__(
        self,
        settings: LinkSettings,
        *,
        on_event: Callable[[LinkEvent], None] = lambda _: None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.session = MqttSession(settings.session)
        self.terms = BrokerTerms()
        self.problem: str | None = None
        self._asked_at: int | None = None  # how many connections there had been
        self._on_event = on_event
        self._wake = wake
        self._backoff = Backoff(settings.first_delay_s, settings.most_delay_s, settings.stable_s)
        self._random = secrets.SystemRandom()
        self._room = asyncio.Event()
        self._wire: _Wire | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the present connection."""
        return self.session.connected

    @property
    def generation(self) -> int:
        """The number of the present or last connection."""
        return self.session.generation

    @property
    def waiting(self) -> int:
        """How many frames can be taken, now or after the events among them."""
        return len(self.session.inbox.frames)

    @property
    def counters(self) -> Counter[str]:
        """How often each event happened: ``connections``, ``lost``, ``refused``, ``malformed``, ``protocol_error`` …"""
        return self.session.counters

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The filters that it subscribes to, as sent, without the marker's topic."""
        return self.session.settings.wanted

    def unsubscribe(self, patterns: Sequence[str]) -> None:
        """Take filters out of the session at the next connection, unless they are subscribed to."""
        self.session.stale_filters = tuple(patterns)

    @property
    def silent_s(self) -> float:
        """For how long nothing has come from the broker."""
        return max(0.0, asyncio.get_running_loop().time() - self.session.heard_s)

    def mark(self) -> None:
        """Send a new marker, so that ``Drained`` follows once everything that waits in the broker now has come."""
        self._write(self.session.mark(secrets.token_bytes(16)))

    def rest(self, seconds: float) -> None:
        """Leave the socket unread for so long: at a steady rate every message would otherwise be a wake-up of its own.

        Does nothing while there may be more in the socket than the last read brought.
        """
        if self._wire is not None:
            self._wire.rest(seconds)

    def take_frames(self, limit: int = 1000) -> list[Frame]:
        """Deliver the events that are due, then remove and return the oldest frames, all of one connection.

        An event among the frames ends the list early: call again until nothing is returned.
        """
        self._deliver()
        frames = self.session.inbox.take_frames(limit)
        self._steer()
        return frames

    def acknowledge(self, packet_ids: Sequence[int], generation: int) -> None:
        """Acknowledge the oldest unacknowledged frames, in order of arrival; those of a dead connection are dropped.

        Then deliver the events that came behind them, such as the connection's end, which no later read would bring.

        Args:
            packet_ids: As in the frames; zeros (QoS 0) are skipped.
            generation: As in the frames.

        Raises:
            ValueError: They are not the oldest, in order.
        """
        self._write(self.session.acknowledge(packet_ids, generation))
        self._deliver()
        self._steer()

    def try_publish(
        self, topic: str, payload: bytes, *, user_properties: Sequence[tuple[str, str]] = (), retain: bool = False
    ) -> int | None:
        """Publish at QoS 1 now, or not at all.

        Returns:
            A token once the bytes are written to the socket: from here on the message counts as sent, and ``Published``
            with the token follows, on a later connection if need be. None: no byte has been sent.

        Raises:
            PacketTooLargeError: The broker accepts no packet of this size.
        """
        wire = self._wire
        if wire is None or not wire.writable:
            return None
        published = self.session.try_publish(topic, payload, user_properties=user_properties, retain=retain)
        if published is None:
            return None
        token, raw = published
        wire.write(raw)
        return token

    async def run(self) -> None:
        """Stay connected until cancelled; then disconnect from the broker, which keeps the session."""
        loop = asyncio.get_running_loop()
        while True:
            await self._connect_once()
            delay_s = self._backoff.delay_s(loop.time(), self._random.random(), long=self.session.return_late)
            await asyncio.sleep(delay_s)
            while self.session.paused:
                self._room.clear()
                await self._room.wait()

    async def _connect_once(self) -> None:
        settings, loop = self.settings, asyncio.get_running_loop()
        wire = _Wire(self, loop)
        try:
            await self._ask_terms()
            async with asyncio.timeout(settings.connect_timeout_s):
                await loop.create_connection(lambda: wire, settings.host, settings.port, ssl=settings.tls)
            while not wire.gone.done() and self.session.state is not ConnectionState.CLOSED:
                await asyncio.wait([wire.gone], timeout=_TICK_S)
                wire.look()
                self.received(wire, self.session.tick(loop.time(), wire.came()))
        except (OSError, TimeoutError) as error:
            self.session.unreachable(settings.unreachable(error))
        finally:
            self._write(self.session.close())
            self._after()
            await wire.close()
            self._wire = None

    async def _ask_terms(self) -> None:
        """Find out the broker's terms once for each accepted connection: it may be another broker afterwards, or set up anew."""
        settings, connections = self.settings, self.session.counters["connections"]
        if not settings.asks_terms or self._asked_at == connections:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.connect_timeout_s):
                self.terms = await ask_terms(settings.host, settings.port, settings.tls, settings.session)
                self._asked_at = connections

    def began(self, wire: _Wire) -> None:
        """The socket is open (called by the wire)."""
        self._wire = wire
        wire.write(self.session.open(wire.now_s(), secrets.token_bytes(16)))

    def received(self, wire: _Wire, answer: bytes) -> None:
        """Write what the session answers, and follow its state (called by the wire, and at each tick)."""
        if wire is not self._wire:
            return
        if answer:
            wire.write(answer)
        if self.session.state is ConnectionState.CLOSED:
            wire.end()
        elif self.session.connected and not wire.accepted:
            wire.accepted = True
            self._backoff.connected(wire.now_s())
        self._after()

    def answered_in_tls(self, wire: _Wire, data: bytes) -> bool:
        """Return whether a broker that was spoken to in clear answers in TLS, and end the connection (called by the wire)."""
        if self.settings.tls is not None or not data.startswith(_TLS_RECORDS):
            return False
        self.ended(wire, "the broker answered in tls")
        wire.end()
        return True

    def ended(self, wire: _Wire, reason: str) -> None:
        """The socket is closed (called by the wire)."""
        if wire is self._wire:
            self._wire = None
            self.session.lost(reason if wire.accepted else f"{reason}: {self.settings.unanswered}")
            self._after()

    def _after(self) -> None:
        self._deliver()
        self._steer()
        if self.session.inbox:
            self._wake()

    def _deliver(self) -> None:
        while (event := self.session.inbox.take_event()) is not None:
            if isinstance(event, Connected | Disconnected):
                self.problem = event.reason if isinstance(event, Disconnected) else None
            self._on_event(event)

    def _steer(self) -> None:
        """Stop reading at the bound, and resume below half of it; a new connection waits likewise."""
        paused = self.session.paused
        if self._wire is not None:
            self._wire.hold_back(paused)
        if not paused:
            self._room.set()

    def _write(self, data: bytes) -> None:
        if data and self._wire is not None:
            self._wire.write(data)


class _Wire(asyncio.Protocol):
    """One TCP or TLS connection of a link."""

    def __init__(self, link: MqttLink, loop: asyncio.AbstractEventLoop) -> None:
        self.gone: asyncio.Future[None] = loop.create_future()
        self.now_s = loop.time
        self.writable = True
        self.accepted = False
        self._loop = loop
        self._link = link
        self._session = link.session
        self._reading = True
        self._held_back = False
        self._unread = UnreadBytes()
        self._read_bytes = 0
        self._resting: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport qualifies by its methods only
        give_up_after(self._descriptor, self._session.settings.keep_alive_s)
        self._link.began(self)

    def data_received(self, data: bytes) -> None:
        if not self.accepted and self._link.answered_in_tls(self, data):
            return
        self._read_bytes = len(data)
        self._link.received(self, self._session.feed(data, self.now_s()))

    def pause_writing(self) -> None:
        self.writable = False
        self._read_or_not()  # or a broker that sends and never reads would have us keep all our answers

    def resume_writing(self) -> None:
        self.writable = True
        self._read_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._resting is not None:
            self._resting.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        self._link.ended(self, f"the connection was lost: {in_words(exc)}" if exc else "the broker closed the connection")

    def write(self, data: bytes) -> None:
        """Write bytes to the socket."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def hold_back(self, paused: bool) -> None:
        """Stop reading at the bound of unacknowledged frames, or resume."""
        if paused is not self._held_back:
            self._held_back = paused
            self._read_or_not()

    def look(self) -> None:
        """Notice the end of the connection while nothing is read."""
        if self._deaf and hung_up(self._descriptor) and self._transport is not None:
            self._transport.abort()

    def came(self) -> bool | None:
        """Return whether anything came in that is not read; None where nobody can tell."""
        if self._deaf:
            return self._unread.came(self._descriptor)
        self._unread.forget()
        return False

    @property
    def _deaf(self) -> bool:
        """Whether reading is paused for longer than a moment, on a connection that we have not ended."""
        held_back = self._held_back or not self.writable
        return held_back and self._transport is not None and not self._transport.is_closing()

    @property
    def _descriptor(self) -> int:
        assert self._transport is not None
        descriptor: int = self._transport.get_extra_info("socket").fileno()
        return descriptor

    def rest(self, seconds: float) -> None:
        """Leave the socket unread for so long, instead of what was asked before."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if seconds and self._read_bytes < _LARGE_READ_BYTES:
            self._resting = self._loop.call_later(seconds, self._rested)
        self._read_or_not()

    def _rested(self) -> None:
        self._resting = None
        self._read_or_not()

    def _read_or_not(self) -> None:
        reading = not self._held_back and self.writable and self._resting is None
        if reading is self._reading or self._transport is None or self._transport.is_closing():
            return
        self._reading = reading
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def end(self) -> None:
        """Send what is written, then close, without waiting for it."""
        if self._transport is not None:
            self._transport.close()

    async def close(self) -> None:
        """Close, and abort if the other side does not accept the last bytes in time."""
        if self._transport is None:
            return
        self._transport.close()
        try:
            await asyncio.wait([self.gone], timeout=_DISCONNECT_TIMEOUT_S)
        finally:
            self._transport.abort()
