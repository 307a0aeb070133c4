"""Where a whole went: a flow chart of three steps, whose widths are as the numbers, and add up at every step.

Drawn twice, wide and narrow, of which one is shown; see ``wide`` and ``narrow``. A part too small to be seen is drawn as thin as
can be seen, and its group as much wider, so that widths still add up; ``Flowchart.thickened`` says so, for the page to put it in
words. Nothing is sorted here: parts stand as they are given.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from consent.portal.charts.narrow import NarrowChart
from consent.portal.charts.ribbons import LEAST, Share
from consent.portal.charts.wide import WideChart
from consent.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class Flowchart:
    """Both drawings.

    Attributes:
        svg: The wide one and the narrow one, of which one is shown.
        thickened: Whether anything is drawn thicker than its number, to be seen at all.
    """

    svg: Markup
    thickened: bool


def sankey(whole: Share, *, label: str, visit: Visit) -> Flowchart:
    """Return the drawings of a whole in groups, and these in parts.

    Args:
        whole: Its parts are the groups; theirs are what is shown last.
        label: What the drawing shows, in a sentence, for those who do not see it.
        visit: Writes the numbers.

    Raises: ValueError: parts do not add up, or there is nothing to draw.
    """
    whole.check()
    if whole.value == 0:
        raise ValueError("there is nothing to draw")
    wide, narrow = WideChart(whole, visit), NarrowChart(whole, visit)
    thickened = any(leaf.value * chart.scale < LEAST for chart in (wide, narrow) for leaf in whole.leaves())
    return Flowchart(wide.drawn(label) + narrow.drawn(label), thickened)
