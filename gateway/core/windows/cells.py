"""Tables of cells: what the households of one cohort have told in one day or week, a row for each and a column for each cell.

A cell is the finest span at which figures of a quantity are made, an hour say; coarser figures are sums of cells. Readings enter
through ``targets.CellTarget`` as whole numbers of their property's first step, so a table's integers are exact. Rows lie in two
arrays, side by side: ten thousand households' days take under 5 MiB. Nothing is bounded or computed here:
``gateway.core.figures`` draws the figures when a publication is formed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple

from consent.core.periods import Period
from gateway.core.windows.windows import Cohort


class CellShape(NamedTuple):
    """How a cohort's readings lie in cells, and when they are published.

    Attributes:
        cell_ms: Length of a cell.
        period: Of what span a table is.
        window_ms: What is published at once: the whole period, or the windows of the cohort's level.
    """

    cell_ms: int
    period: Period
    window_ms: int

    @property
    def cells(self) -> int:
        """Return how many cells a table has."""
        return self.period.length_ms // self.cell_ms


class CellTable:
    """The households of one cohort in one period.

    Attributes:
        cohort: Who they are; never a public one.
        shape: How its readings lie in cells.
        start_ms: The beginning of the period.
        rows: The place of each contributor's row; those of contributors that have left are empty, and used again.
        sums: The sum of the readings in each cell, in first steps (of a counter: of the differences), row after row.
        counts: How many readings were contributed to each cell and not published or given up yet, row after row.
    """

    __slots__ = ("_free", "cohort", "counts", "rows", "shape", "start_ms", "sums")

    def __init__(self, cohort: Cohort, shape: CellShape, start_ms: int) -> None:
        self.cohort = cohort
        self.shape = shape
        self.start_ms = start_ms
        self.rows: dict[bytes, int] = {}
        self.sums = array("q")
        self.counts = array("I")
        self._free: list[int] = []

    @property
    def end_ms(self) -> int:
        """Return the end of the period."""
        return self.start_ms + self.shape.period.length_ms

    @property
    def key(self) -> tuple[Cohort, int]:
        """Return the key under which ``Windows`` holds it."""
        return self.cohort, self.start_ms

    def row(self, contributor: bytes) -> int:
        """Return the place of a contributor's row, made if it is new: the index of its first cell in both arrays."""
        raise NotImplementedError

    def cells_of(self, contributor: bytes) -> tuple[array[int], array[int]]:
        """Return copies of a contributor's sums and counts, cell by cell."""
        raise NotImplementedError

    def pairs(self, contributors: Iterable[bytes], first: int = 0, last: int | None = None) -> int:
        """Return how many pairs some contributors have in the cells from ``first`` up to, not including, ``last``."""
        raise NotImplementedError

    def remove(self, contributor: bytes) -> int:
        """Empty a contributor's row for good; return how many pairs were in it."""
        raise NotImplementedError

    def copy(self) -> CellTable:
        """Return an independent copy, as it is when a publication is formed of it."""
        raise NotImplementedError

    def state(self) -> list[Any]:
        """Return plain data from which ``table_from_state`` makes the same table, without empty rows."""
        raise NotImplementedError
