"""What flows and how wide: a whole as a tree of numbers, and the blocks and ribbons that are drawn of it.

Measured in units of the drawing, *along* the direction of the flow and *across* it, so that one layout serves the drawing from
left to right and that from top to bottom.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from consent.portal.charts.meaning import Meaning
from consent.portal.visit import Visit

LEAST: Final = 2.0
"""The thinnest that a flow is drawn."""
BLOCK: Final = 14.0
"""How long the block at the end of a flow is, along it."""


@dataclass(frozen=True, slots=True)
class Share:
    """A number, and what it consists of.

    Attributes:
        name: As it stands in the drawing; any text.
        parts: They add up to the value; none of a leaf, which is what the last column shows.
    """

    name: str
    value: int
    meaning: Meaning
    parts: tuple[Share, ...] = ()

    def check(self) -> None:
        """Check that all parts add up.

        Raises: ValueError: they do not, or a number is negative.
        """
        if self.value < 0 or (self.parts and sum(part.value for part in self.parts) != self.value):
            raise ValueError(f"the parts of {self.name!r} do not add up to {self.value}")
        for part in self.parts:
            part.check()

    def leaves(self) -> list[Share]:
        """Return what is not divided further, and not zero: no line is drawn for nothing."""
        found = [leaf for part in self.parts for leaf in part.leaves()] if self.parts else [self]
        return [leaf for leaf in found if leaf.value > 0]


@dataclass(frozen=True, slots=True)
class FlowBlock:
    """The end of a flow: along the main direction from `at`, across it from `start`, `size` wide."""

    node: Share
    at: float
    start: float
    size: float

    @property
    def end(self) -> float:
        """Where it ends, across."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A flow from one block to the next, equally wide all along."""

    node: Share
    begin: float
    begin_start: float
    end: float
    end_start: float
    size: float


@dataclass(frozen=True, slots=True)
class FlowLayout:
    """Where everything is: the whole, its groups, and their leaves."""

    first: FlowBlock
    middle: tuple[FlowBlock, ...]
    leaves: tuple[FlowBlock, ...]

    @property
    def blocks(self) -> tuple[FlowBlock, ...]:
        """All of them."""
        return self.first, *self.middle, *self.leaves

    def ribbons(self) -> Iterator[Ribbon]:
        """Yield every flow: from the whole to the groups, then to the leaves."""
        at, rest = self.first.start, iter(self.leaves)
        for group in self.middle:
            yield Ribbon(group.node, self.first.at + BLOCK, at, group.at, group.start, group.size)
            at += group.size
            within = group.start
            for _ in group.node.leaves():
                leaf = next(rest)
                yield Ribbon(leaf.node, group.at + BLOCK, within, leaf.at, leaf.start, leaf.size)
                within += leaf.size


def laid_out(
    whole: Share,
    places: Sequence[float],
    thickness: Callable[[Share], float],
    steps: tuple[float, float, float],
    least_start: float = 0.0,
) -> FlowLayout:
    """Return a layout: groups stand amid their leaves, the whole amid the groups, and each is as wide as its parts.

    Args:
        whole: Not zero.
        places: Where each leaf begins, across; in the order of ``Share.leaves``.
        thickness: How wide a leaf is.
        steps: Where the whole, the groups and the leaves stand along the flow.
        least_start: Where the whole may begin at the earliest, across.
    """
    leaves = [FlowBlock(leaf, steps[2], place, thickness(leaf)) for leaf, place in zip(whole.leaves(), places, strict=True)]
    middle, rest = [], iter(leaves)
    for group in groups_of(whole):
        own = [next(rest) for _ in group.leaves()]
        size = sum(leaf.size for leaf in own)
        middle.append(FlowBlock(group, steps[1], (own[0].start + own[-1].end - size) / 2, size))
    size = sum(group.size for group in middle)
    start = max((middle[0].start + middle[-1].end - size) / 2, least_start)
    return FlowLayout(FlowBlock(whole, steps[0], start, size), tuple(middle), tuple(leaves))


def groups_of(whole: Share) -> list[Share]:
    """Return the groups in which there is anything."""
    return [group for group in whole.parts if group.leaves()]


def shape(kind: str, path: str, title: str = "") -> Markup:
    """Return a surface; its title is shown to whoever points at it."""
    if not title:
        return Markup('<path class="{}" d="{}"/>').format(kind, path)
    return Markup('<path class="{}" d="{}"><title>{}</title></path>').format(kind, path, title)


def flow_shapes(layout: FlowLayout, visit: Visit, *, downwards: bool) -> list[Markup]:
    """Return the ribbons of a layout, and the blocks over them."""
    ribbons = [shape(f"{each.node.meaning} s", _ribbon(each, downwards), named(each.node, visit)) for each in layout.ribbons()]
    return ribbons + [shape(each.node.meaning, _block(each, downwards), named(each.node, visit)) for each in layout.blocks]


def _ribbon(one: Ribbon, downwards: bool) -> str:
    begins, ends = (one.begin_start, one.begin_start + one.size), (one.end_start, one.end_start + one.size)
    bend = (one.begin + one.end) / 2

    def curve(across: float, to_along: float, to_across: float) -> str:
        steps = ((bend, across), (bend, to_across), (to_along, to_across))
        return "C" + " ".join(_point(*step, downwards) for step in steps)

    there, back = curve(begins[0], one.end, ends[0]), curve(ends[1], one.begin, begins[1])
    return f"M{_point(one.begin, begins[0], downwards)}{there}{'h' if downwards else 'v'}{one.size:.1f}{back}z"


def _block(one: FlowBlock, downwards: bool) -> str:
    width, height = (one.size, BLOCK) if downwards else (BLOCK, one.size)
    return f"M{_point(one.at, one.start, downwards)}h{width:.1f}v{height:.1f}h-{width:.1f}z"


def _point(along: float, across: float, downwards: bool) -> str:
    return f"{across:.1f} {along:.1f}" if downwards else f"{along:.1f} {across:.1f}"


def flow_chart(kind: str, width: float, height: float, label: str, inner: Sequence[Markup]) -> Markup:
    """Return a whole flow chart, in one of its drawings."""
    head = Markup('<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">')
    head = head.format(kind, width, math.ceil(height), label)
    return head + Markup().join(inner) + Markup("</svg>")


def named(node: Share, visit: Visit) -> str:
    """Return a node's name with its number."""
    return f"{node.name}: {visit.number(node.value)}"
