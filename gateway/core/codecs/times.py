"""Times as devices write them, turned into integer milliseconds since the Unix epoch.

Each format is one function that takes the decoded field and returns ``None`` for whatever is not a plausible date. Whether
a date is believable *now* is for admission to decide. ``compile_time`` reads what a profile says beyond the format: numbers as
text, patterns, and the zone of times that name none, of which those that come twice or never on the day are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from consent.core.disclosure import DAY_MS
from consent.core.profiles.profile import TimeField, TimeFormat
from gateway.core.model import AMBIGUOUS_TIME, BAD_TIME, WRONG_TYPE, Reject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, which is also the last that the standard library can represent."""
_LONGEST: Final = 64
_LONGEST_DAY: Final = len("2026-05-06")
_NUMBER: Final = re.compile(r"(?P<whole>[0-9]{1,20})(?:\.(?P<fraction>[0-9]{1,20}))?")
_PER_MS: Final = {
    TimeFormat.UNIX_S: (1000, 1),
    TimeFormat.UNIX_MS: (1, 1),
    TimeFormat.UNIX_US: (1, 1000),
    TimeFormat.UNIX_NS: (1, 10**6),
}
"""For each unit, how many milliseconds so many of it are."""

ReadTime = Callable[[Any], int | Reject]
"""``read(found)``: milliseconds since the Unix epoch, or why they cannot be known. What is absent is ``bad_time``."""


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
        return _since_epoch(moment) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


FORMATS: dict[str, tuple[type, Callable[[Any], int | None]]] = {
    "unix-s": (float, from_unix_s),
    "unix-ms": (float, from_unix_ms),
    "iso8601": (str, from_iso8601),
}
"""For each format that is one type on the wire: that type, and the function that reads it."""


def compile_time(time: TimeField) -> ReadTime:
    """Compile the reading of a profile's time."""
    match time.format:
        case TimeFormat.ISO8601:
            return _compile_dated(_parse_iso8601, time.zone)
        case TimeFormat.PATTERN:
            pattern = time.pattern
            return _compile_dated(lambda text: datetime.strptime(text, pattern), time.zone)  # noqa: DTZ007  the zone is put in below
        case _:
            return _compile_unix(time.format)


def _parse_iso8601(text: str) -> datetime:
    if len(text) <= _LONGEST_DAY:
        raise ValueError("a day alone is no time")
    return datetime.fromisoformat(text)


def _compile_unix(unit: TimeFormat) -> ReadTime:
    times, per = _PER_MS[unit]

    def read(found: Any) -> int | Reject:
        if found is None:
            return BAD_TIME
        kind = type(found)
        if kind is str:
            return _from_digits(found.strip(), times, per)
        if kind is int:  # exactly: a double holds no nanoseconds of this century
            ms = (found * times * 2 + per) // (per * 2)
            return ms if found >= 0 and ms <= _MAX_MS else BAD_TIME
        if kind is not float:
            return WRONG_TYPE
        scaled = found * times / per
        return int(scaled + 0.5) if 0 <= scaled <= _MAX_MS else BAD_TIME  # false for NaN too

    return read


def _from_digits(text: str, times: int, per: int) -> int | Reject:
    number = _NUMBER.fullmatch(text)
    if number is None:
        return BAD_TIME
    digits = number["fraction"] or ""
    parts = 10 ** len(digits)
    ms = (int(number["whole"] + digits) * times * 2 + per * parts) // (per * parts * 2)
    return ms if ms <= _MAX_MS else BAD_TIME


def _compile_dated(parse: Callable[[str], datetime], zone_name: str) -> ReadTime:
    """Compile the reading of dates in writing."""
    zone = ZoneInfo(zone_name) if zone_name else None

    def read(found: Any) -> int | Reject:
        if found is None:
            return BAD_TIME
        if type(found) is not str:
            return WRONG_TYPE
        if len(found) > _LONGEST:
            return BAD_TIME
        try:
            ms = _instant(parse(found.strip()), zone)
        except (ValueError, OverflowError):
            return BAD_TIME
        return BAD_TIME if ms is None else ms

    return read


def _instant(moment: datetime, zone: ZoneInfo | None) -> int | Reject | None:
    """Return when a date was, by its own offset or else by the zone; a local time that the zone has twice or never is refused."""
    if moment.tzinfo is None:
        if zone is None:
            return None
        moment = moment.replace(tzinfo=zone)
        if moment.utcoffset() != moment.replace(fold=1).utcoffset():
            return AMBIGUOUS_TIME
    return _since_epoch(moment)


def _since_epoch(moment: datetime) -> int | None:
    since = moment - _EPOCH
    if since.days < 0:
        return None
    ms = since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000
    return ms if ms <= _MAX_MS else None
