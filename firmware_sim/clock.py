"""The simulated clock: every process that is given the same three numbers computes the same time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """A clock in milliseconds since the Unix epoch."""

    def now_ms(self) -> int:
        """Return the present time."""


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """A clock that showed ``start_ms`` at Unix time ``at_s`` and has run ``rate`` times as fast as a real one since."""

    start_ms: int
    at_s: float
    rate: float

    def now_ms(self) -> int:
        """Return start + rate × (Unix time − at)."""
        return self.start_ms + round(self.rate * (time.time() - self.at_s) * 1000)


class WallClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Return the Unix time."""
        return time.time_ns() // 1_000_000
