"""Times as devices write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codecs.times import from_iso8601, from_unix_ms, from_unix_s


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-11-08T23:59:59Z", 1_731_110_399_000),
        ("2024-11-09T00:59:59+01:00", 1_731_110_399_000),
        ("2024-11-08T23:59:59.25Z", 1_731_110_399_250),
        ("2024-11-08T23:59:59.9999Z", 1_731_110_399_999),
        ("20241108T235959+0000", 1_731_110_399_000),
    ],
)
def test_iso8601_with_offset_is_read(text: str, time_ms: int) -> None:
    """Any offset, any fraction; what is finer than a millisecond is cut."""
    assert from_iso8601(text) == time_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-11-08",
        "2024-11-08T23:59:59",
        "2024-13-01T00:00:00Z",
        "2024-11-08T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "2024-11-08T23:59:59+99:00",
        "٢٠٢٤-11-08T23:59:59Z",
        "9" * 5000,
    ],
)
def test_iso8601_without_offset_or_sense_is_no_time(text: str) -> None:
    """A local time could be any of 38 hours; guessing would put readings in wrong windows."""
    assert from_iso8601(text) is None


@pytest.mark.parametrize("value", [None, -1.0, -1e-9, float("nan"), float("inf"), float("-inf"), 1e18, 1e300])
def test_unix_time_without_sense_is_no_time(value: float | None) -> None:
    """Absent, before 1970, after 9999 and endless."""
    assert from_unix_s(value) is None
    assert from_unix_ms(value) is None


@given(st.integers(0, 253_402_300_799_000))
def test_unix_time_survives_to_the_millisecond(time_ms: int) -> None:
    """Seconds with a fraction hold every millisecond that there will be."""
    assert from_unix_ms(float(time_ms)) == time_ms
    assert from_unix_s(time_ms / 1000) == time_ms


@given(st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29)), st.integers(-1439, 1439))  # noqa: DTZ001 - the zone is drawn too
def test_iso8601_agrees_with_the_standard_library(moment: datetime, offset_min: int) -> None:
    """Exactly, not as rounded doubles."""
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=offset_min)))

    assert from_iso8601(zoned.isoformat()) == (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
