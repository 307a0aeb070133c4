"""Observed properties as policies declare them: the steps to which values are floored, and the bounds on one subject's value."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from consent.core.disclosure import WINDOW_MS, Time

Range = tuple[Decimal, Decimal]
"""The least and the greatest."""


@dataclass(frozen=True, slots=True)
class Property:
    """An observed property.

    Attributes:
        title: Its name for people, by language code; empty where the policies give none.
        unit: UCUM code.
        ladder: Steps of precision, finest first, each a multiple of the one before.
        clamp: Least and greatest that one subject's value in a window may count as, by the longest window for which they hold,
            shortest first; empty where nothing bounds it.
    """

    id: str
    title: dict[str, str]
    unit: str
    ladder: tuple[Decimal, ...]
    clamp: tuple[tuple[Time, Range], ...]

    def clamp_of(self, time: Time) -> Range | None:
        """Return the bounds on a subject's value in a window of a length: those for the shortest length named that reaches it.

        Where none does they are those for the longest, so that no window is without bounds once one has them.
        """
        for longest, bounds in self.clamp:
            if WINDOW_MS[longest] >= WINDOW_MS[time]:
                return bounds
        return self.clamp[-1][1] if self.clamp else None

    def rung(self, bound: Decimal | None) -> Decimal:
        """Return the step to which values are floored under a bound on their precision; None is no bound.

        That is the finest step of the ladder no finer than the bound: a consent may name one that the ladder no longer has.
        """
        if bound is None:
            return self.ladder[0]
        coarsest = self.ladder[-1]
        steps = (bound / coarsest).to_integral_value(ROUND_CEILING)
        return next((step for step in self.ladder if step >= bound), coarsest * steps)
