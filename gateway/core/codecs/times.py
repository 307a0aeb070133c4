"""Times as devices write them, turned into integer milliseconds since the Unix epoch.

Each format is one function that takes the decoded field and returns ``None`` for whatever is not a plausible date. Whether
a date is believable *now* is for admission to decide.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from consent.core.disclosure import DAY_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, which is also the last that the standard library can represent."""


def from_unix_ms(value: float | None) -> int | None:
    """Round to the millisecond; ``None`` for an absent, negative, infinite or implausibly large time."""
    if value is not None and 0 <= value <= _MAX_MS:  # false for NaN too
        return int(value + 0.5)
    return None


def from_unix_s(value: float | None) -> int | None:
    """Round to the millisecond; ``None`` for an absent, negative, infinite or implausibly large time."""
    if value is not None and 0 <= value <= _MAX_MS / 1000:
        return int(value * 1000 + 0.5)
    return None


def from_iso8601(value: str | None) -> int | None:
    """Read a date with time and offset; ``None`` where either is absent, since a local time alone is ambiguous."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        since = moment - _EPOCH if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
    if since is None or since.days < 0:
        return None
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


FORMATS: dict[str, tuple[type, Callable[[Any], int | None]]] = {
    "unix-s": (float, from_unix_s),
    "unix-ms": (float, from_unix_ms),
    "iso8601": (str, from_iso8601),
}
"""For each format of a profile's time: the type on the wire, and the function that reads it."""
