"""A bar for each hour or day: unit on the top line, rules at round values, what is missing left out.

Each drawing is laid out by ``BarChart`` from numbers alone, once wide and once narrow, and then written as SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from consent.portal.charts.labels import SMALL, Label, cut, width_of
from consent.portal.charts.meaning import Meaning
from consent.portal.charts.scale import Scale, is_shown, scale_of
from consent.portal.visit import Visit

_TOP: Final = 24.0
"""Of the highest rule; above it stands the unit."""
_FOOT: Final = 22.0
"""Below the lowest rule, where the names stand."""
_LEAST_BAR: Final = 1.5
"""A bar is at least so high: zero is shown, and is not missing."""
_FILLED: Final = 0.84
"""How much of its place a bar takes."""
_BETWEEN_NAMES: Final = 16.0

Values = Sequence[tuple[str, float | None]]
"""(name of the hour or day, value; None where it is missing)."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class BarChart:
    """Where everything is in one of the two drawings.

    Attributes:
        width: Of the whole drawing.
        inner: The height between lowest and highest rule.
    """

    values: Values
    unit: str
    visit: Visit
    from_zero: bool
    width: float
    inner: float

    @property
    def height(self) -> float:
        """Of the whole drawing."""
        return _TOP + self.inner + _FOOT

    @cached_property
    def scale(self) -> Scale:
        """The scale of all values that are there."""
        return scale_of([value for _, value in self.values if value is not None and is_shown(value)], from_zero=self.from_zero)

    @cached_property
    def left(self) -> float:
        """Where the bars begin: right of the scale's numbers, but for the highest, which stands above them."""
        widest = max((width_of(self._tick(value), SMALL) for value in self.scale.ticks[:-1]), default=0.0)
        return min(max(30.0, widest + 6.0), self.width / 2)

    def _tick(self, value: float) -> str:
        return self.visit.number(value, self.scale.digits)

    def level(self, value: float) -> float:
        """Return the height at which a value is drawn."""
        return _TOP + self.inner * (1 - self.scale.part(value))

    @property
    def ground(self) -> float:
        """Where bars stand: at zero, or at the lowest value of a scale that does not hold it."""
        return self.level(0.0)

    @property
    def place(self) -> float:
        """How wide the place of one bar is."""
        return (self.width - self.left) / max(len(self.values), 1)

    def bars(self) -> list[Bar]:
        """Return a bar for each value that is there."""
        found = []
        for index, (_, value) in enumerate(self.values):
            if value is None or not is_shown(value):
                continue
            x = self.left + self.place * (index + (1 - _FILLED) / 2)
            top, foot = sorted((self.level(value), self.ground))
            if foot - top < _LEAST_BAR:
                top, foot = (foot - _LEAST_BAR, foot) if value >= 0 and foot - _LEAST_BAR >= _TOP else (top, top + _LEAST_BAR)
            found.append(Bar(x, top, self.place * _FILLED, foot - top))
        return found

    def grounds(self) -> list[tuple[float, float]]:
        """Return from where to where the ground is drawn: it is broken where a value is missing."""
        found: list[tuple[float, float]] = []
        for index, (_, value) in enumerate(self.values):
            if value is None or not is_shown(value):
                continue
            start, end = self.left + self.place * index, self.left + self.place * (index + 1)
            if found and abs(found[-1][1] - start) < self.place / 2:
                found[-1] = found[-1][0], end
            else:
                found.append((start, end))
        return found

    def labels(self) -> list[Label]:
        """Return the unit on the top line, the rules' numbers and as many names as there is room for."""
        top = cut(f"{self._tick(self.scale.high)} {self.unit}".strip(), self.width, SMALL)
        found = [Label(top, 0.0, 14.0)]
        room = self.left - 2.0
        found += [Label(cut(self._tick(value), room, SMALL), 0.0, self.level(value) + 4.0) for value in self.scale.ticks[:-1]]
        return found + self._names()

    def _names(self) -> list[Label]:
        """Return every n-th name, for the smallest n that lets none touch the next."""
        y = _TOP + self.inner + 17.0
        room = self.width - self.left
        for stride in _strides(len(self.values)):
            found = []
            for index in range(0, len(self.values), stride):
                text = cut(self.values[index][0], room, SMALL)
                half = width_of(text, SMALL) / 2
                middle = self.left + self.place * (index + 0.5)
                found.append(Label(text, min(max(middle, self.left + half), self.width - half), y, anchor="middle"))
            if all(one.right + _BETWEEN_NAMES <= two.left for one, two in pairwise(found)):
                return found
        return []

    def drawn(self, kind: str, label: str, meaning: Meaning) -> Markup:
        """Return it as SVG: `kind` is `wide` or `narrow`."""
        rules = "".join(f"M{self._from(value):.1f} {self.level(value):.1f}H{self.width:.1f}" for value in self.scale.ticks)
        ground = "".join(f"M{start:.1f} {self.ground:.1f}H{end:.1f}" for start, end in self.grounds())
        shapes = "".join(f"M{bar.x:.1f} {bar.y:.1f}h{bar.width:.1f}v{bar.height:.1f}h-{bar.width:.1f}z" for bar in self.bars())
        return Markup(
            '<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><path class="rule" d="{}"/>{}{}{}</svg>'
        ).format(
            kind,
            self.width,
            self.height,
            label,
            rules,
            Markup('<path class="{}" d="{}"/>').format(meaning, shapes) if shapes else Markup(),
            Markup('<path class="base" d="{}"/>').format(ground) if ground else Markup(),
            Markup().join(each.drawn() for each in self.labels()),
        )

    def _from(self, value: float) -> float:
        return 0.0 if value == self.scale.high else self.left


def _strides(count: int) -> list[int]:
    """Return from one to the next named: of hours and days preferably halves, quarters, thirds and sixths of the whole."""
    even = [stride for stride in range(1, count + 1) if count % stride == 0]
    return even if count in (24, 28, 30) else list(range(1, count + 1))


def bars(
    values: Values, *, unit: str, label: str, visit: Visit, meaning: Meaning = Meaning.TOLD, from_zero: bool = True
) -> Markup:
    """Return a wide and a narrow drawing, one of which is shown.

    Args:
        values: (name of the hour or day, value) in order; None is missing, and stays empty.
        unit: As it is written behind a number; any text.
        label: What the drawing shows, in a sentence, for those who do not see it.
        visit: Writes the numbers.
        meaning: Of all bars: their colour.
        from_zero: The scale holds 0. Without, it begins at the round number below the lowest value: for units without a zero that
            means anything, such as decibels.
    """
    wide = BarChart(values, unit, visit, from_zero, 664.0, 150.0)
    narrow = BarChart(values, unit, visit, from_zero, 320.0, 120.0)
    return wide.drawn("wide", label, meaning) + narrow.drawn("narrow", label, meaning)
