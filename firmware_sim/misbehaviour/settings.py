"""Declares what each setting of a fault may be, beside the field that holds it; ``faults_by_name`` checks scenarios by it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

SHARE = (0.0, 1.0)
MOST_PER_DAY = 48.0
MOST_LASTS_S = 30 * 86_400.0


def setting(default: Any, least: float | None = None, most: float | None = None) -> Any:
    """Return a dataclass field with a default, and for a number the range that it may be of."""
    return field(default=default, metadata={"least": least, "most": most})


def share(default: float) -> Any:
    """Return the field of a share of all messages, 0 to 1."""
    return setting(default, *SHARE)


def per_day(default: float) -> Any:
    """Return the field of how often something happens in a day, on average."""
    return setting(default, 0.0, MOST_PER_DAY)


def lasts_s(default: float) -> Any:
    """Return the field of how long something lasts, in seconds."""
    return setting(default, 0.0, MOST_LASTS_S)
