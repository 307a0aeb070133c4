"""The gateway's clock: real, simulated at a rate, or stopped until it is advanced.

Windows, days, epochs, expiry, the clock window and the log's times follow it; ticks, keep-alive, back-off and measured
milliseconds are real time and do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from consent.instants import parse_utc_ms
from gateway.config import Clock, ConfigError
from gateway.edge import system_clock

LEAST_LATENESS_REAL_MS = 2_000
"""However fast simulated time runs, readings in transit must have arrived before their window ends."""

EARLIEST_MS = 1_767_225_600_000
"""2026-01-01: every version of this software is younger, so a clock that shows less was not set since the machine started."""

DOUBTED_MS = 3_600_000
"""A larger step ahead is doubted: what it would end, windows and consents, cannot be revived, and entries stay in the log."""
DOUBT_LASTS_MS = 3_600_000
"""So long a step ahead has to stand, where no time service vouches for it."""


class MachineTime:
    """The machine's clock, as far as it is believed.

    It is, unless it steps far ahead while we run. Then time goes on by a clock that nobody can set, until the machine's is back,
    a time service vouches for it, or it has stood for an hour.
    """

    def __init__(
        self,
        wall_ms: Callable[[], int] = system_clock.real_ms,
        steady_ms: Callable[[], int] = system_clock.since_boot_ms,
        state: Callable[[], str] = system_clock.clock_state,
    ) -> None:
        """Begin by believing what it shows.

        Args:
            wall_ms: The machine's clock.
            steady_ms: One that nobody can set.
            state: What the kernel says of the former, as ``system_clock.clock_state``.
        """
        self._wall_ms = wall_ms
        self._steady_ms = steady_ms
        self._state = state
        self._ahead_ms = wall_ms() - steady_ms()
        self._doubted_since_ms: int | None = None

    @property
    def is_doubted(self) -> bool:
        """Whether the machine's clock shows a time that is not believed."""
        return self._doubted_since_ms is not None

    def shown_ms(self, least_ms: int) -> int:
        """Return the time, and decide whether a step is believed.

        Args:
            least_ms: A clock that showed less was wrong, and what puts it right is not doubted.
        """
        wall_ms, steady_ms = self._wall_ms(), self._steady_ms()
        going_on_ms = steady_ms + self._ahead_ms
        if wall_ms - going_on_ms > DOUBTED_MS and going_on_ms >= least_ms:
            if self._doubted_since_ms is None:
                self._doubted_since_ms = steady_ms
            if steady_ms - self._doubted_since_ms < DOUBT_LASTS_MS and self._state() != "synchronised":
                return going_on_ms
        self._doubted_since_ms = None
        self._ahead_ms = wall_ms - steady_ms
        return wall_ms


class GatewayClock:
    """Gives the gateway's time in ms since the Unix epoch."""

    def __init__(self, settings: Clock) -> None:
        """Begin as configured."""
        self.simulated = settings.simulated
        self.rate = settings.rate if settings.simulated else 1.0
        self._start_ms = 0
        self._at_ms = 0.0
        self._at_is_now = settings.at is None
        self._machine = MachineTime()
        self._least_ms = EARLIEST_MS
        if settings.simulated:
            self._start_ms = parse_utc_ms(settings.start or "")
            self._at_ms = 1000 * (time.time() if settings.at is None else settings.at)

    def now_ms(self) -> int:
        """Return the present time; while the machine's clock is behind the log, that of the log's latest entry."""
        return self.shown_ms() if self.simulated else max(self._least_ms, self.shown_ms())

    def shown_ms(self) -> int:
        """Return what the clock shows, as far as it is believed, even if that cannot be the time."""
        if not self.simulated:
            return self._machine.shown_ms(self._least_ms)
        return self._start_ms + int(self.rate * (time.time() * 1000 - self._at_ms))

    def problem(self, latest_ms: int) -> str | None:
        """Return in words why it cannot be right, or None where it may be: by a wrong clock nothing is taken in or released.

        Args:
            latest_ms: The latest time in the log.
        """
        if self.simulated:
            return None if self.now_ms() >= latest_ms else _behind(latest_ms - self.now_ms())
        self._least_ms = max(EARLIEST_MS, latest_ms)
        shown_ms = self.shown_ms()
        if shown_ms <= EARLIEST_MS:
            return "it has not been set since the machine started"
        if shown_ms < latest_ms:
            return _behind(latest_ms - shown_ms)
        if self._machine.is_doubted:
            return "it was set far ahead, and no time service vouches for it: it is believed once it has stood for an hour"
        return None

    @property
    def starts_ms(self) -> int:
        """Return the time at which a simulated clock begins; 0 for a real one."""
        return self._start_ms

    def resume(self, latest_ms: int) -> None:
        """Continue from the end of a log, to give no time before one that it has already given.

        Args:
            latest_ms: The latest time in the log.
        Raises: ConfigError: a simulated clock would start over at each start.
        """
        if not self.simulated:
            self._least_ms = max(EARLIEST_MS, latest_ms)
        elif self.stands:
            self._start_ms = max(self._start_ms, latest_ms)
        elif self._at_is_now:
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


def _behind(ms: int) -> str:
    return f"it is {-(-ms // 1000)} s behind the log's latest entry"
