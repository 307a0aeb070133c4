"""What the running gateway measures of its own work: how often its loop turned and for how long, its commits and its batches.

``gateway.app`` and ``gateway.durable`` write it down as they go; ``gateway.watching`` reads it. Durations are in seconds.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
FRAMES: Final = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
REMEMBERED_S: Final = 300.0


class Spread:
    """How values are spread: how many are at most each bound, how many there are, and their sum.

    Attributes:
        bounds: Rising.
        counts: By bound, how many values are at most that and above the bound before; the last is of those above all bounds.
        total: Their sum.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Begin with no values."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Longest:
    """The largest of the values of late: of five to ten minutes, so that whoever looks each minute misses none."""

    __slots__ = ("_before", "_clock_s", "_now", "_since_s")

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with none."""
        self._clock_s = clock_s
        self._since_s = clock_s()
        self._before = self._now = 0.0

    def add(self, value: float) -> None:
        """Take a value in."""
        self._turn()
        self._now = max(self._now, value)

    def read(self) -> float:
        """Return the largest; zero where there was none."""
        self._turn()
        return max(self._now, self._before)

    def _turn(self) -> None:
        elapsed_s = self._clock_s() - self._since_s
        if elapsed_s < REMEMBERED_S:
            return
        self._before = self._now if elapsed_s < 2 * REMEMBERED_S else 0.0
        self._now = 0.0
        self._since_s += elapsed_s


class Pulse:
    """What is measured of one gateway.

    Attributes:
        turns: How often the loop has turned; whoever is watched has to move it on.
        turn_s: How long turns took, from being woken to having done all that was due.
        longest_turn_s: The longest of late: how long readings and withdrawals may have waited for their turn.
        commit_s: How long commits took, waiting for disk space included.
        batch_frames: How many frames a batch held.
    """

    __slots__ = ("batch_frames", "commit_s", "longest_turn_s", "turn_s", "turns")

    def __init__(self) -> None:
        """Begin with nothing measured."""
        self.turns = 0
        self.turn_s = Spread(SECONDS)
        self.longest_turn_s = Longest()
        self.commit_s = Spread(SECONDS)
        self.batch_frames = Spread(FRAMES)

    def turned(self, seconds: float) -> None:
        """Count a turn of the loop."""
        self.turns += 1
        self.turn_s.add(seconds)
        self.longest_turn_s.add(seconds)
