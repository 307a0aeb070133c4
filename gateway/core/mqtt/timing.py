"""The timers of an MQTT session as plain state: when to ping, when a broker is dead, when its queue is drained, when to retry.

Nothing here reads a clock: the time comes in as ``now_s``, seconds of any clock that only moves forward.
"""

from __future__ import annotations

from enum import Enum, auto

_QUIET_REFUSED_S = 2.0
_QUIET_SILENT_S = 10.0
_LONGEST_REFUSED_S = 60.0
_SOON_S = 1.0


class KeepAliveAction(Enum):
    """What the keep-alive timer asks for."""

    WAIT = auto()
    PING = auto()
    DEAD = auto()


class KeepAlive:
    """Pings at half the agreed interval, whatever else is sent, and notices when nothing at all comes back.

    While reading is paused, the answer may be unread in the socket: pings go out, and silence proves nothing unless the kernel
    tells that nothing came. Nor does it when our own process was suspended past the time of the ping.

    Attributes:
        heard_s: When bytes came from the broker last.
    """

    def __init__(self, now_s: float, keep_alive_s: float) -> None:
        self._interval_s = keep_alive_s / 2
        self.heard_s = now_s
        self._pinged_s = now_s
        self._excused = False

    def heard(self, now_s: float) -> None:
        """Record that bytes came from the broker."""
        self.heard_s = now_s

    def beat(self, now_s: float, *, deaf: bool) -> KeepAliveAction:
        """Return whether it is time to ping, or to give up on the broker.

        Args:
            now_s: The time; call this several times per interval.
            deaf: Whether an answer may have come without our knowing.
        """
        self._excused |= deaf
        late_s = now_s - self._pinged_s - self._interval_s
        if late_s < 0:
            return KeepAliveAction.WAIT
        silent = self.heard_s < self._pinged_s
        if silent and not self._excused and late_s < self._interval_s / 2:
            return KeepAliveAction.DEAD
        self._pinged_s = now_s
        self._excused = deaf
        return KeepAliveAction.PING


class DrainMarker:
    """Detects that everything the broker had queued before this connection has arrived.

    A marker that the gateway publishes to itself queues up behind everything else: when it comes back, the queue was drained.
    But what came while it was on its way may have waited as long as it has. So one that took more than a second is sent again,
    as long as that takes at most half the time: after days of outage the queue is drained once the latest readings are in, and
    under a load that never lets it get shorter, or on a slow link, once that has shown.
    Where the broker refuses the marker, 2 s without a message count as drained, and 60 s in any case. Some brokers accept the
    marker and drop it (an access list that forbids reading does that): then 10 s of silence count. Silence counts only
    while nothing is unacknowledged, since a broker whose window is full is silent too.

    Attributes:
        nonce: The marker's payload, unique to this connection.
        token: The token under which it was published.
        due: It should be published as soon as there is room.
        refused: The broker allows no marker.
    """

    def __init__(self, nonce: bytes) -> None:
        self.nonce = nonce
        self.token: int | None = None
        self.due = False
        self._drained = False
        self._began_s: float | None = None
        self._heard_s = 0.0
        self._former_s = float("inf")  # how long the last round took
        self.refused = False

    def sent(self, token: int, now_s: float) -> None:
        """Record that the marker has been written."""
        self.token = token
        self._began_s = self._heard_s = now_s

    def refuse(self, now_s: float) -> None:
        """Record that the broker allows no marker."""
        if self._began_s is None:
            self._began_s = self._heard_s = now_s
        self.refused = True

    def heard(self, now_s: float) -> None:
        """Record that a message came."""
        self._heard_s = now_s

    def returned(self, payload: bytes, now_s: float) -> bool:
        """Return True once, when this is our marker, or make it due again; older ones, redelivered, do not count."""
        if self._drained or self._began_s is None or payload != self.nonce:
            return False
        took_s = now_s - self._began_s
        self.due = _SOON_S < took_s <= self._former_s / 2
        self._former_s = took_s
        self._drained = not self.due
        return self._drained

    def found_drained(self, now_s: float, unacknowledged: int) -> bool:
        """Return True once, when silence or the final timeout shows that the queue is drained."""
        if self._drained or self._began_s is None:
            return False
        quiet_s = _QUIET_REFUSED_S if self.refused else _QUIET_SILENT_S
        quiet = now_s - self._heard_s >= quiet_s and unacknowledged == 0
        self._drained = quiet or (self.refused and now_s - self._began_s >= _LONGEST_REFUSED_S)
        return self._drained


class Backoff:
    """Exponential back-off with full jitter, so that a thousand gateways do not return in the same second.

    A connection that the broker accepts and then ends at once counts as a failed attempt: only one that lasted resets the delay.

    Args:
        first_s: Upper bound of the first delay.
        most_s: Upper bound of every delay.
        stable_s: How long a connection has to last before the next delay is short again.
    """

    def __init__(self, first_s: float = 1.0, most_s: float = 30.0, stable_s: float = 30.0) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._stable_s = stable_s
        self._attempts = 0
        self._connected_s: float | None = None

    def connected(self, now_s: float) -> None:
        """Record that the broker accepted a connection."""
        self._connected_s = now_s

    def delay_s(self, now_s: float, jitter: float, *, long: bool = False) -> float:
        """Return how long to wait before the next attempt.

        Args:
            now_s: When the last attempt failed or its connection ended.
            jitter: A random number in [0, 1).
            long: Wait at least half of the longest delay: reconnecting soon would only do harm.
        """
        if self._connected_s is not None and now_s - self._connected_s >= self._stable_s:
            self._attempts = 0
        self._connected_s = None
        bound_s = min(self._most_s, self._first_s * 2.0 ** min(self._attempts, 32))
        self._attempts += 1
        return self._most_s * (1 + jitter) / 2 if long else bound_s * jitter
