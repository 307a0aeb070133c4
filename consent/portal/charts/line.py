"""A line of readings over time: unit on the top line, rules at round values, hours beneath, and nothing drawn where none came.

Laid out by ``LineChart`` from numbers alone, once wide and once narrow, and then written as SVG; ``bars`` draws what was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from consent.portal.charts.labels import SMALL, Label, cut, width_of
from consent.portal.charts.scale import Scale, is_shown, scale_of
from consent.portal.visit import Visit

_TOP: Final = 24.0
"""Of the highest rule; above it stands the unit."""
_FOOT: Final = 22.0
"""Below the lowest rule, where the hours stand."""
_BETWEEN_NAMES: Final = 16.0
_DOT: Final = 1.5
"""Half the length of what is drawn of a reading that has none near it."""
_NAMED_HOURS: Final = (1, 2, 3, 6, 12, 24, 48)
_HOUR_MS: Final = 3_600_000

Readings = Sequence[tuple[int, float]]
"""(time in Unix milliseconds, value), oldest first."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a drawing goes, in Unix milliseconds; readings further apart than ``gap_ms`` are not joined."""

    begin_ms: int
    end_ms: int
    gap_ms: int


@dataclass(frozen=True)
class LineChart:
    """Where everything is in one of the two drawings.

    Attributes:
        width: Of the whole drawing.
        inner: The height between lowest and highest rule.
    """

    readings: Readings
    span: Span
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
    def shown(self) -> list[tuple[int, float]]:
        """The readings that can be drawn."""
        within = self.span.begin_ms, self.span.end_ms
        return [(at, value) for at, value in self.readings if within[0] <= at <= within[1] and is_shown(value)]

    @cached_property
    def scale(self) -> Scale:
        """The scale of all values that are there."""
        return scale_of([value for _, value in self.shown], from_zero=self.from_zero)

    @cached_property
    def left(self) -> float:
        """Where the line may begin: right of the scale's numbers, but for the highest, which stands above."""
        widest = max((width_of(self._tick(value), SMALL) for value in self.scale.ticks[:-1]), default=0.0)
        return min(max(30.0, widest + 6.0), self.width / 2)

    def _tick(self, value: float) -> str:
        return self.visit.number(value, self.scale.digits)

    def level(self, value: float) -> float:
        """Return the height at which a value is drawn."""
        return _TOP + self.inner * (1 - self.scale.part(value))

    def place(self, at_ms: int) -> float:
        """Return how far to the right an instant is drawn."""
        whole = max(self.span.end_ms - self.span.begin_ms, 1)
        return self.left + (self.width - self.left) * (at_ms - self.span.begin_ms) / whole

    def runs(self) -> Iterator[list[tuple[float, float]]]:
        """Yield the points of each stretch without a gap."""
        run: list[tuple[float, float]] = []
        before = None
        for at, value in self.shown:
            if before is not None and at - before > self.span.gap_ms:
                yield run
                run = []
            run.append((self.place(at), self.level(value)))
            before = at
        if run:
            yield run

    def path(self) -> str:
        """Return the line as SVG writes it."""
        return "".join(_run(run) for run in self.runs())

    def labels(self) -> list[Label]:
        """Return the unit on the top line, the rules' numbers, and as many hours as there is room for."""
        top = cut(f"{self._tick(self.scale.high)} {self.unit}".strip(), self.width, SMALL)
        found = [Label(top, 0.0, 14.0)]
        room = self.left - 2.0
        found += [Label(cut(self._tick(value), room, SMALL), 0.0, self.level(value) + 4.0) for value in self.scale.ticks[:-1]]
        return found + self._hours()

    def _hours(self) -> list[Label]:
        y = _TOP + self.inner + 17.0
        first = -(-self.span.begin_ms // _HOUR_MS)
        for stride in _NAMED_HOURS:
            found = []
            for hour in range(-(-first // stride) * stride, self.span.end_ms // _HOUR_MS + 1, stride):
                text = self.visit.time(hour * _HOUR_MS)
                half = width_of(text, SMALL) / 2
                middle = self.place(hour * _HOUR_MS)
                found.append(Label(text, min(max(middle, self.left + half), self.width - half), y, anchor="middle"))
            if all(one.right + _BETWEEN_NAMES <= two.left for one, two in pairwise(found)):
                return found
        return []

    def drawn(self, kind: str, label: str) -> Markup:
        """Return it as SVG: `kind` is `wide` or `narrow`."""
        rules = "".join(
            f"M{0.0 if value == self.scale.high else self.left:.1f} {self.level(value):.1f}H{self.width:.1f}"
            for value in self.scale.ticks
        )
        path = self.path()
        return Markup(
            '<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}"><path class="rule" d="{}"/>{}{}</svg>'
        ).format(
            kind,
            self.width,
            self.height,
            label,
            rules,
            Markup('<path class="own-line" d="{}"/>').format(path) if path else Markup(),
            Markup().join(each.drawn() for each in self.labels()),
        )


def _run(run: list[tuple[float, float]]) -> str:
    if len(run) == 1:
        ((x, y),) = run
        return f"M{x - _DOT:.1f} {y:.1f}h{2 * _DOT:g}"
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run)


def line(readings: Readings, span: Span, *, unit: str, label: str, visit: Visit, from_zero: bool = True) -> Markup:
    """Return a wide and a narrow drawing, one of which is shown.

    Args:
        readings: Of one property of one sensor.
        span: From when to when.
        unit: As it is written behind a number; any text.
        label: What the drawing shows, in a sentence, for those who do not see it.
        visit: Writes the numbers and hours.
        from_zero: The scale holds 0; see ``consent.portal.charts.bars.bars``.
    """
    wide = LineChart(readings, span, unit, visit, from_zero, 664.0, 150.0)
    narrow = LineChart(readings, span, unit, visit, from_zero, 320.0, 120.0)
    return wide.drawn("wide", label) + narrow.drawn("narrow", label)
