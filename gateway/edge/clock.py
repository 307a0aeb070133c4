"""The gateway's clock: real, simulated at a rate, or stopped until it is advanced.

Windows, days, epochs, expiry, the clock window and the log's times follow it; ticks, keep-alive, back-off and measured
milliseconds are real time and do not.
"""

from __future__ import annotations

import time

from consent.instants import parse_utc_ms
from gateway.config import Clock, ConfigError

LEAST_LATENESS_REAL_MS = 2_000
"""However fast simulated time runs, readings in transit must have arrived before their window ends."""

EARLIEST_MS = 1_767_225_600_000
"""2026-01-01: every version of this software is younger, so a clock that shows less was never set since the machine started."""


class GatewayClock:
    """Gives the gateway's time in ms since the Unix epoch."""

    def __init__(self, settings: Clock) -> None:
        """Begin as configured."""
        self.simulated = settings.simulated
        self.rate = settings.rate if settings.simulated else 1.0
        self._start_ms = 0
        self._at_ms = 0.0
        self._at_is_now = settings.at is None
        if settings.simulated:
            self._start_ms = parse_utc_ms(settings.start or "")
            self._at_ms = 1000 * (time.time() if settings.at is None else settings.at)

    def now_ms(self) -> int:
        """Return the present time."""
        if not self.simulated:
            return max(EARLIEST_MS, time.time_ns() // 1_000_000)
        return self._start_ms + int(self.rate * (time.time() * 1000 - self._at_ms))

    @property
    def is_set(self) -> bool:
        """Return whether it may show the time: before it was set, a machine without a clock of its own begins in 1970."""
        return self.simulated or self.now_ms() > EARLIEST_MS

    @property
    def starts_ms(self) -> int:
        """Return the time at which a simulated clock begins; 0 for a real one."""
        return self._start_ms

    def resume(self, latest_ms: int) -> None:
        """Continue from the end of a log: a stopped clock never gives a time before one that it has already given.

        Args:
            latest_ms: The latest time in the log.
        Raises: ConfigError: a simulated clock would start over at each start.
        """
        if self.stands:
            self._start_ms = max(self._start_ms, latest_ms)
        elif self.simulated and self._at_is_now:
            raise ConfigError("`clock.at`: is required once a log exists, or each start would set the clock back")

    @property
    def stands(self) -> bool:
        """Return whether time is stopped until it is advanced."""
        return self.simulated and self.rate == 0

    def advance(self, to_ms: int) -> None:
        """Set a stopped clock forward.

        Raises: ValueError: the clock runs by itself, or would go back.
        """
        if not self.stands:
            raise ValueError("the clock runs by itself and cannot be advanced")
        if to_ms < self._start_ms:
            raise ValueError("the clock cannot go back")
        self._start_ms = to_ms

    def lateness_ms(self, configured_s: int) -> int:
        """Return how long windows stay open after their end, in the gateway's time."""
        return max(configured_s * 1000, int(LEAST_LATENESS_REAL_MS * self.rate))
