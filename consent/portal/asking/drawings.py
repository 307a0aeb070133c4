"""The small drawings of a question: own readings in sand, what leaves by itself in water, how far chance blurs a joint figure.

Built on the bars of ``portal.charts``; each fits a third of the page, and a telephone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from markupsafe import Markup

from consent.portal.charts.bars import BarChart
from consent.portal.charts.labels import SMALL, Label, width_of
from consent.portal.charts.meaning import Meaning
from consent.portal.charts.scale import Scale, is_shown, scale_of
from consent.portal.visit import Visit

_WIDTH: Final = 320.0
_INNER: Final = 120.0
_KIND: Final = "small"


@dataclass(frozen=True)
class BlurredBars(BarChart):
    """Bars within a figure that chance moves up and down.

    Attributes:
        blur: How far, in the unit of the bars; 0 where nothing is to be drawn of it.
    """

    blur: float = 0.0

    @cached_property
    def scale(self) -> Scale:
        """The scale of all values that are there, and of the blur."""
        values = [value for _, value in self.values if value is not None and is_shown(value)]
        return scale_of([*values, self.blur] if self.blur else values, from_zero=self.from_zero)

    def drawn(self, kind: str, label: str, meaning: Meaning) -> Markup:
        """Return it as SVG, the blur behind the bars."""
        svg = super().drawn(kind, label, meaning)
        if not self.blur:
            return svg
        top, ground = self.level(self.blur), self.ground
        band = Markup('<path class="blur" d="M{:.1f} {:.1f}H{:.1f}V{:.1f}H{:.1f}z"/>').format(
            self.left, top, self.width, ground, self.left
        )
        head, end, rest = svg.partition(Markup("/>"))  # the rules stand first; the band goes over them and under the bars
        return head + end + band + rest


def small_bars(
    values: Sequence[tuple[str, float | None]],
    unit: str,
    label: str,
    visit: Visit,
    *,
    meaning: Meaning,
    from_zero: bool = True,
    blur: float = 0.0,
) -> Markup:
    """Return a small drawing; arguments as of ``charts.bars.bars``, and ``blur`` as of ``BlurredBars``."""
    return BlurredBars(tuple(values), unit, visit, from_zero, _WIDTH, _INNER, blur).drawn(_KIND, label, meaning)


def nothing_drawn(word: str, label: str) -> Markup:
    """Return a drawing of the same size in which nothing leaves; ``word`` stands in it."""
    middle = _WIDTH / 2 - width_of(word, SMALL) / 2
    return Markup(
        '<svg class="{}" viewBox="0 0 320 166" role="img" aria-label="{}"><path class="rule" d="M0 24H320M30 84H320"/>'
        '<path class="base" d="M30 144H320"/>{}</svg>'
    ).format(_KIND, label, Label(word, max(middle, 0.0), 110.0).drawn())
