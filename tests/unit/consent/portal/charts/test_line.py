"""The line of readings: where it is drawn, where it is broken, and that its words never touch."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.portal.charts.line import LineChart, Span, line
from consent.portal.visit import Visit

HOUR_MS = 3_600_000
DAY = Span(0, 24 * HOUR_MS, HOUR_MS)


def chart(readings: list[tuple[int, float]], span: Span = DAY, *, from_zero: bool = True, width: float = 664.0) -> LineChart:
    """Return a drawing."""
    return LineChart(readings, span, "kWh", Visit("en"), from_zero, width, 150.0)


def test_line_goes_from_left_to_right_and_up_with_the_value() -> None:
    """The span's ends are the drawing's; zero is at the ground."""
    drawn = chart([(0, 0.0), (12 * HOUR_MS, 1.0)], Span(0, 24 * HOUR_MS, 24 * HOUR_MS))
    (((x0, y0), (x1, y1)),) = drawn.runs()
    assert x0 == drawn.left
    assert x1 == pytest.approx((drawn.left + drawn.width) / 2)
    assert y0 == drawn.level(0.0) > y1


def test_line_is_broken_where_nothing_came() -> None:
    """A reading without one near it is a dash, and is not lost."""
    runs = list(chart([(0, 1.0), (HOUR_MS, 1.0), (3 * HOUR_MS, 1.0), (6 * HOUR_MS, 1.0), (7 * HOUR_MS, 1.0)]).runs())
    assert [len(run) for run in runs] == [2, 1, 2]
    path = chart([(3 * HOUR_MS, 1.0)]).path()
    assert re.fullmatch(r"M[\d.]+ [\d.]+h3", path)


def test_what_is_no_number_of_a_sensor_or_out_of_the_span_is_not_drawn() -> None:
    """And moves no scale."""
    assert chart([(0, float("inf")), (1, float("nan")), (2, 1e300), (-1, 5.0), (25 * HOUR_MS, 5.0)]).shown == []
    assert chart([(0, 1e300), (1, 1.0)]).scale.high == 1.0


def test_scale_begins_at_zero_only_where_that_means_something() -> None:
    """Decibels have none."""
    assert chart([(0, 40.0), (1, 60.0)]).scale.low == 0
    assert chart([(0, 40.0), (1, 60.0)], from_zero=False).scale.low == 40


@given(
    st.integers(0, 1 << 41),
    st.integers(1, 60 * 24 * 4),
    st.lists(st.tuples(st.integers(0, 1 << 42), st.floats(-1e6, 1e6)), max_size=20),
    st.sampled_from([320.0, 664.0]),
)
def test_nothing_leaves_the_drawing_and_no_hours_touch(
    begin_ms: int, minutes: int, readings: list[tuple[int, float]], width: float
) -> None:
    """Whatever the span and the readings."""
    drawn = chart(sorted(readings), Span(begin_ms, begin_ms + minutes * 60_000, HOUR_MS), width=width)
    for x, y in (point for run in drawn.runs() for point in run):
        assert drawn.left - 1e-6 <= x <= width + 1e-6
        assert 0 <= y <= drawn.height
    hours = [label for label in drawn.labels() if label.anchor == "middle"]
    assert all(one.right <= two.left for one, two in pairwise(hours))
    assert all(label.left >= -1e-6 and label.right <= width + 1e-6 for label in hours)


def test_drawing_is_told_in_words_and_has_no_style() -> None:
    """Once wide and once narrow."""
    svg = line([(0, 1.0)], DAY, unit="<kWh>", label='A "label" <b>', visit=Visit("es"))
    assert svg.count("<svg") == 2
    assert svg.count('aria-label="A &#34;label&#34; &lt;b&gt;"') == 2
    assert "<kWh>" not in svg
    assert "style" not in svg
    assert 'class="own-line"' in svg
    assert "own-line" not in line([], DAY, unit="", label="", visit=Visit("en"))
