"""Lengths of time as people write them in policies and options: `30s`, `10min`, `2h` or `3d`."""

from __future__ import annotations

import re
from typing import Final

UNIT_MS: Final[dict[str, int]] = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Each unit by its name, shortest first."""

_DURATION: Final = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>ms|s|min|h|d)")


def parse_duration_ms(text: str) -> int | None:
    """Return a length of time in milliseconds; None where the text is none."""
    found = _DURATION.fullmatch(text)
    return None if found is None else int(found["count"]) * UNIT_MS[found["unit"]]


def duration_text(span_ms: int) -> str:
    """Return a length of time in the largest unit that it is whole in."""
    unit = next(unit for unit in reversed(UNIT_MS) if span_ms % UNIT_MS[unit] == 0)
    return f"{span_ms // UNIT_MS[unit]}{unit}"
