"""Standing: who stands in a slice of a table, how many pairs each has put into it, and which of its cells are struck.

What the gateway missed is struck for all, by whole windows, so that no figure rests on an hour of which only some were heard.
Nothing here looks at a value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from consent.core.disclosure import DAY_MS
from consent.core.outcome import WINDOW_MS_BY_LABEL
from consent.core.periods import Period
from gateway.core.figures.draws import Slice
from gateway.core.figures.table import Conditions
from gateway.core.windows.targets import Terms

Span = tuple[int, int]
"""The first millisecond, and the first after it."""


@dataclass(frozen=True, slots=True)
class SliceMembers:
    """Who stands in a slice, and in which of its cells.

    Attributes:
        members: The terms of each contributor that has any, and a pair in a cell that is not struck; in a fixed order.
        pairs: How many such pairs each of them has, in the same order.
        struck: Numbers of the cells that count for nobody, counted from the table's first.
        withdrawn: Pairs of contributors without terms.
        partial: Pairs of the others in struck cells.
    """

    slice: Slice
    members: Mapping[bytes, Terms]
    pairs: Sequence[int]
    struck: frozenset[int]
    withdrawn: int
    partial: int

    @property
    def is_struck_whole(self) -> bool:
        """Return whether no cell is left."""
        return len(self.struck) == self.slice.last - self.slice.first

    def without(self, leaving: Collection[bytes]) -> tuple[SliceMembers, int]:
        """Return it without some of the members, and how many pairs of theirs were in it."""
        gone = {contributor for contributor in self.members if contributor in leaving}
        if not gone:
            return self, 0
        members = {contributor: terms for contributor, terms in self.members.items() if contributor not in gone}
        pairs = [n for contributor, n in zip(self.members, self.pairs, strict=True) if contributor not in gone]
        return replace(self, members=members, pairs=pairs), sum(self.pairs) - sum(pairs)


def stand_in(part: Slice, conditions: Conditions, missed: Sequence[Span]) -> SliceMembers:
    """Return who stands in a slice.

    Args:
        conditions: The terms in force; those that began after the slice's table cover nothing in it.
        missed: Of what spans readings may be lacking.
    """
    table, struck = part.table, struck_cells(part, missed)
    members, pairs = dict[bytes, Terms](), list[int]()
    withdrawn = partial = 0
    for contributor in sorted(table.rows):
        at = table.rows[contributor]
        held = sum(table.counts[at + part.first : at + part.last])
        if not held:
            continue
        terms = conditions.terms_of(contributor, table.cohort)
        if terms is None or terms.since_ms > table.start_ms:
            withdrawn += held
            continue
        lost = sum([table.counts[at + cell] for cell in struck]) if struck else 0
        partial += lost
        if held > lost:
            members[contributor] = terms
            pairs.append(held - lost)
    return SliceMembers(part, members, pairs, struck, withdrawn, partial)


def struck_cells(part: Slice, missed: Iterable[Span]) -> frozenset[int]:
    """Return the numbers of the slice's cells in windows that overlap a missed span.

    Of a week those are the cells themselves, and besides those of all days at an hour of which a cell is struck on every day.
    """
    table, cell_ms = part.table, part.table.shape.cell_ms
    hit = {
        cell
        for from_ms, until_ms in missed
        for cell in range(
            max(part.first, (from_ms - table.start_ms) // cell_ms), min(part.last, -((table.start_ms - until_ms) // cell_ms))
        )
    }
    a_window = cells_a_window(part)
    if table.shape.period is Period.DAY:
        return _windows(hit, part.first, part.last, a_window)
    a_day = DAY_MS // cell_ms
    never = {of_day for of_day in range(a_day) if hit.issuperset(range(of_day, part.last, a_day))}
    untold = _windows(never, 0, a_day, a_window)
    return frozenset(hit | {cell for cell in range(part.first, part.last) if cell % a_day in untold})


def cells_a_window(part: Slice) -> int:
    """Return how many cells a figure of the slice's cohort is of."""
    return max(1, WINDOW_MS_BY_LABEL[part.table.cohort.time] // part.table.shape.cell_ms)


def _windows(hit: Collection[int], first: int, last: int, a_window: int) -> frozenset[int]:
    """Return all cells of those windows of which one is hit."""
    windows = {(cell - first) // a_window for cell in hit}
    return frozenset(cell for cell in range(first, last) if (cell - first) // a_window in windows)
