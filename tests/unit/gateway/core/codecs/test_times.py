"""Times as devices write them: units, texts, patterns, and local times that a zone has once, twice or never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import TimeField, TimeFormat, TimeOrigin
from gateway.core.codecs.times import compile_time, from_iso8601, from_unix_ms, from_unix_s
from gateway.core.model import AMBIGUOUS_TIME, BAD_TIME, WRONG_TYPE, Reject


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


def time_of(found: Any, form: str, pattern: str = "", zone: str = "") -> int | Reject:
    """Return what a profile's time says."""
    return compile_time(TimeField("at", TimeFormat(form), TimeOrigin.DEVICE, pattern, zone))(found)


@pytest.mark.parametrize(
    ("found", "form", "ms"),
    [
        (1_778_036_390, "unix-s", 1_778_036_390_000),
        (1_778_036_390.1204, "unix-s", 1_778_036_390_120),
        ("1778036390.1206", "unix-s", 1_778_036_390_121),
        (" 1778036390\n", "unix-s", 1_778_036_390_000),
        ("1778036390120", "unix-ms", 1_778_036_390_120),
        (1_778_036_390_120_499, "unix-us", 1_778_036_390_120),
        ("1778036390120500", "unix-us", 1_778_036_390_121),
        (1_778_036_390_120_499_999, "unix-ns", 1_778_036_390_120),
        (1_778_036_390_120_500_000, "unix-ns", 1_778_036_390_121),
        (1.77803639012e18, "unix-ns", 1_778_036_390_120),
        *((bad, "unix-s", BAD_TIME) for bad in (None, -1, "", "-1", "now", "1e9", "٣", 1e300, float("nan"), 10**30, "9" * 30)),
        *((bad, "unix-s", WRONG_TYPE) for bad in (True, [1], {"a": 1}, b"1")),
        *((bad, "unix-ns", BAD_TIME) for bad in (-1, 10**30)),
    ],
)
def test_unix_time_is_number_or_text_in_its_unit_to_the_millisecond(found: Any, form: str, ms: int | Reject) -> None:
    """Nanoseconds of this century are more than a double holds, and right all the same."""
    assert time_of(found, form) == ms


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-05-06T04:59:55", "2026-05-06T02:59:55Z"),
        ("2026-01-06 04:59:55.250", "2026-01-06T03:59:55.250Z"),
        ("2026-05-06T04:59:55Z", "2026-05-06T04:59:55Z"),
        ("2026-05-06T04:59:55-05:00", "2026-05-06T09:59:55Z"),
        ("2026-10-25T02:30:00", AMBIGUOUS_TIME),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
        ("2026-03-29T02:30:00", AMBIGUOUS_TIME),
        ("2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
        *(
            (bad, BAD_TIME)
            for bad in ("2026-05-06", "", "04:59:55", "0001-01-01T00:00:00", "9999-12-31T23:59:59-20:00", "x" * 99)
        ),
        *((5, WRONG_TYPE), (True, WRONG_TYPE), (["2026"], WRONG_TYPE)),
        (None, BAD_TIME),
    ],
)
def test_local_time_is_read_in_its_zone_and_what_is_twice_or_never_is_not_guessed(text: Any, utc: str | Reject) -> None:
    """Clocks in Madrid go back on 25 October 2026 and forward on 29 March."""
    wanted = from_iso8601(utc) if isinstance(utc, str) else utc
    assert time_of(text, "iso8601", zone="Europe/Madrid") == wanted


@pytest.mark.parametrize(
    ("text", "pattern", "utc"),
    [
        ("06.05.2026 04:59:55", "%d.%m.%Y %H:%M:%S", "2026-05-06T02:59:55Z"),
        ("260506045955", "%y%m%d%H%M%S", "2026-05-06T02:59:55Z"),
        ("6 May 2026 04:59 PM", "%d %b %Y %I:%M %p", "2026-05-06T14:59:00Z"),
        ("2026-126 04 +0000", "%Y-%j %H %z", "2026-05-06T04:00:00Z"),
        ("25.10.2026 02:30:00", "%d.%m.%Y %H:%M:%S", AMBIGUOUS_TIME),
        ("31.02.2026 04:59:55", "%d.%m.%Y %H:%M:%S", BAD_TIME),
        ("06.05.2026", "%d.%m.%Y %H:%M:%S", BAD_TIME),
    ],
)
def test_pattern_reads_dates_as_firmware_prints_them(text: str, pattern: str, utc: str | Reject) -> None:
    """In the city's zone where they name no offset."""
    wanted = from_iso8601(utc) if isinstance(utc, str) else utc
    assert time_of(text, "pattern", pattern, "Europe/Madrid") == wanted


@given(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    st.sampled_from([each.value for each in TimeFormat]),
)
def test_whatever_stands_there_is_a_time_or_a_reason(found: Any, form: str) -> None:
    """Never an exception, never a time before 1970 or after the year 9999."""
    pattern, zone = ("%Y-%m-%d %H:%M", "Europe/Madrid") if form == "pattern" else ("", "")
    time = time_of(found, form, pattern, zone)
    assert isinstance(time, Reject) or 0 <= time < 253_402_300_800_000
