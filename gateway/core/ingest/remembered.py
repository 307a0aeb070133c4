"""Remembered times: is this reading new, where its device does not number its messages?

A repeat then shows by its time alone. So the times of the readings that were kept are remembered until their windows close, for
each property of a device, as ``admission`` remembers sequence numbers: the newest exactly; and a time at or before the last one
that had to be forgotten can no longer be told from a repeat, and is withheld. Readings that come in order are never withheld by
this, however many they are; nor is what a device sends after a long absence, oldest first.

Each property of a device has room for 64 times, and for more while the room that all share lasts. So nothing that one device
sends takes the last 64 from another, and all together stay within a bound that is known beforehand.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

NEW, REPEATED, FORGOTTEN = range(3)
"""What a time is: not seen before; that of a reading that was kept; or too old for anybody to know."""

OWN_TIMES = 64
"""How many times are remembered of each property of a device, whatever the others do; 4 bytes each, or 8 where one lies more than
three weeks from the first."""

MOST_TIMES = 4096
"""How many at most."""

SHARED_TIMES = 1 << 20
"""How many all together beyond those of their own: 8 MiB at most."""

_BLOCK = 64
_MIDDLE_MS = 1 << 31
"""Times lie around the first: 24 days before and after it fit into 32 bits."""


class SharedRoom:
    """The room that all remembered times share, beyond what each has of its own.

    Attributes:
        left: How many more times have room.
        forgotten: How many times have been forgotten since the start, before their windows had closed.
    """

    __slots__ = ("forgotten", "left")

    def __init__(self, times: int = SHARED_TIMES) -> None:
        """Begin empty."""
        self.left = times
        self.forgotten = 0


class RememberedTimes:
    """The times of one property of one device, in milliseconds since the Unix epoch. Small, since there are many.

    Attributes:
        newest_ms: The newest time; whatever is newer is new.
        forgotten_ms: The newest time that was forgotten, -1 where none was; whatever is not newer is not known.
    """

    __slots__ = ("_base_ms", "_granted", "_room", "_times", "forgotten_ms", "newest_ms")

    def __init__(self, room: SharedRoom, times: Iterable[int] = (), forgotten_ms: int = -1) -> None:
        """Continue from what was stored: the times, and the newest one that was forgotten."""
        self._room = room
        self._granted = OWN_TIMES
        self.restore(times, forgotten_ms)

    def restore(self, times: Iterable[int], forgotten_ms: int) -> None:
        """Continue from what was stored instead."""
        self._times: array[int] | tuple[()] = ()  # since ``_base_ms``; no array before there is a time
        self._base_ms = 0
        self.newest_ms = self.forgotten_ms = forgotten_ms
        for t_ms in sorted(times):
            self.add(t_ms)

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._times)

    def __iter__(self) -> Iterator[int]:
        """Iterate over them, oldest first."""
        return iter([self._base_ms + since_ms for since_ms in self._times])

    def recall(self, t_ms: int) -> int:
        """Return what a time is: ``NEW``, ``REPEATED`` or ``FORGOTTEN``."""
        if t_ms <= self.forgotten_ms:
            return FORGOTTEN
        times, since_ms = self._times, t_ms - self._base_ms
        at = bisect_left(times, since_ms)
        return REPEATED if at < len(times) and times[at] == since_ms else NEW

    def add(self, t_ms: int) -> None:
        """Remember a time that is new."""
        times = self._times
        if not times:
            times = self._times = array("I")
            self._base_ms = t_ms - _MIDDLE_MS
        try:
            if t_ms > self.newest_ms:
                times.append(t_ms - self._base_ms)
                self.newest_ms = t_ms
            else:
                insort(times, t_ms - self._base_ms)
        except OverflowError:
            self._times, self._base_ms = array("q", self), 0
            self.add(t_ms)
            return
        if len(times) > self._granted:
            self._grow_or_forget()

    def _grow_or_forget(self) -> None:
        if self._granted < MOST_TIMES and self._room.left >= _BLOCK:
            self._room.left -= _BLOCK
            self._granted += _BLOCK
            return
        assert self._times, "only where there are more than have room"
        self.forgotten_ms = self._base_ms + self._times.pop(0)
        self._room.forgotten += 1

    def drop_before(self, horizon_ms: int) -> None:
        """Drop the times before one from which on readings may still be kept, and return the room that is no longer needed."""
        if self._times:
            del self._times[: bisect_left(self._times, horizon_ms - self._base_ms)]
        if not self._times:
            self._times = ()
            self.newest_ms = self.forgotten_ms
        while self._granted - _BLOCK >= max(OWN_TIMES, len(self._times)):
            self._granted -= _BLOCK
            self._room.left += _BLOCK
