"""What was heard of one device since the gateway started: when, how many readings, and what was refused and why.

The pipeline counts here for each frame of a registered device, beside the ledger and apart from it: the ledger knows no devices,
and this lies in memory alone. `sluice device list` and `show` tell it to the crew; metrics and log never hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NEVER_HEARD_MS = -1
"""Stands for the time of what has not come since the start."""

_NOTHING: Final[Mapping[str, int]] = {}


@dataclass(slots=True)
class Heard:
    """What was heard of a device; cheap to change, since that is done for each frame, which slots are and a struct is not.

    Attributes:
        last_ms: When it last sent anything, by the gateway's clock, or ``NEVER_HEARD_MS``.
        reading_ms: When it last sent a reading that was admitted, likewise.
        readings: How many were admitted.
        pairs: How many pairs of observation and flow were considered for them in this hour; see ``public.homes.loudest``.
        rejected: How many messages or readings were refused, by reason; a reading's single values included.
    """

    last_ms: int = NEVER_HEARD_MS
    reading_ms: int = NEVER_HEARD_MS
    readings: int = 0
    pairs: int = 0
    rejected: Mapping[str, int] = field(default_factory=lambda: _NOTHING)

    def add(self, now_ms: int) -> None:
        """Count a reading that was admitted."""
        self.last_ms = self.reading_ms = now_ms
        self.readings += 1

    def reject(self, reason: str, now_ms: int) -> None:
        """Count what was refused, by the reason of its account in the ledger."""
        self.last_ms = now_ms
        self.rejected = {**self.rejected, reason: self.rejected.get(reason, 0) + 1}

    def is_silent(self, since_ms: int, expect_every_ms: int, now_ms: int) -> bool:
        """Return whether no reading has come for longer than expected.

        Args:
            since_ms: When a device that was never heard began to be listened for.
            expect_every_ms: The longest time between two readings.
        """
        return now_ms - max(self.reading_ms, since_ms) > expect_every_ms
