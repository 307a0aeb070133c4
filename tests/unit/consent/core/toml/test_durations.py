"""Lengths of time: what is written is read as it was meant, and what is none is told from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.toml.durations import duration_text, parse_duration_ms


@given(st.integers(0, 10**9 - 1))
def test_what_is_written_is_read_again(span_ms: int) -> None:
    """In whichever unit it is written."""
    assert parse_duration_ms(duration_text(span_ms)) == span_ms


def test_spans_are_told_in_the_largest_unit_that_tells_them_whole() -> None:
    """As policies write them."""
    spans_ms = (30_000, 90_000, 600_000, 7_200_000, 86_400_000, 1)
    assert [duration_text(span_ms) for span_ms in spans_ms] == ["30s", "90s", "10min", "2h", "1d", "1ms"]


@pytest.mark.parametrize("text", ["", "10", "-1s", "1.5h", "2 h", "1w", "1S", "1234567890s", "٣s"])
def test_what_is_no_length_of_time_is_none(text: str) -> None:
    """Digits of ASCII, a unit, and nothing else."""
    assert parse_duration_ms(text) is None
