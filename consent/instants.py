"""Instants as people and programs write them: ISO 8601 with an offset from UTC, in milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_utc_ms(text: str) -> int:
    """Return the ms of an ISO 8601 time with an offset from UTC.

    Raises: ValueError: it is not one.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return round(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"`{text}` is no time such as 2026-05-01T00:00:00Z") from error
    raise ValueError(f"`{text}` does not say its offset from UTC; write a `Z`")
