"""Admission: is this frame new, and is its time believable?

Replay: per device, and per run of it where it names its runs (boot id), a window over the sequence numbers, as in IPsec
(RFC 4303, section 3.4.3): the highest number seen and a bitmap of the 64 up to it. A number is accepted once; one below
the window can no longer be distinguished from a replay and is refused.

This has two limits. A device that counts from zero again without naming a new run is refused until it passes its old mark,
unless its profile says that it does (see ``runs``). And only the 16 runs that began last are remembered for each device: a frame
from an earlier one counts as new, and only its time is then checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from consent.core.disclosure import DAY_MS
from gateway.core.model import CLOCK_AHEAD, CLOCK_BEHIND, Reject

MAX_AHEAD_MS = DAY_MS
"""A device's clock may run ahead by one day."""

MAX_BEHIND_MS = 1_096 * DAY_MS
"""A reading may wait in a device for three years, one of them a leap year."""

WINDOW_BITS = 64
_WINDOW_MASK = (1 << WINDOW_BITS) - 1
_MAX_BOOTS = 16

Boot = int | str | None


class SequenceWindows:
    """The sequence numbers that one device has used, per boot id. Small, since there is one for each device."""

    __slots__ = ("_bitmap", "_boot", "_earlier", "_highest")

    def __init__(self) -> None:
        """Start with no number seen."""
        self._boot: Boot = None  # the run that began last
        self._highest = -1
        self._bitmap = 0  # bit n is for highest - n; 0 only before the first number
        self._earlier: dict[Boot, tuple[int, int]] | None = None  # boot id -> (highest, bitmap), in the order in which runs began

    def admit(self, boot: Boot, sequence: int) -> bool:
        """Mark a number as used; ``False`` where it was used before or is too old to be checked."""
        if boot != self._boot:
            return self._admit_from_other_run(boot, sequence)
        if sequence - self._highest == 1:
            self._highest = sequence
            self._bitmap = (self._bitmap << 1 | 1) & _WINDOW_MASK
            return True
        marked = mark_used(self._highest, self._bitmap, sequence)
        if marked is None:
            return False
        self._highest, self._bitmap = marked
        return True

    def _admit_from_other_run(self, boot: Boot, sequence: int) -> bool:
        if self._earlier is not None and boot in self._earlier:
            marked = mark_used(*self._earlier[boot], sequence)
            if marked is not None:
                self._earlier[boot] = marked
            return marked is not None
        if self._bitmap:
            earlier = self._earlier = self._earlier or {}
            earlier[self._boot] = (self._highest, self._bitmap)
            if len(earlier) >= _MAX_BOOTS:
                del earlier[next(iter(earlier))]
        self._boot, self._highest, self._bitmap = boot, sequence, 1
        return True

    def to_state(self) -> list[list[Any]]:
        """Return plain data, ``[[boot, highest, bitmap], …]``, that ``from_state`` accepts."""
        runs = [[boot, *run] for boot, run in (self._earlier or {}).items()]
        return [*runs, [self._boot, self._highest, self._bitmap]] if self._bitmap else runs

    @classmethod
    def from_state(cls, state: Iterable[Iterable[Any]]) -> SequenceWindows:
        """Rebuild the windows from what ``to_state`` returned."""
        windows = cls()
        earlier = {boot: (highest, bitmap) for boot, highest, bitmap in state}
        if earlier:
            windows._boot, (windows._highest, windows._bitmap) = earlier.popitem()
            windows._earlier = earlier or None
        return windows


def mark_used(highest: int, bitmap: int, sequence: int) -> tuple[int, int] | None:
    """Return the window with a number marked as used; ``None`` where it was used before or is too old to be checked."""
    ahead = sequence - highest
    if ahead > 0:
        return sequence, (bitmap << ahead | 1) & _WINDOW_MASK if ahead < WINDOW_BITS else 1
    mark = 1 << -ahead if -ahead < WINDOW_BITS else 0
    return None if mark == 0 or bitmap & mark else (highest, bitmap | mark)


def clock_reject(
    time_ms: int, now_ms: int, most_ahead_ms: int = MAX_AHEAD_MS, most_behind_ms: int = MAX_BEHIND_MS
) -> Reject | None:
    """Return why a time is not believable, or ``None``: unless a profile says otherwise, at most one day ahead of the gateway's
    clock, three years behind.
    """
    if time_ms > now_ms + most_ahead_ms:
        return CLOCK_AHEAD
    if time_ms < now_ms - most_behind_ms:
        return CLOCK_BEHIND
    return None
