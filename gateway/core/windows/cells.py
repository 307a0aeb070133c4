"""Tables of cells: what the households of one cohort have told in one day or week, a row for each and a column for each cell.

A cell is the finest span at which figures of a quantity are made, an hour say; coarser figures are sums of cells. Readings enter
through ``targets.CellTarget`` as whole numbers of their property's first step, so a table's integers are exact. Rows lie in two
arrays, side by side: ten thousand households' days take some 2 MiB. Each array is as wide as its greatest number needs: it begins
narrow, and whoever puts a number into it that does not fit has it made wider. Nothing is bounded or computed here:
``gateway.core.figures`` draws the figures when a publication is formed.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from consent.core.periods import Period
from gateway.core.windows.cohorts import Cohort

MOST_STEPS: Final = 2**63 - 1
"""The most that a cell holds; what is beyond stays there, since no bound on a household's figures is as wide."""

_SUMS, _COUNTS = "hiq", "BHI"
"""The types of arrays, narrowest first: of 2, 4 and 8 bytes a sum; of 1, 2 and 4 bytes a count."""
_WIDER: Final = {"h": "i", "i": "q", "B": "H", "H": "I"}
_PLACES: Final[dict[int, int]] = {}
"""Where rows begin: one number each for all tables, of which every one would hold ten thousand of its own."""
_CELLS_A_CONTRIBUTION: Final = 8
"""So many cells take about the memory of one accumulator."""


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

    @property
    def contributions(self) -> int:
        """Return for how many contributions a row counts where those that stand open are bounded."""
        return -(-self.cells // _CELLS_A_CONTRIBUTION)


class CellTable:
    """The households of one cohort in one period.

    Attributes:
        cohort: Who they are; never a public one.
        shape: How its readings lie in cells.
        start_ms: The beginning of the period.
        contributions: For how many contributions a row counts.
        rows: The place of each contributor's row; those of contributors that have left are empty, and used again.
        sums: The sum of the readings in each cell, in first steps (of a counter: of the differences), row after row.
        counts: How many readings were contributed to each cell and not published or given up yet, row after row.
        edges_ms: The first time of each cell, and of the one after the last: a counter's cell is (start, end], any other
            [start, end). All targets refer to the same numbers, so that these stay in the processor's cache.
    """

    __slots__ = ("_free", "cohort", "contributions", "counts", "edges_ms", "rows", "shape", "start_ms", "sums")

    def __init__(self, cohort: Cohort, shape: CellShape, start_ms: int) -> None:
        self.cohort = cohort
        self.shape = shape
        self.start_ms = start_ms
        self.contributions = shape.contributions
        self.rows: dict[bytes, int] = {}
        self.sums = array(_SUMS[0])
        self.counts = array(_COUNTS[0])
        first_ms = start_ms + (1 if cohort.statistic == "delta" else 0)
        self.edges_ms = [first_ms + cell * shape.cell_ms for cell in range(shape.cells + 1)]
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
        at = self.rows.get(contributor)
        if at is None:
            if self._free:
                at = self._free.pop()
            else:
                at = _place(len(self.sums))
                cells = len(self.edges_ms) - 1
                self.sums.frombytes(bytes(self.sums.itemsize * cells))
                self.counts.frombytes(bytes(self.counts.itemsize * cells))
            self.rows[contributor] = at
        return at

    def add_sum(self, at: int, n: int) -> None:
        """Add to a sum, whose array may be too narrow for it: another one then takes its place."""
        total = self.sums[at] + n
        while True:
            try:
                self.sums[at] = total
            except OverflowError:
                wider = _WIDER.get(self.sums.typecode)
                if wider is None:
                    total = MOST_STEPS if n > 0 else -MOST_STEPS
                else:
                    self.sums = array(wider, self.sums)
            else:
                return

    def add_count(self, at: int, n: int) -> None:
        """Add to a count likewise.

        Raises: OverflowError: there are more than 32 bits tell.
        """
        total = self.counts[at] + n
        while True:
            try:
                self.counts[at] = total
            except OverflowError:
                if self.counts.typecode not in _WIDER:
                    raise
                self.counts = array(_WIDER[self.counts.typecode], self.counts)
            else:
                return

    def cells_of(self, contributor: bytes) -> tuple[array[int], array[int]]:
        """Return copies of a contributor's sums and counts, cell by cell."""
        at = self.rows[contributor]
        return self.sums[at : at + self.shape.cells], self.counts[at : at + self.shape.cells]

    def pairs(self, first: int = 0, last: int | None = None) -> int:
        """Return how many pairs all contributors have in the cells from ``first`` up to, not including, ``last``."""
        cells = self.shape.cells
        return sum([sum(self.counts[cell::cells]) for cell in range(first, cells if last is None else last)])

    def has_pairs(self, first: int, last: int) -> bool:
        """Return whether anybody has a pair in the cells from ``first`` up to, not including, ``last``."""
        return any(any(self.counts[cell :: self.shape.cells]) for cell in range(first, last))

    def remove(self, contributor: bytes) -> int:
        """Empty a contributor's row for good; return how many pairs were in it."""
        at, cells = self.rows.pop(contributor), self.shape.cells
        pairs = sum(self.counts[at : at + cells])
        self.sums[at : at + cells] = array(self.sums.typecode, bytes(self.sums.itemsize * cells))
        self.counts[at : at + cells] = array(self.counts.typecode, bytes(self.counts.itemsize * cells))
        self._free.append(at)
        return pairs

    def take(self, first: int, last: int, drawn: Iterable[bytes]) -> CellTable:
        """Empty the cells from ``first`` up to, not including, ``last``; return a table of what some contributors had in them."""
        taken, cells = CellTable(self.cohort, self.shape, self.start_ms), self.shape.cells
        taken.rows = {contributor: _place(number * cells) for number, contributor in enumerate(drawn)}
        taken.sums, taken.counts = array(self.sums.typecode), array(self.counts.typecode)
        places = [at // cells for at in map(self.rows.__getitem__, taken.rows)]
        for kept, held in ((self.sums, taken.sums), (self.counts, taken.counts)):
            held.frombytes(bytes(held.itemsize * cells * len(places)))
            nothing = array(kept.typecode, bytes(kept.itemsize * (len(kept) // cells)))
            for cell in range(first, last):  # column by column: a few slices, where there may be thousands of rows
                column = kept[cell::cells]
                held[cell::cells] = array(kept.typecode, [column[place] for place in places])
                kept[cell::cells] = nothing
        return taken

    def strike(self, cells: Iterable[int]) -> None:
        """Empty some cells of all contributors."""
        for at in self.rows.values():
            for cell in cells:
                self.sums[at + cell] = self.counts[at + cell] = 0

    def add(self, part: CellTable) -> None:
        """Add what ``take`` took out."""
        cells = self.shape.cells
        for contributor, at in part.rows.items():
            to = self.row(contributor)
            for cell in range(cells):
                if n := part.sums[at + cell]:
                    self.add_sum(to + cell, n)
                if n := part.counts[at + cell]:
                    self.add_count(to + cell, n)

    def ended(self) -> CellTable:
        """Return it with the rows of now, for whoever computes beside the loop with cells that take no more readings.

        The cells themselves are not copied: those that have ended change only where somebody leaves, and then nothing that was
        computed from them counts.
        """
        other = CellTable(self.cohort, self.shape, self.start_ms)
        other.rows, other.sums, other.counts = self.rows.copy(), self.sums, self.counts
        return other

    def spans_ended(self, watermark_ms: int) -> int:
        """Return how many of the spans that are published at once take no more readings."""
        return min(max(watermark_ms - self.start_ms, 0), self.shape.period.length_ms) // self.shape.window_ms

    def replace(self, part: CellTable) -> None:
        """Put the rows of another table in the place of those of the same contributors."""
        cells = self.shape.cells
        self.sums, self.counts = _as_wide(self.sums, part.sums), _as_wide(self.counts, part.counts)
        sums, counts = _as_wide(part.sums, self.sums), _as_wide(part.counts, self.counts)
        for contributor, at in part.rows.items():
            to = self.row(contributor)
            self.sums[to : to + cells] = sums[at : at + cells]
            self.counts[to : to + cells] = counts[at : at + cells]

    def state(self) -> list[Any]:
        """Return plain data from which ``table_from_state`` makes the same table, without empty rows.

        Where there are none, and nobody has left, the rows lie as they are stored, and thousands are written at once.
        """
        head: list[Any] = [list(self.cohort), list(self.shape), self.start_ms]
        columns = [self.counts[cell :: self.shape.cells] for cell in range(self.shape.cells)]
        if list(self.rows.values()) == list(range(0, len(self.sums), self.shape.cells)) and all(
            map(any, zip(*columns, strict=True))
        ):
            return [*head, list(self.rows), _stored(self.sums, _SUMS), _stored(self.counts, _COUNTS)]
        return self.state_of(self.rows)

    def state_of(self, contributors: Iterable[bytes]) -> list[Any]:
        """Return the same of some contributors alone, as far as they have a row that is not empty."""
        cells = self.shape.cells
        found = ((contributor, self.rows[contributor]) for contributor in contributors if contributor in self.rows)
        kept = [(contributor, at) for contributor, at in found if any(self.counts[at : at + cells])]
        head: list[Any] = [list(self.cohort), list(self.shape), self.start_ms, [contributor for contributor, _ in kept]]
        return [*head, _stored(self._part(self.sums, kept), _SUMS), _stored(self._part(self.counts, kept), _COUNTS)]

    def _part(self, numbers: array[int], kept: list[tuple[bytes, int]]) -> array[int]:
        """Return some rows."""
        rows = array(numbers.typecode)
        for _, at in kept:
            rows.extend(numbers[at : at + self.shape.cells])
        return rows

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the contributors."""
        return iter(self.rows)


def table_from_state(state: list[Any]) -> CellTable:
    """Make a table from its stored state."""
    cohort, (cell_ms, period, window_ms), start_ms, contributors, sums, counts = state
    table = CellTable(Cohort(*cohort), CellShape(cell_ms, Period(period), window_ms), start_ms)
    table.rows = {contributor: _place(number * table.shape.cells) for number, contributor in enumerate(contributors)}
    table.sums, table.counts = _narrowest(sums, _SUMS), _narrowest(counts, _COUNTS)
    return table


def _place(at: int) -> int:
    """Return the one number that stands for a place."""
    return _PLACES.setdefault(at, at)


def _as_wide(numbers: array[int], others: array[int]) -> array[int]:
    """Return numbers as an array at least as wide as that of others."""
    return array(others.typecode, numbers) if others.itemsize > numbers.itemsize else numbers


def _narrowest(stored: bytes, types: str) -> array[int]:
    """Return stored numbers as an array of the first of some types that holds them."""
    numbers = array(types[-1])
    numbers.frombytes(stored)
    if sys.byteorder == "big":
        numbers.byteswap()
    for narrow in types[:-1]:
        try:
            return array(narrow, numbers)
        except OverflowError:
            continue
    return numbers


def _stored(numbers: array[int], types: str) -> bytes:
    """Return numbers as they are stored: each as wide as it can be, and little-endian."""
    wide = array(types[-1], numbers)
    if sys.byteorder == "big":
        wide.byteswap()
    return wide.tobytes()
