"""Numbers and days that a gateway in order can say: an answer with others is none, and no page stumbles over it.

A time beyond the year 9999 cannot be written as a date, and no count of anything here is larger. The portal is built to be
beside a gateway that fails or was taken over: what cannot be is as if it were away, and the page says so.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec

LEAST: Final = -60_000_000_000_000
"""In milliseconds the year 68: before any time that can be written as a date, with every time zone."""
MOST: Final = 253_370_000_000_000
"""The year 9998."""
_DAY: Final = "day"
_DAYS: Final = "days"
_BITS: Final = "bitmap"
"""Which of a device's last messages have come, one bit each (of a household's export): it is no count."""


def check_ranges(result: msgspec.Raw) -> None:
    """Look at every number and every day of an answer.

    Raises: ValueError: one is impossible. RecursionError: it is nested too deep. msgspec.DecodeError: it is no JSON.
    """
    _check(msgspec.json.decode(result), "")


def _check(value: Any, key: str) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            _check(part, name)
    elif isinstance(value, list):
        for part in value:
            _check(part, _DAY if key == _DAYS else key)
    elif isinstance(value, int | float) and key != _BITS:
        if not LEAST <= value <= MOST:
            raise ValueError("an impossible number")
    elif key == _DAY and isinstance(value, str) and value:
        date.fromisoformat(value)
