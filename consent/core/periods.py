"""Periods: the UTC days and weeks by which figures about subjects are drawn, and from whose beginning membership counts.

Days begin at midnight, weeks on Monday at midnight, UTC, as in ISO 8601; screens convert. Pure arithmetic over milliseconds since
the Unix epoch.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from consent.core.disclosure import DAY_MS

WEEK_MS: Final = 7 * DAY_MS
_FIRST_MONDAY_MS: Final = 4 * DAY_MS
"""1970-01-05: the epoch itself was a Thursday."""


class Period(StrEnum):
    """How long the data of one draw are gathered, and for how long membership is fixed."""

    DAY = "day"
    WEEK = "week"

    @property
    def length_ms(self) -> int:
        """The length in milliseconds."""
        return DAY_MS if self is _DAY else WEEK_MS

    def start_ms(self, t_ms: int) -> int:
        """Return when the period that an instant lies in began."""
        length_ms, offset_ms = (DAY_MS, 0) if self is _DAY else (WEEK_MS, _FIRST_MONDAY_MS)
        return t_ms - (t_ms - offset_ms) % length_ms

    def first_whole_ms(self, t_ms: int) -> int:
        """Return when the first period began that lies wholly at or after an instant."""
        length_ms, offset_ms = (DAY_MS, 0) if self is _DAY else (WEEK_MS, _FIRST_MONDAY_MS)
        return t_ms + (offset_ms - t_ms) % length_ms


_DAY: Final = Period.DAY
"""Looked up once: through its class a member takes thousands of instructions in Python 3.11, and each household's target asks."""


class Publish(StrEnum):
    """When a flow's figures about subjects leave: all of a period's together once it has ended, or each window's as it ends."""

    DAY = "day"
    WINDOW = "window"
