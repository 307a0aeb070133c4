"""Times in cases: an instant, a day, or an offset from the time of the case."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from consent.core.toml.durations import UNIT_MS
from consent.core.toml.file import TomlFile
from consent.printable import quoted

ANY_MS: Final = 1_767_225_600_000
"""The moment of a case that names none: any would do, for all its times are relative. 2026-01-01T00:00:00Z."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RELATIVE: Final = re.compile(r"(?P<sign>[+-])(?P<count>[0-9]{1,6})(?P<unit>s|min|h|d)")


def read_instant(file: TomlFile, value: Any, key: str) -> int:
    """Return an instant, or the first moment of a day in UTC, in milliseconds since 1970.

    Raises: PolicyError: it is neither, has no UTC offset, or is too long ago.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC)
    if not isinstance(value, datetime):
        raise file.error(key, "should be a date and time such as 2026-05-01T12:00:00Z, or a date")
    if value.tzinfo is None:
        raise file.error(key, f"`{value.isoformat()}` should name its offset from utc, such as Z")
    if value < _EPOCH:
        raise file.error(key, f"`{value.isoformat()}` is before 1970")
    return (value - _EPOCH) // timedelta(milliseconds=1)


def read_moment(file: TomlFile, value: Any, now_ms: int | None, key: str) -> int:
    """Return a time, which may be relative to that of the case, such as `-30d`.

    Args:
        now_ms: The time of the case; None where it names none, and then every time has to be relative.
    """
    if not isinstance(value, str):
        instant_ms = read_instant(file, value, key)
        if now_ms is None:
            raise file.error(key, "is a date, so the case has to name its own with `at`")
        return instant_ms
    found = _RELATIVE.fullmatch(value)
    if found is None:
        raise file.error(key, f"{quoted(value)} should be a date, or relative to the case, such as `-30d`, `+4h` or `+15min`")
    span_ms = int(found["count"]) * UNIT_MS[found["unit"]]
    moment_ms = (ANY_MS if now_ms is None else now_ms) + (span_ms if found["sign"] == "+" else -span_ms)
    if moment_ms < 0:
        raise file.error(key, f"`{value}` is before 1970")
    return moment_ms
