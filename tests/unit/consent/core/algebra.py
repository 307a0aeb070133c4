"""Disclosures as formulas for the solver: their axes are read from the code, the rest is said again from the definition.

A point is a number for each axis. Which axes there are, which way they run and which of them close the whole is asked of
``Disclosure``, ``TOP`` and ``BOTTOM``; that the least of each axis is taken, and what an axis at nothing does, is stated here.
A precision is one axis for each of three properties: 0 where it is not bounded, else the step. A budget b is b / (1 + b), and 1
where there is none, which keeps its order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from math import inf
from typing import Any, get_type_hints

import z3  # type: ignore[import-untyped]  # the solver comes without types

from consent.core.disclosure import BOTTOM, TOP, Disclosure, Identity

Formula = Any
"""A term or formula of the solver, whose own types say no more."""

Point = dict[str, Formula]

PROPERTIES = ("LAeq", "consumption", "pm25")


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        least: The least number on it.
        greatest: The greatest, or None where there is none.
        rises: A greater number reveals more.
        closes: At the end that reveals least nothing at all is revealed.
    """

    name: str
    least: int
    greatest: int | None
    rises: bool
    closes: bool
    whole: bool


def _axes() -> tuple[Axis, ...]:
    """Return the axes that ``Disclosure`` declares, in its order."""
    axes: list[Axis] = []
    hints = get_type_hints(Disclosure)
    for name in (field.name for field in fields(Disclosure) if field.compare):
        if name == "precision":
            axes += [Axis(f"precision.{each}", 0, None, rises=False, closes=False, whole=False) for each in PROPERTIES]
            continue
        least, greatest = sorted((_number(getattr(BOTTOM, name)), _number(getattr(TOP, name))))
        rises = getattr(TOP, name) > getattr(BOTTOM, name)
        closes = replace(TOP, **{name: getattr(BOTTOM, name)}).is_bottom
        if issubclass(hints[name], IntEnum):
            assert (least, greatest) == (min(hints[name]), max(hints[name])), "the ends of the axis are those of its levels"
        axes.append(Axis(name, int(least), int(greatest), rises, closes, whole=hints[name] is not float))
    return tuple(axes)


def _number(value: float | Decimal) -> Fraction:
    """Return an axis's value as the number that stands for it; of a float, which only a budget is, b / (1 + b)."""
    if not isinstance(value, float):
        return Fraction(value)
    return Fraction(1) if value == inf else Fraction(value) / (1 + Fraction(value))


class Algebra:
    """The lattice's definition as formulas; with ``turned_over``, one in which the meet takes the wrong end of an axis."""

    def __init__(self, turned_over: str = "") -> None:
        self.axes = _axes()
        self.bottom, self.top = self.given(BOTTOM), self.given(TOP)
        self.aggregate = int(Identity.AGGREGATE)
        self._turned_over = turned_over

    def any_point(self, name: str) -> Point:
        """Return a point of which nothing is known."""
        return {axis.name: (z3.Int if axis.whole else z3.Real)(f"{name}.{axis.name}") for axis in self.axes}

    def given(self, point: Disclosure) -> Point:
        """Return a point of the code."""
        steps = {f"precision.{name}": point.step(name) or Decimal(0) for name in PROPERTIES}
        values = {axis.name: _number(steps[axis.name] if axis.name in steps else getattr(point, axis.name)) for axis in self.axes}
        return {
            axis.name: z3.IntVal(int(values[axis.name])) if axis.whole else z3.RealVal(str(values[axis.name]))
            for axis in self.axes
        }

    def lies_on_its_axes(self, point: Point) -> Formula:
        """Every number is one that its axis has."""
        lower = [point[axis.name] >= axis.least for axis in self.axes]
        return z3.And(*lower, *(point[axis.name] <= axis.greatest for axis in self.axes if axis.greatest is not None))

    def is_bottom(self, point: Point) -> Formula:
        """Some axis that can close stands at its least revealing end."""
        return z3.Or(*(point[axis.name] == self.bottom[axis.name] for axis in self.axes if axis.closes))

    def same(self, a: Point, b: Point) -> Formula:
        """The two are one point."""
        return z3.And(*(a[axis.name] == b[axis.name] for axis in self.axes))

    def normalised(self, point: Point) -> Point:
        """⊥ where an axis is closed, else the point."""
        closed = self.is_bottom(point)
        return {name: z3.If(closed, self.bottom[name], value) for name, value in point.items()}

    def meet_axes(self, a: Point, b: Point) -> Point:
        """Return the less revealing of each axis by itself."""
        return {axis.name: self._less_revealing(axis, a[axis.name], b[axis.name]) for axis in self.axes}

    def _less_revealing(self, axis: Axis, a: Formula, b: Formula) -> Formula:
        takes_lower = axis.rises is not (axis.name == self._turned_over)
        return z3.If(a <= b, a, b) if takes_lower else z3.If(a >= b, a, b)

    def meet(self, a: Point, b: Point) -> Point:
        """Return the less revealing of each axis, collapsed."""
        return self.normalised(self.meet_axes(a, b))

    def below(self, a: Point, b: Point) -> Formula:
        """A reveals no more than b: on no axis, and ⊥ no more than anything."""
        each = [a[axis.name] <= b[axis.name] if axis.rises else a[axis.name] >= b[axis.name] for axis in self.axes]
        return z3.Or(self.is_bottom(a), z3.And(z3.Not(self.is_bottom(b)), *each))

    def binding(self, limits: Point) -> Point:
        """Return a consent's limits as they bind: with a group or a budget, also a former one, figures only."""
        budgets = [limits[name] < self.top[name] for name in ("budget", "former_epsilon")]
        demands = z3.Or(limits["group"] > 1, *budgets)
        lowered = z3.And(demands, limits["identity"] > self.aggregate)
        return limits | {"identity": z3.If(lowered, z3.IntVal(self.aggregate), limits["identity"])}
