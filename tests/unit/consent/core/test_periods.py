"""Periods: days and weeks in UTC, without a gap and without an overlap."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import DAY_MS
from consent.core.periods import Period

instants = st.integers(0, 4_000_000_000_000)


def at(text: str) -> int:
    """Return an instant of UTC in milliseconds."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("instant", "period", "start", "first_whole"),
    [
        ("2026-11-29T23:59:59", Period.DAY, "2026-11-29T00:00:00", "2026-11-30T00:00:00"),
        ("2026-11-30T00:00:00", Period.DAY, "2026-11-30T00:00:00", "2026-11-30T00:00:00"),
        ("2026-11-29T23:59:59", Period.WEEK, "2026-11-23T00:00:00", "2026-11-30T00:00:00"),
        ("2026-11-30T00:00:00", Period.WEEK, "2026-11-30T00:00:00", "2026-11-30T00:00:00"),
        ("2026-11-30T00:00:01", Period.WEEK, "2026-11-30T00:00:00", "2026-12-07T00:00:00"),
    ],
)
def test_periods_begin_at_midnight_and_on_monday(instant: str, period: Period, start: str, first_whole: str) -> None:
    """In the last second of a day, at its end, and a second after it."""
    assert (period.start_ms(at(instant)), period.first_whole_ms(at(instant))) == (at(start), at(first_whole))


@given(instants, st.sampled_from(Period))
def test_every_instant_lies_in_one_period_and_the_first_whole_one_begins_no_earlier(t_ms: int, period: Period) -> None:
    """Nor does it begin later than need be."""
    start_ms, whole_ms = period.start_ms(t_ms), period.first_whole_ms(t_ms)
    assert start_ms <= t_ms < start_ms + period.length_ms
    assert period.start_ms(start_ms) == period.first_whole_ms(start_ms) == start_ms
    assert t_ms <= whole_ms < t_ms + period.length_ms
    assert period.start_ms(whole_ms) == whole_ms


@given(instants)
def test_weeks_begin_on_mondays(t_ms: int) -> None:
    """As in ISO 8601."""
    start = dt.datetime.fromtimestamp(Period.WEEK.start_ms(t_ms) / 1000, dt.UTC)
    assert (start.isoweekday(), start.time()) == (1, dt.time())
    assert Period.WEEK.length_ms == 7 * DAY_MS
