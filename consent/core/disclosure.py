"""The disclosure lattice: how much of a subject's data is revealed, as one point on ordered axes.

Everything that bounds a release (what a flow asks, the city's and the neighbourhood's ceilings, each resident's
consent, the device profile's cap) is such a point, and what may leave is their ``meet``: on every axis the least revealing.
An axis at its least level reveals nothing, and then the whole point is ``BOTTOM``.

    identity   none < aggregate < per-record < per-epoch < stable
    time       none < day < 4h < 1h < 15min < 1min < exact
    space      none < city < district < block < exact
    precision  per property the step of a ladder; a coarser step reveals less; a property not named is not bounded
    group      least number of contributing subjects; more reveals less
    retention  whole days; fewer reveal less
    budget     μ of Gaussian differential privacy per subject, quantity and day; smaller reveals less; infinite asks for no noise

An eighth axis, ``former_epsilon``, is that of budgets written by earlier versions, which were an ε: no figure is made under one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from math import inf
from typing import Final, Self

LONGEST_RETENTION_DAYS: Final = 36_500
"""A century: the most that any policy or consent may say, so that ``TOP`` is above every point."""

LARGEST_GROUP: Final = 1_000_000
"""The most that any policy or consent may demand."""


class AxisLevel(IntEnum):
    """A level of an axis: compares by how much it reveals, and is written as ``label`` in policies and records."""

    label: str

    def __new__(cls, rank: int, label: str) -> Self:
        """Make a member from its rank and its written form."""
        level = int.__new__(cls, rank)
        level._value_ = rank
        level.label = label
        return level

    @classmethod
    def named(cls, label: str) -> Self:
        """Return the level written ``label``.

        Raises: ValueError: there is none; the text lists the known ones.
        """
        for level in cls:
            if level.label == label:
                return level
        raise ValueError(f"`{label}` is none of {', '.join(level.label for level in cls)}")


class Identity(AxisLevel):
    """Whether releases of one subject can be told apart and joined."""

    NONE = 0, "none"
    AGGREGATE = 1, "aggregate"
    PER_RECORD = 2, "per-record"
    PER_EPOCH = 3, "per-epoch"
    STABLE = 4, "stable"


class Time(AxisLevel):
    """How finely time is revealed: the length of the UTC window that an instant is coarsened to."""

    NONE = 0, "none"
    DAY = 1, "day"
    HOUR_4 = 2, "4h"
    HOUR_1 = 3, "1h"
    MINUTE_15 = 4, "15min"
    MINUTE_1 = 5, "1min"
    EXACT = 6, "exact"


class Space(AxisLevel):
    """How finely place is revealed: the zone that a place is coarsened to."""

    NONE = 0, "none"
    CITY = 1, "city"
    DISTRICT = 2, "district"
    BLOCK = 3, "block"
    EXACT = 4, "exact"


DAY_MS: Final = 86_400_000
WINDOW_MS: Final[dict[Time, int]] = {
    Time.DAY: DAY_MS,
    Time.HOUR_4: 14_400_000,
    Time.HOUR_1: 3_600_000,
    Time.MINUTE_15: 900_000,
    Time.MINUTE_1: 60_000,
}
"""The length of a level's tumbling window; `none` and `exact` have none."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A point in the lattice. Every bound is the most that may be revealed on its axis.

    Attributes:
        precision: (observed property, step) sorted by property; a property not named is not bounded.
        group: Least number of contributing subjects, at least 1.
        retention_days: How long the recipient may keep it.
        budget: μ per subject, quantity and day; infinite asks for no noise.
        former_epsilon: The ε per subject and day that an earlier version's budget was; infinite where none was set.
    """

    identity: Identity
    time: Time
    space: Space
    precision: tuple[tuple[str, Decimal], ...]
    group: int
    retention_days: int
    budget: float
    former_epsilon: float = inf
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Normalise the steps, and compute the hash once: points are keys of the table of decisions."""
        object.__setattr__(self, "precision", tuple(sorted((name, step.normalize()) for name, step in self.precision)))
        axes = (self.identity, self.time, self.space, self.precision, self.group, self.retention_days)
        object.__setattr__(self, "_hash", hash((axes, self.budget, self.former_epsilon)))

    def __hash__(self) -> int:
        """Return the hash over all axes."""
        return self._hash

    @property
    def is_bottom(self) -> bool:
        """Return whether nothing is revealed: some axis is at its least level."""
        least = not (self.identity and self.time and self.space)
        return least or not (self.retention_days > 0 and self.budget > 0 and self.former_epsilon > 0)

    def step(self, observed_property: str) -> Decimal | None:
        """Return the bound on a property's precision, or None if there is none."""
        for name, step in self.precision:
            if name == observed_property:
                return step
        return None

    def reveals_no_more_than(self, other: Disclosure) -> bool:
        """Return whether this point lies at or below ``other`` in the lattice."""
        if self.is_bottom or other.is_bottom:
            return self.is_bottom
        return (
            self.identity <= other.identity
            and self.time <= other.time
            and self.space <= other.space
            and self.group >= other.group
            and self.retention_days <= other.retention_days
            and self.budget <= other.budget
            and self.former_epsilon <= other.former_epsilon
            and self._as_coarse_as(other)
        )

    def _as_coarse_as(self, other: Disclosure) -> bool:
        mine = dict(self.precision)
        return all(name in mine and mine[name] >= step for name, step in other.precision)


TOP: Final = Disclosure(Identity.STABLE, Time.EXACT, Space.EXACT, (), 1, LONGEST_RETENTION_DAYS, inf)
"""No bound on any axis."""

BOTTOM: Final = Disclosure(Identity.NONE, Time.NONE, Space.NONE, (), LARGEST_GROUP, 0, 0.0, 0.0)
"""Nothing is revealed."""


def normalise(point: Disclosure) -> Disclosure:
    """Return ``BOTTOM`` for every point that reveals nothing, and any other point unchanged."""
    return BOTTOM if point.is_bottom else point


def meet_axes(*points: Disclosure) -> Disclosure:
    """Return the least of each axis by itself, without collapsing to ``BOTTOM``: explanations are made from it."""
    if not points:
        return TOP
    if len(points) == 1:
        return points[0]
    return Disclosure(
        identity=min([p.identity for p in points]),
        time=min([p.time for p in points]),
        space=min([p.space for p in points]),
        precision=_coarsest(points),
        group=max([p.group for p in points]),
        retention_days=min([p.retention_days for p in points]),
        budget=min([p.budget for p in points]),
        former_epsilon=min([p.former_epsilon for p in points]),
    )


def _coarsest(points: tuple[Disclosure, ...]) -> tuple[tuple[str, Decimal], ...]:
    steps: dict[str, Decimal] = {}
    for point in points:
        for name, step in point.precision:
            steps[name] = max(step, steps.get(name, step))
    return tuple(steps.items())


def meet(*points: Disclosure) -> Disclosure:
    """Return the most that all of the given points permit: their greatest lower bound; without any, ``TOP``."""
    return normalise(meet_axes(*points))
