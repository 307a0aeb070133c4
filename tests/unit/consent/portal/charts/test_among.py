"""The chart of how many homes one hides among: every number in it is one that the gateway gave."""

from __future__ import annotations

import re

from consent.portal.charts.among import hidden_among, top_of
from consent.portal.visit import Visit
from tests.support.ways import hidden

DAYS = hidden((15, 30), (20, 40))


def drawn(svg: str, kind: str) -> list[list[float]]:
    """Return the numbers of each bar or line of the first drawing."""
    path = re.search(rf'class="{kind}" d="([^"]*)"', svg)
    assert path is not None
    return [[float(n) for n in re.findall(r"-?[\d.]+", part)] for part in path[1].split("M") if part]


def test_bars_are_as_high_as_the_fewest_and_lines_as_the_usual() -> None:
    """From the base at nothing to the highest line, which stands for the least round number that holds them all."""
    svg = str(hidden_among(DAYS, Visit("en"), "said", "40 homes"))
    base, top, most = 196 - 22, 24, 40
    assert top_of(DAYS) == most
    newest, before = drawn(svg, "bar")
    assert [bar[1] for bar in (newest, before)] == [base, base]
    assert [round((base - bar[2]) / (base - top) * most, 1) for bar in (newest, before)] == [15, 20]
    assert [round((base - line[1]) / (base - top) * most, 1) for line in drawn(svg, "usual")] == [30, 40]


def test_days_without_a_figure_stay_empty() -> None:
    """The newest is at the right edge, a day a slot: five days further back it lies five slots to the left."""
    svg = str(hidden_among([DAYS[0], *hidden(*[(15, 15)] * 6)[5:]], Visit("en"), "said", "30 homes"))
    newest, older = drawn(svg, "bar")
    assert round((newest[0] - older[0]) / ((664 - 34) / 30)) == 5


def test_each_width_has_a_drawing_of_its_own_that_is_named() -> None:
    """A screen reader hears the sentence once, since only one of the two is shown."""
    svg = str(hidden_among(DAYS, Visit("pt"), 'mais de "15"', "<b>40</b>"))
    assert svg.count("<svg") == 2
    assert svg.count('role="img" aria-label="mais de &#34;15&#34;"') == 2
    assert "<b>" not in svg
    assert "style=" not in svg
    assert "27 de novembro de 2026" in svg
