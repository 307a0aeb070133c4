"""Admission: is this frame new, and is its time believable?

Replay: per device, and per run of it where it names its runs (boot id), a window over the sequence numbers, as in IPsec
(RFC 4303, section 3.4.3): the highest number seen and a bitmap of the 64 up to it. A number is taken once; what lies
below the window cannot be told from a replay any more and is refused.

Two limits follow, and are stated rather than hidden. A device that counts from zero again without naming a new run is
refused until it passes its old mark. And of each device the 16 runs that began last are remembered: a frame from before
those counts as new, and only its time then stands against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.core.model import CLOCK_AHEAD, CLOCK_BEHIND, Reject

MAX_AHEAD_MS = 86_400_000
"""A device's clock may run ahead by one day."""

MAX_BEHIND_MS = 1_096 * 86_400_000
"""A reading may wait in a device for three years, one of them a leap year."""

_WINDOW_BITS = 64
_WINDOW_MASK = (1 << _WINDOW_BITS) - 1
_MAX_BOOTS = 16

Boot = int | str | None


class SequenceWindows:
    """The sequence numbers that one device has used, per boot id."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        """Start with no number seen."""
        self._windows: dict[Boot, list[int]] = {}  # boot id -> [highest, bitmap]; bit n stands for highest - n

    def admit(self, boot: Boot, sequence: int) -> bool:
        """Mark a number as used; ``False`` where it was used before or is too old to tell."""
        window = self._windows.get(boot)
        if window is None:
            return self._admit_first(boot, sequence)
        ahead = sequence - window[0]
        if ahead == 1:
            window[0] = sequence
            window[1] = (window[1] << 1 | 1) & _WINDOW_MASK
            return True
        if ahead > 0:
            window[0] = sequence
            window[1] = (window[1] << ahead | 1) & _WINDOW_MASK if ahead < _WINDOW_BITS else 1
            return True
        mark = 1 << -ahead if -ahead < _WINDOW_BITS else 0
        if mark == 0 or window[1] & mark:
            return False
        window[1] |= mark
        return True

    def _admit_first(self, boot: Boot, sequence: int) -> bool:
        if len(self._windows) >= _MAX_BOOTS:
            del self._windows[next(iter(self._windows))]  # a dictionary keeps the order in which runs began
        self._windows[boot] = [sequence, 1]
        return True

    def to_state(self) -> list[list[Any]]:
        """Return plain data, ``[[boot, highest, bitmap], …]``, that ``from_state`` takes back."""
        return [[boot, *window] for boot, window in self._windows.items()]

    @classmethod
    def from_state(cls, state: Iterable[Iterable[Any]]) -> SequenceWindows:
        """Rebuild the windows that ``to_state`` described."""
        windows = cls()
        windows._windows = {boot: [highest, bitmap] for boot, highest, bitmap in state}
        return windows


def clock_reject(time_ms: int, now_ms: int) -> Reject | None:
    """Return why a time is not believable, or ``None``: at most one day ahead of the gateway's clock, three years behind."""
    if time_ms > now_ms + MAX_AHEAD_MS:
        return CLOCK_AHEAD
    if time_ms < now_ms - MAX_BEHIND_MS:
        return CLOCK_BEHIND
    return None
