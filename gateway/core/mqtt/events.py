"""What an MQTT session delivers to its owner: frames, and past-tense events about the connection, in one sequence.

An event is delivered only once all frames that arrived before it have been taken: "the queue is
drained" must not overtake the readings that were in it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import msgspec

TAKEN_OVER = 0x8E
"""Reason code of the DISCONNECT by which a broker tells that another client has connected as this one. Not every broker tells."""

NO_TOPIC = ""
"""Stands for the topic of a message whose texts are not fit to be read (``texts``). No device has it."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One PUBLISH as it came from the broker.

    Attributes:
        topic: The topic name, or ``NO_TOPIC``.
        payload: The raw bytes.
        packet_id: The identifier to acknowledge, 0 for QoS 0.
        duplicate: The DUP flag: the broker may have sent this before, on an earlier connection.
        retain: The RETAIN flag: the broker had kept the message, nobody knows since when. What it passes on as it comes has none.
        generation: Which connection it came over; acknowledgements for an earlier one are dropped.
        copy: Another of our subscriptions brings the same message, and that one counts.
    """

    topic: str
    payload: bytes
    packet_id: int
    duplicate: bool
    retain: bool
    generation: int
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection."""

    generation: int
    session_present: bool
    session_expiry_s: int


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker answered the subscription: for each filter the granted QoS, or a reason from 0x80 up when it refused."""

    generation: int
    granted: tuple[tuple[str, int], ...]

    @property
    def refused(self) -> tuple[str, ...]:
        """The filters for which nothing will arrive."""
        return tuple(pattern for pattern, code in self.granted if code >= 0x80)


@dataclass(frozen=True, slots=True)
class Drained:
    """Everything that the broker had queued before this connection has been received."""

    generation: int


@dataclass(frozen=True, slots=True)
class Published:
    """The broker answered one of our messages: it accepted it (reason below 0x80), or refused it for good."""

    token: int
    reason: int

    @property
    def accepted(self) -> bool:
        """Whether the broker took the message."""
        return self.reason < 0x80


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A connection ended, or an attempt to connect failed."""

    generation: int
    reason: str
    code: int | None = None

    @property
    def taken_over(self) -> bool:
        """Whether another client has connected as this one."""
        return self.code == TAKEN_OVER


LinkEvent = Connected | Subscribed | Drained | Published | Disconnected


class InboundQueue:
    """Frames and events that wait for the owner, in order of arrival.

    Attributes:
        frames: Those that wait.
        held_bytes: How many bytes have been read since frames began to wait: no less than what they hold.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.held_bytes = 0
        self._events: deque[tuple[int, LinkEvent]] = deque()
        self._taken = 0

    def __bool__(self) -> bool:
        return bool(self.frames or self._events)

    @property
    def arrived(self) -> int:
        """How many frames have ever been added."""
        return self._taken + len(self.frames)

    def count_read(self, length: int) -> None:
        """Record that so many bytes were read, whatever they held."""
        self.held_bytes = self.held_bytes + length if self.frames else 0

    def note(self, event: LinkEvent) -> None:
        """Add an event behind the frames that are waiting now."""
        self._events.append((self.arrived, event))

    def take_event(self) -> LinkEvent | None:
        """Remove and return the oldest event, if no waiting frame precedes it."""
        if self._events and self._events[0][0] <= self._taken:
            return self._events.popleft()[1]
        return None

    def take_frames(self, limit: int) -> list[Frame]:
        """Remove and return the oldest frames: at most ``limit``, and none that came after a waiting event."""
        if self._events:
            limit = min(limit, self._events[0][0] - self._taken)
        if limit >= len(self.frames):
            taken, self.frames = self.frames, []
            self.held_bytes = 0
        else:
            taken = self.frames[:limit]
            del self.frames[:limit]
            self.held_bytes = sum(len(frame.payload) for frame in self.frames)
        self._taken += len(taken)
        return taken
