"""Columns by hour or day: nothing outside the drawing, gaps where values are missing."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.portal.charts.bars import BarChart, bars
from consent.portal.charts.meaning import Meaning
from consent.portal.visit import Visit
from tests.support.drawings import drawings, names

numbers = st.one_of(st.none(), st.just(0.0), st.floats(-1e9, 1e9), st.floats())
series = st.lists(st.tuples(names, numbers), max_size=40)
languages = st.sampled_from(["en", "es", "pt"])


def _charts(values: list[tuple[str, float | None]], unit: str, language: str, from_zero: bool) -> list[BarChart]:
    visit = Visit(language)
    return [BarChart(values, unit, visit, from_zero, 664.0, 150.0), BarChart(values, unit, visit, from_zero, 320.0, 120.0)]


@given(series, names, languages, st.booleans())
def test_nothing_is_outside_and_no_words_overlap(
    values: list[tuple[str, float | None]], unit: str, language: str, from_zero: bool
) -> None:
    for chart in _charts(values, unit, language, from_zero):
        labels = chart.labels()
        assert all(label.left >= -0.1 and label.right <= chart.width + 0.1 for label in labels)
        assert all(label.top >= 0 and label.bottom <= chart.height for label in labels)
        assert not [
            pair for pair in itertools.combinations(labels, 2) if pair[0].text and pair[1].text and pair[0].overlaps(pair[1])
        ]
    for drawing in drawings(bars(values, unit=unit, label="n", visit=Visit(language), from_zero=from_zero)):
        assert all(-0.1 <= x <= drawing.width + 0.1 and -0.1 <= y <= drawing.height + 0.1 for x, y in drawing.points)


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=31))
def test_twice_the_value_is_twice_as_high(values: list[float]) -> None:
    for chart in _charts([(str(index), value) for index, value in enumerate(values)], "kWh", "en", True):
        for value, bar in zip(values, chart.bars(), strict=True):
            assert bar.height == pytest.approx(max(value / chart.scale.high * chart.inner, 1.5))


@given(series)
def test_what_is_missing_is_a_gap_and_zero_is_none(values: list[tuple[str, float | None]]) -> None:
    there = [value is not None and abs(value) <= 1e15 for _, value in values]
    for chart in _charts(values, "dB", "en", True):
        assert len(chart.bars()) == sum(there)
        runs = [key for key, _ in itertools.groupby(there) if key]
        assert len(chart.grounds()) == len(runs)


def test_the_unit_stands_on_the_top_line_and_hours_are_named_evenly() -> None:
    values = [(f"{hour}:00", 45.0 + hour % 12) for hour in range(24)]
    wide, narrow = drawings(bars(values, unit="dB", label="Noise by hour", visit=Visit("en"), from_zero=False))
    assert (wide.kind, narrow.kind, wide.name, narrow.name) == ("wide", "narrow", "Noise by hour", "Noise by hour")
    assert wide.texts[0] == "60 dB"
    assert wide.texts[-8:] == ("0:00", "3:00", "6:00", "9:00", "12:00", "15:00", "18:00", "21:00")
    assert narrow.texts[-4:] == ("0:00", "6:00", "12:00", "18:00")


def test_the_colour_is_that_of_the_meaning_and_text_stays_text() -> None:
    hostile = '"><script>alert(1)</script>'
    svg = bars([(hostile, 1.0)], unit=hostile, label=hostile, visit=Visit("es"), meaning=Meaning.HELD)
    assert "<script" not in svg
    assert [drawing.kinds for drawing in drawings(svg)] == [("rule", "f-held", "base")] * 2
    assert all(drawing.name == hostile for drawing in drawings(svg))
