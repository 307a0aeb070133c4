"""The flow chart for narrow windows, from top to bottom."""

from __future__ import annotations

from itertools import pairwise

import pytest

from consent.portal.charts.meaning import Meaning
from consent.portal.charts.narrow import NarrowChart
from consent.portal.charts.ribbons import Share
from consent.portal.visit import Visit


def _whole(*values: int) -> Share:
    parts = tuple(Share(f"part {index}", value, Meaning.HELD) for index, value in enumerate(values))
    return Share("all", sum(values), Meaning.ALL, (Share("held", sum(values), Meaning.HELD, parts),))


def test_the_parts_fill_the_width_however_small_some_are() -> None:
    for values in ((1, 1, 100_000), (5, 6, 7), (1,), (3, *[1] * 9)):
        chart = NarrowChart(_whole(*values), Visit("en"))
        last = chart.layout.leaves[-1]
        assert last.end == pytest.approx(chart.width, abs=19.0)
        assert chart.width == 340.0


def test_numerals_under_the_parts_are_those_of_the_key() -> None:
    chart = NarrowChart(_whole(50, 0, 7), Visit("en"))
    under = [label.text for label in chart.labels() if label.anchor == "middle"]
    assert under == ["1", "2"]
    assert [(row.numeral, row.lines) for row in chart.key] == [("", ["held"]), ("1", ["part 0"]), ("2", ["part 2"])]


def test_more_parts_than_a_telephone_has_room_for_make_the_drawing_wider() -> None:
    chart = NarrowChart(_whole(*[4] * 30), Visit("en"))
    assert chart.width > 340.0
    assert all(one.end <= two.start for one, two in pairwise(chart.layout.leaves))
