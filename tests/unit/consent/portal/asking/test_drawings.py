"""The small drawings: of one size, within their edges, and chance as large as it is."""

from __future__ import annotations

import re

from consent.portal.asking.drawings import BlurredBars, nothing_drawn, small_bars
from consent.portal.charts.meaning import Meaning
from consent.portal.visit import Visit

VALUES = [("00:00", 0.1), ("01:00", None), ("02:00", 0.4)]


def test_blur_reaches_as_high_as_chance_does() -> None:
    """On the scale of the bars, which holds both."""
    chart = BlurredBars(tuple(VALUES), "kWh", Visit("en"), from_zero=True, width=320.0, inner=120.0, blur=9.8)
    assert chart.scale.high >= 9.8
    drawn = chart.drawn("small", "label", Meaning.HELD)
    found = re.search(r'class="blur" d="M[\d.]+ ([\d.]+)H320.0V([\d.]+)H', drawn)
    assert found is not None
    assert float(found[1]) == round(chart.level(9.8), 1)
    assert float(found[2]) == round(chart.ground, 1)
    assert drawn.index('class="rule"') < drawn.index('class="blur"') < drawn.index('class="f-held"')


def test_without_chance_there_is_no_blur_and_the_scale_is_that_of_the_bars() -> None:
    """What leaves by itself is not moved."""
    drawn = small_bars(VALUES, "kWh", "label", Visit("en"), meaning=Meaning.TOLD)
    assert "blur" not in drawn
    assert "f-told" in drawn
    assert ">0.4 kWh<" in drawn


def test_drawing_of_nothing_is_as_large_as_the_others() -> None:
    """No answer looks smaller than another; a long word stays within."""
    sizes = [
        re.findall(r'viewBox="([^"]*)"', drawn)
        for drawn in (
            small_bars(VALUES, "kWh", "label", Visit("en"), meaning=Meaning.HELD),
            nothing_drawn("nothing", "label"),
            nothing_drawn("nothing" * 30, "label"),
        )
    ]
    assert sizes == [["0 0 320 166"]] * 3
    assert 'x="0.0"' in nothing_drawn("nothing" * 30, "label")
