"""The flow chart for narrow windows: from top to bottom, the parts numbered, with a key beneath that names them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from markupsafe import Markup

from consent.portal.charts.labels import LARGE, SMALL, Label, width_of, wrapped
from consent.portal.charts.ribbons import (
    BLOCK,
    LEAST,
    FlowLayout,
    Share,
    flow_chart,
    flow_shapes,
    groups_of,
    laid_out,
    shape,
)
from consent.portal.visit import Visit

_STEPS: Final = (44.0, 150.0, 280.0)
_LEAST_SLOT: Final = 19.0
_BETWEEN_LEAVES: Final = 3.0
_BETWEEN_GROUPS: Final = 12.0
_KEY: Final = 338.0
_LINE: Final = 19.0
_INDENT: Final = 44.0
_ABOVE_GROUP: Final = 12.0
_ABOVE_LEAF: Final = 6.0


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A row of the key.

    Attributes:
        numeral: That of the part in the drawing; empty of a group.
        lines: The name, broken.
        y: Its top.
    """

    node: Share
    numeral: str
    lines: list[str]
    y: float

    @property
    def foot(self) -> float:
        """Where it ends."""
        return self.y + _LINE * len(self.lines)


@dataclass(frozen=True)
class NarrowChart:
    """From top to bottom: the parts are numbered, and a key beneath has their names and numbers."""

    whole: Share
    visit: Visit

    @cached_property
    def width(self) -> float:
        """Of the drawing: that of a telephone, unless there are too many parts."""
        return max(340.0, 1.5 * self._gaps + 1.5 * _LEAST_SLOT * len(self.whole.leaves()))

    @property
    def _gaps(self) -> float:
        leaves, groups = len(self.whole.leaves()), len(groups_of(self.whole))
        return (leaves - groups) * _BETWEEN_LEAVES + max(groups - 1, 0) * _BETWEEN_GROUPS

    def thickness(self, leaf: Share) -> float:
        """Return how wide a leaf's flow is."""
        return max(leaf.value * self.scale, LEAST)

    @cached_property
    def layout(self) -> FlowLayout:
        """Where everything is."""
        return laid_out(self.whole, self.places(), self.thickness, _STEPS)

    @cached_property
    def scale(self) -> float:
        """Units of the drawing for one of what is counted: the small parts have room for a numeral, the others share the rest."""
        large = sorted((leaf.value for leaf in self.whole.leaves()), reverse=True)
        fixed = 0.0
        while large and large[-1] * (self.width - self._gaps - fixed) < _LEAST_SLOT * sum(large):
            large.pop()
            fixed += _LEAST_SLOT
        return (self.width - self._gaps - fixed) / sum(large) if large else 0.0

    def _slot(self, leaf: Share) -> float:
        return max(self.thickness(leaf), _LEAST_SLOT)

    def places(self) -> list[float]:
        """Where each leaf begins, across."""
        found, x = [], 0.0
        for group in groups_of(self.whole):
            for leaf in group.leaves():
                found.append(x + (self._slot(leaf) - self.thickness(leaf)) / 2)
                x += self._slot(leaf) + _BETWEEN_LEAVES
            x += _BETWEEN_GROUPS - _BETWEEN_LEAVES
        return found

    @cached_property
    def key(self) -> list[KeyRow]:
        """The rows of the key, each group above its parts."""
        room = self.width - self._value_room
        rows, y, number = [], _KEY, 0
        for group in groups_of(self.whole):
            y += _ABOVE_GROUP
            rows.append(KeyRow(group, "", wrapped(group.name, room, LARGE), y))
            y = rows[-1].foot
            for leaf in group.leaves():
                number += 1
                rows.append(KeyRow(leaf, str(number), wrapped(leaf.name, room - _INDENT, LARGE, 3), y + _ABOVE_LEAF))
                y = rows[-1].foot
        return rows

    @cached_property
    def _value_room(self) -> float:
        return max(width_of(self.visit.number(group.value), LARGE) for group in groups_of(self.whole)) + 12.0

    @property
    def height(self) -> float:
        """Of the drawing with its key."""
        return self.key[-1].foot

    def labels(self) -> list[Label]:
        """Return the whole's name above it, numerals under the leaves, and the key."""
        found = [Label(line, 0.0, 15.0, LARGE, "t") for line in wrapped(self.whole.name, self.width, LARGE, 1)]
        found.append(Label(self.visit.number(self.whole.value), 0.0, 34.0, LARGE, "v"))
        for index, leaf in enumerate(self.layout.leaves):
            found.append(Label(str(index + 1), leaf.start + leaf.size / 2, leaf.at + BLOCK + 16.0, SMALL, "", "middle"))
        for row in self.key:
            kind, x, y = ("v", _INDENT, row.y + 13.0) if row.numeral else ("t", 0.0, row.y + 13.0)
            if row.numeral:
                found.append(Label(row.numeral, _INDENT - 8.0, y, SMALL, "", "end"))
            found += [Label(line, x, y + _LINE * index, LARGE, kind) for index, line in enumerate(row.lines)]
            found.append(Label(self.visit.number(row.node.value), self.width, y, LARGE, kind, "end"))
        return found

    def drawn(self, label: str) -> Markup:
        """Return it as SVG."""
        shapes = flow_shapes(self.layout, self.visit, downwards=True)
        shapes += [shape(row.node.meaning, f"M0 {row.y + 1:.1f}h14v14h-14z") for row in self.key if row.numeral]
        return flow_chart("narrow", self.width, self.height, label, shapes + [each.drawn() for each in self.labels()])
