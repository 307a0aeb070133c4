"""The flow chart for wide windows: from left to right, the names of the parts beside them, their numbers at the right edge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from markupsafe import Markup

from consent.portal.charts.labels import LARGE, Label, cut, width_of, wrapped
from consent.portal.charts.ribbons import (
    BLOCK,
    LEAST,
    FlowBlock,
    FlowLayout,
    Share,
    flow_chart,
    flow_shapes,
    groups_of,
    laid_out,
)
from consent.portal.visit import Visit

_WIDTH: Final = 1056.0
_STEPS: Final = (0.0, 290.0, 600.0)
_LEAST_START: Final = 46.0
_INNER: Final = 380.0
_LINE: Final = 19.0
_MARGIN: Final = 14.0
_LEAST_NAME: Final = 84.0
_AROUND_GROUP: Final = 46.0
"""Above and below a group there is room for its name."""
_TWO_LINES: Final = 44.0
"""A group at least so wide bears its name."""
_BETWEEN_LEAVES: Final = 10.0
_BETWEEN_GROUPS: Final = 26.0


@dataclass(frozen=True)
class WideChart:
    """From left to right: names of the parts beside them, their numbers at the right edge."""

    whole: Share
    visit: Visit

    def thickness(self, leaf: Share) -> float:
        """Return how wide a leaf's flow is."""
        return max(leaf.value * self.scale, LEAST)

    @cached_property
    def layout(self) -> FlowLayout:
        """Where everything is."""
        return laid_out(self.whole, self.places(), self.thickness, _STEPS, _LEAST_START)

    @property
    def scale(self) -> float:
        """Units of the drawing for one of what is counted."""
        return _INNER / self.whole.value

    @cached_property
    def _value_left(self) -> float:
        widest = max(width_of(self.visit.number(leaf.value), LARGE) for leaf in self.whole.leaves())
        return _WIDTH - widest - 16.0

    def _lines(self, leaf: Share) -> list[str]:
        return wrapped(leaf.name, self._value_left - _STEPS[2] - BLOCK - 12.0, LARGE)

    def _slot(self, leaf: Share) -> float:
        """Return how high a leaf is with its name."""
        return max(self.thickness(leaf), _LINE * len(self._lines(leaf)) + 4.0)

    @cached_property
    def _layout(self) -> tuple[list[float], float]:
        """Where each leaf begins, and the height of all."""
        places, y = [], _MARGIN
        for index, group in enumerate(groups_of(self.whole)):
            y += _BETWEEN_GROUPS if index else 0.0
            slots = [self._slot(leaf) for leaf in group.leaves()]
            needed = sum(slots) + _BETWEEN_LEAVES * (len(slots) - 1)
            spare = max(0.0, sum(map(self.thickness, group.leaves())) + _AROUND_GROUP - needed) / 2
            y += spare
            for leaf, slot in zip(group.leaves(), slots, strict=True):
                places.append(y + (slot - self.thickness(leaf)) / 2)
                y += slot + _BETWEEN_LEAVES
            y += spare - _BETWEEN_LEAVES
        return places, y + _MARGIN

    def places(self) -> list[float]:
        """Where each leaf begins, across."""
        return self._layout[0]

    @property
    def height(self) -> float:
        """Of the drawing."""
        return max(self._layout[1], self.layout.first.end + 4.0)

    def labels(self) -> list[Label]:
        """Return the whole's name above it, the groups' left of them, the leaves' at their right."""
        number = self.visit.number
        found = [label for group in self.layout.middle for label in self._beside(group)]
        found += self._above(found)
        for leaf in self.layout.leaves:
            lines = self._lines(leaf.node)
            y = leaf.start + leaf.size / 2 + 5.0 - _LINE * (len(lines) - 1) / 2
            found += [Label(line, leaf.at + BLOCK + 12.0, y + _LINE * index, LARGE, "t") for index, line in enumerate(lines)]
            middle = leaf.start + leaf.size / 2 + 5.0
            found.append(Label(number(leaf.node.value), _WIDTH, middle, LARGE, "v", "end"))
        return found

    @property
    def _inner_left(self) -> float:
        """Where the groups' names may begin: left of it is room for the whole's number."""
        return max(_LEAST_NAME, width_of(self.visit.number(self.whole.value), LARGE) + 16.0)

    def _above(self, groups: list[Label]) -> list[Label]:
        """Return the whole's name and number, above it and left of what groups have there."""
        top = self.layout.first.start
        name = Label(self.whole.name, 0.0, top - 27.0, LARGE, "t")
        beside = [label.left for label in groups if label.top < name.bottom and name.top < label.bottom]
        room = min([*beside, _STEPS[1] - 10.0]) - 10.0
        return [
            replace(name, text=cut(name.text, room, LARGE)),
            Label(self.visit.number(self.whole.value), 0.0, top - 8.0, LARGE, "v"),
        ]

    def _beside(self, group: FlowBlock) -> list[Label]:
        """Return a group's name and number: upon the flow that leads to it, or off a thin one, where that does not pass."""
        name, value = group.node.name, self.visit.number(group.node.value)
        x, room = group.at - 10.0, group.at - 10.0 - self._inner_left
        if group.size >= _TWO_LINES:
            y = group.start + group.size / 2
            lines = wrapped(name, room, LARGE, 1)
            return [Label(line, x, y - 4.0, LARGE, "t", "end") for line in lines] + [Label(value, x, y + 15.0, LARGE, "v", "end")]
        is_above = group.start + group.size / 2 < self.layout.first.start + self.layout.first.size / 2
        y = group.start - 8.0 if is_above else group.end + 17.0
        before = x - width_of(value, LARGE) - 10.0
        name = cut(name, before - self._inner_left, LARGE)
        return [Label(name, before, y, LARGE, "t off", "end"), Label(value, x, y, LARGE, "v off", "end")]

    def drawn(self, label: str) -> Markup:
        """Return it as SVG."""
        shapes = flow_shapes(self.layout, self.visit, downwards=False)
        texts = [each.drawn() for each in self.labels()]
        return flow_chart("wide", _WIDTH, self.height, label, shapes + texts)
