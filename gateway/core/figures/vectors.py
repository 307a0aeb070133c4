"""Vectors: what each household's row of a table comes to, cell by cell, clamped, in whole first steps.

A level's cells are told from the centre of its clamp, so that a household without a reading, which counts as the centre, pulls no
mean toward nothing; amounts are told from 0. Rounding is toward the centre, and once.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, MutableSequence, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from consent.core.policies.policy import PolicySet
from consent.core.policies.quantity import Quantity
from gateway.core.windows.cells import CellTable


@dataclass(frozen=True, slots=True)
class Measure:
    """How the cells of one property are read.

    Attributes:
        centre: From where on cells are told, in first steps.
        low: The least that a cell counts as, from the centre on; None where nothing bounds it.
        high: The greatest.
        is_mean: Whether a cell is the mean of its readings, rather than their sum.
    """

    centre: int
    low: int | None
    high: int | None
    is_mean: bool

    def cells(self, sums: MutableSequence[int], counts: Sequence[int]) -> MutableSequence[int]:
        """Return a household's cells, from the centre on; those without a reading are 0. They may be ``sums`` itself."""
        if self.is_mean:
            centre = self.centre
            cells: MutableSequence[int] = [
                _toward_zero(total - centre * n, n) if n else 0 for total, n in zip(sums, counts, strict=True)
            ]
        else:
            cells = sums
        low, high = self.low, self.high
        if low is None or high is None or (low <= min(cells) and max(cells) <= high):
            return cells
        return [(low if cell < low else high if cell > high else cell) if n else 0 for cell, n in zip(cells, counts, strict=True)]


def measure(policies: PolicySet, observed_property: str, statistic: str, quantity: Quantity) -> Measure:
    """Return how a property's cells are read: its clamp is that for the length of the quantity's cells."""
    prop = policies.properties[observed_property]
    clamp = prop.clamp_of(quantity.cell)
    is_mean = statistic == "mean"
    if clamp is None:
        return Measure(0, None, None, is_mean)
    least, greatest = (Fraction(bound) / Fraction(prop.ladder[0]) for bound in clamp)
    centre = floor((least + greatest) / 2) if is_mean else 0
    return Measure(centre, ceil(least - centre), floor(greatest - centre), is_mean)


def days_told(cells: int, a_day: int, struck: Collection[int]) -> list[int]:
    """Return on how many days of a table each cell of the day is not struck.

    Args:
        cells: How many the table has.
        a_day: How many a day has.
        struck: Which of the table's are struck.
    """
    return [sum(1 for at in range(of_day, cells, a_day) if at not in struck) for of_day in range(a_day)]


def typical_day(cells: Sequence[int], told: Sequence[int]) -> list[int]:
    """Return the mean of a table's days, cell by cell of the day, rounded toward 0.

    Args:
        cells: Those of the table; the struck ones are 0.
        told: On how many days each cell of the day is not struck.
    """
    a_day = len(told)
    days = [cells[begin : begin + a_day] for begin in range(0, len(cells), a_day)]
    return [_toward_zero(total, n) if n else 0 for total, n in zip(map(sum, zip(*days, strict=True)), told, strict=True)]


def row_of(table: CellTable, contributor: bytes, first: int, last: int) -> tuple[array[int], array[int]]:
    """Return copies of a household's sums and counts in some cells of a table."""
    at = table.rows[contributor]
    return table.sums[at + first : at + last], table.counts[at + first : at + last]


def _toward_zero(total: int, n: int) -> int:
    return total // n if total >= 0 else -(-total // n)
