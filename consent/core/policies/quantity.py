"""Quantities: what is one secret of a household, over all flows that read it, and how a flow's figures of it are made.

A household's day is one array of cells of a quantity; accounting of noise and the guard over exact figures are per quantity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import inf

from consent.core.disclosure import DAY_MS, WINDOW_MS, Time
from consent.core.periods import Period, Publish
from consent.core.profiles.profile import Texts


@dataclass(frozen=True, slots=True)
class Quantity:
    """A table `[quantity.<id>]`.

    Attributes:
        title: Its name for people, by language code; empty where the policies give none.
        properties: The observed properties that tell it; no other quantity has any of them.
        unit: UCUM code that all of them share.
        cell: The finest time at which figures about it are made: `15min`, `1h`, `4h` or `day`.
        clip: L2 norm to which a household's vector is clipped, in the unit.
        presence: Weight of the component that counts households, in the unit; below ``clip``.
    """

    id: str
    title: Texts = field(hash=False)  # a dictionary has none
    properties: tuple[str, ...]
    unit: str
    cell: Time
    clip: Decimal
    presence: Decimal

    @property
    def cell_ms(self) -> int:
        """The length of a cell."""
        return WINDOW_MS[self.cell]

    @property
    def cells_a_day(self) -> int:
        """How many cells a day has."""
        return DAY_MS // self.cell_ms


@dataclass(frozen=True, slots=True)
class Mechanism:
    """How the figures of one property in one flow are made of subjects' data.

    Attributes:
        mu: μ of Gaussian differential privacy of all the figures of one period together; None where they are exact.
        clip: L2 norm of a household's vector in one draw, in the quantity's unit: the flow's own, or the quantity's.
        period: How long the data of one draw are gathered at most: a week's typical day, or a day.
        publish: Whether a draw is of a whole period, or of one window of it.
    """

    quantity: Quantity
    mu: Fraction | None
    clip: Decimal
    period: Period
    publish: Publish

    @property
    def is_exact(self) -> bool:
        """Return whether its figures have no noise."""
        return self.mu is None

    def draws_a_period(self, window_ms: int) -> int:
        """Return how many draws a period of a cohort has whose windows are so long."""
        return self.period.length_ms // window_ms if self.publish is Publish.WINDOW else 1

    def clip_at(self, mu: float) -> Fraction:
        """Return the L2 norm in one draw of a household that permits a μ: less, where that is less than the flow's.

        Args:
            mu: Of the household's effective disclosure; infinite where nothing bounds it. In exact figures nothing less will do.
        """
        clip = Fraction(self.clip)
        if mu == inf or (self.mu is not None and Fraction(str(mu)) >= self.mu):
            return clip
        return Fraction(0) if self.mu is None else clip * Fraction(str(mu)) / self.mu

    def admits(self, mu: float) -> bool:
        """Return whether a household that permits a μ can stand in a draw: its clip is above the weight of its presence."""
        return self.clip_at(mu) > Fraction(self.quantity.presence)

    def variance(self, window_ms: int) -> Fraction:
        """Return σ² of one draw's noise, in the quantity's unit squared: (C/μ)² times the number of draws a period.

        Raises: ValueError: figures are exact.
        """
        if self.mu is None:
            raise ValueError("exact figures have no noise")
        return (Fraction(self.clip) / self.mu) ** 2 * self.draws_a_period(window_ms)
