"""Draws: what the tables of one publication come to, before anything is packed: figures with their spread, or why there are none.

``close`` for cohorts of cities' own devices is unchanged (``figures.close``); here are the records that pass from the figures of
households (``figures.noisy``, ``figures.exact``) to ``gateway.core.release``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from consent.core.policies.quantity import Mechanism
from gateway.core.windows.cells import CellTable
from gateway.core.windows.targets import Terms


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a table that is drawn at once: all of it, or one window of it.

    Attributes:
        first: Number of its first cell.
        last: Number of the first cell after it.
    """

    table: CellTable
    first: int
    last: int

    @property
    def span_ms(self) -> tuple[int, int]:
        """Return its beginning and end."""
        start_ms, cell_ms = self.table.start_ms, self.table.shape.cell_ms
        return start_ms + self.first * cell_ms, start_ms + self.last * cell_ms


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """One figure of a draw.

    Attributes:
        span_ms: Begin and end of its time; of a typical day, of the week.
        hour: Of a typical day, the UTC hour of the day at which its window begins; else None.
        value: In the property's unit, floored to the cohort's step.
        standard_error: Of its noise, in the property's unit; 0 where it is exact.
    """

    span_ms: tuple[int, int]
    hour: int | None
    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Draw:
    """The figures of one slice, all from one draw of noise, or exact.

    Attributes:
        members: The terms of each contributor in it; of a noisy draw there may be none.
        draws: How many draws of the period share the mechanism's μ; 1 where it is exact.
        told: How many households stand in it, rounded down to a multiple of 5; where there is noise, from the noisy number.
        figures: In order of time; none for windows of which any cell is struck.
        struck: Numbers of the cells, counted from the table's first, that stand in no figure: the gateway missed something of
            their window, or, where it is exact, too few have told something in it.
        pairs: How many pairs each member has contributed to the slice's cells that are not struck, in the same order.
        withdrawn: Pairs of contributors that no longer have terms.
        suppressed: Pairs by reason: `partial` and `k` for struck cells, `guard` for those who may stand in no exact figure.
    """

    slice: Slice
    mechanism: Mechanism
    members: Mapping[bytes, Terms]
    draws: int
    told: int
    figures: tuple[DrawnFigure, ...]
    struck: tuple[int, ...]
    pairs: Sequence[int]
    withdrawn: int = 0
    suppressed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoDraw:
    """A slice that gives no figures.

    Attributes:
        suppressed: Pairs by reason: `k` (too few), `guard`, `told`, `p`, `partial`.
    """

    slice: Slice
    withdrawn: int
    suppressed: Mapping[str, int]


Closed = Draw | NoDraw
