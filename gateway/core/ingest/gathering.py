"""Gathering: for how long the broker's socket is left unread, and when the readings that have come make a batch.

Every batch costs a commit, and every read a wake-up, whatever they hold; so while little comes, readings gather for up to the
configured time. That must not hold up a broker that has sent all it may: it sends no more until a batch is acknowledged, which
follows its commit. As many readings as we have asked for are a batch at once. Many brokers have fewer in flight: one that sends
so many at a stroke, and then nothing, is taken to wait for us, and from then on that many are a batch as well. A guess that
costs a commit or two where it is wrong: it is put to the test at once, and now and then, by waiting whether more follow, and is
given up when they do, or when as many no longer come at a stroke.

Requests and releases never come here. Nothing here reads a clock: times come in as seconds of any clock that moves forward.
"""

from __future__ import annotations

from typing import NamedTuple

REST_S = 0.01
"""For how long the socket rests where much comes, and after every acknowledgement."""
TOGETHER_S = 0.06
"""What comes within this time may have been sent at a stroke: TCP may hold small packets back for 40 ms, until the first is
confirmed."""
LAST_READ_S = 0.005
"""So long before a batch is due, the socket is read a last time."""

_REST_PER_FRAME_S = 0.0001
_MANY = 8
"""So many do not come together by chance; of fewer, the first must follow the acknowledgement at once too."""
_AT_ONCE_S = 0.02
_RAREST_TEST = 64
_SLOW = 3
"""So often in a row may a window take longer to fill before it is given up: the machine may have been busy."""


class Wait(NamedTuple):
    """What to do until more comes.

    Attributes:
        due_s: From now, when the batch is to be taken; 0: now.
        rest_s: From now, for how long to leave the socket unread; 0: not at all.
    """

    due_s: float
    rest_s: float


_AT_ONCE = Wait(0.0, 0.0)


class Gathering:
    """The pace of one connection's batches.

    Attributes:
        window: How many frames the broker sends before it waits for us, where it is taken to have fewer in flight than allowed.
    """

    __slots__ = (
        "_acknowledged_s",
        "_ceiling_s",
        "_due_s",
        "_filled",
        "_first_s",
        "_grew_s",
        "_last_s",
        "_looked_s",
        "_most",
        "_rested_s",
        "_slow",
        "_tests_at",
        "_waiting",
        "window",
    )

    def __init__(self, ceiling_s: float, most: int) -> None:
        """Begin with nothing waiting.

        Args:
            ceiling_s: The longest that a frame waits for others.
            most: So many frames are a batch.
        """
        self._ceiling_s = ceiling_s
        self._most = most
        self.window: int | None = None
        self._filled = 0  # how often the window was filled since it was guessed
        self._tests_at = 1
        self._slow = 0  # in a row
        self._acknowledged_s = float("-inf")
        self._begin()

    def _begin(self) -> None:
        self._waiting = 0
        self._first_s = self._last_s = self._grew_s = self._looked_s = self._rested_s = self._due_s = float("-inf")

    def arrived(self, waiting: int, now_s: float) -> Wait:
        """Record a read; return how long to wait.

        Args:
            waiting: How many frames wait now.
            now_s: The time.
        """
        wait = self._wait(waiting, now_s)
        self._looked_s, self._rested_s, self._due_s = now_s, now_s + wait.rest_s, now_s + wait.due_s
        return wait

    def _wait(self, waiting: int, now_s: float) -> Wait:
        if not self._waiting:
            self._first_s = self._looked_s = now_s
        if waiting > self._waiting:
            self._waiting, self._last_s = waiting, now_s
            was_open = now_s > self._rested_s + LAST_READ_S
            self._grew_s = now_s if was_open else self._looked_s  # what is read after a rest came at any time of it
        if waiting >= self._most or not self._ceiling_s:
            return _AT_ONCE
        due_s = self._first_s + self._ceiling_s - now_s
        if self._is_full():
            if not self._is_test:
                return _AT_ONCE
            due_s = min(due_s, self._last_s + TOGETHER_S - now_s)
        if due_s <= 2 * LAST_READ_S and now_s > self._first_s:
            return _AT_ONCE
        return Wait(max(0.0, due_s), self._rest_s(now_s, due_s - LAST_READ_S))

    def _is_full(self) -> bool:
        """Return whether the broker is taken to wait for us; give it up where more follow, or as many often take longer."""
        if self.window is None or self._waiting < self.window:
            return False
        if not self._came_together and (self._waiting > self.window or self._slow == _SLOW):
            self.window = None
        return self.window is not None

    @property
    def _came_together(self) -> bool:
        """Whether all that waits may have been sent at a stroke."""
        if self._grew_s - self._first_s > TOGETHER_S:
            return False
        return self._waiting >= _MANY or self._first_s - self._acknowledged_s <= _AT_ONCE_S

    @property
    def _is_test(self) -> bool:
        return self._filled + 1 == self._tests_at

    def _rest_s(self, now_s: float, most_s: float) -> float:
        """Return for how long nothing need be read: at most half the time in which all that may be in flight comes."""
        if self.window is not None:
            return max(0.0, min(most_s, self._short_s))
        followed = self._first_s - self._acknowledged_s <= 2 * REST_S
        since_s = now_s - (self._acknowledged_s if followed else self._first_s)
        fills_s = (self._most - self._waiting) * since_s / self._waiting
        return max(0.0, min(most_s, self._ceiling_s / 2, max(self._short_s, fills_s / 2)))

    @property
    def _short_s(self) -> float:
        return min(REST_S, self._ceiling_s / 2, _REST_PER_FRAME_S * (self.window or self._most))

    def taken(self, left: int, now_s: float) -> float:
        """Record that a batch is taken, and guess what the broker has in flight; return for how long the socket stays unread.

        Args:
            left: How many frames are left for the next.
            now_s: The time.
        """
        quiet = not left and self._due_s - self._last_s >= TOGETHER_S - LAST_READ_S
        quiet = quiet and now_s - self._due_s <= _AT_ONCE_S  # or we are busy, and nobody has looked
        if self.window is not None and self._waiting >= self.window:
            self._filled += 1
            self._slow = 0 if self._came_together else self._slow + 1
            if self._filled == self._tests_at:
                self._tests_at += min(self._filled, _RAREST_TEST)
        elif quiet and self._waiting and self._came_together:
            self.window, self._filled, self._tests_at, self._slow = self._waiting, 0, 1, 0
        self._begin()
        return self._short_s

    def acknowledged(self, now_s: float) -> float:
        """Record that a batch is acknowledged; return for how long the socket stays unread: what follows comes together."""
        self._acknowledged_s = now_s
        return self._short_s
