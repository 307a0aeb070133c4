"""Noisy figures: a slice of a table becomes one draw of discrete Gaussian noise; the number of homes and all sums follow from it.

Each home's cells and its presence are one vector, clipped to L2 norm C; each component and cell gets noise of σ = C/μ (times the
square root of the number of draws that share μ). What comes after reads only what the draw gave: the number of homes is told from
it, and where it lies below the flow's group, nothing is. So whoever sees the figures learns of one home what μ says, and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor, sqrt
from operator import add
from typing import Final

from consent.core.disclosure import DAY_MS
from consent.core.periods import Period
from consent.core.policies.quantity import Mechanism
from consent.core.spread import error_of_homes, error_of_mean, error_of_sum, error_per_home
from gateway.core.figures.clip import clip, squared_reach
from gateway.core.figures.draws import Closed, Draw, DrawnFigure, NoDraw, Slice
from gateway.core.figures.gaussian import Noise
from gateway.core.figures.standing import SliceMembers, Span, cells_a_window, stand_in
from gateway.core.figures.table import Conditions
from gateway.core.figures.values import shown, told
from gateway.core.figures.vectors import days_told, measure, row_of, typical_day

_LEAST_ERRORS: Final = Fraction(5, 2)
"""A mean is a sum divided by the noisy number of homes, and by no less than this many of that number's own standard errors.

Dividing by less would tell noise alone, and too large a mean on average; at two and a half it is neither too large nor too small.
No flow comes to it whose group is larger than that: what it tells are sums divided by the number.
"""


def close_noisy(part: Slice, mechanism: Mechanism, conditions: Conditions, missed: Sequence[Span], noise: Noise) -> Closed:
    """Draw the figures of a slice, or return why there are none.

    Args:
        mechanism: One with μ.
        conditions: The terms and policies in force.
        missed: Of what spans readings may be lacking.
        noise: Gives the noise.
    """
    standing = stand_in(part, conditions, missed)
    if standing.is_struck_whole:
        return NoDraw(part, standing.withdrawn, +Counter(partial=standing.partial))
    return _Drawing(standing, mechanism, conditions, noise).closed()


class _Drawing:
    """One draw: noisy sums of the cells and of presence, in first steps, and what they come to."""

    def __init__(self, standing: SliceMembers, mechanism: Mechanism, conditions: Conditions, noise: Noise) -> None:
        self._part, self._mechanism, self._policies = standing.slice, mechanism, conditions.policies
        table = self._part.table
        cohort = table.cohort
        self._first_step = self._policies.properties[cohort.observed_property].ladder[0]
        self._measure = measure(self._policies, cohort.observed_property, cohort.statistic, mechanism.quantity)
        self._is_week = table.shape.period is Period.WEEK
        #: Rounded down, which counts less of each home and so tells less of it; at least one step, or nobody would count.
        self._presence = max(1, floor(Fraction(mechanism.quantity.presence) / Fraction(self._first_step)))
        variance = mechanism.variance(table.shape.window_ms) / Fraction(self._first_step) ** 2
        self._sigma = sqrt(variance)
        reaches = self._reaches(standing, conditions)
        self._standing, self._beyond = standing.without({one for one, reach in reaches.items() if reach < 0})
        sums = self._sums(reaches)
        drawn = noise(len(sums) + 1, variance)
        self._totals = [total + extra for total, extra in zip(sums, drawn, strict=False)]
        self._homes = Fraction(self._presence * len(self._standing.members) + drawn[-1], self._presence)

    def _reaches(self, standing: SliceMembers, conditions: Conditions) -> dict[bytes, int]:
        """Return the squared norm to which each member's cells are clipped; below 0 where presence alone goes beyond it.

        So it may be with a home at several places, between whose cohorts its bound is shared out.
        """
        cohort = standing.slice.table.cohort
        known: dict[tuple[float, int], int] = {}
        reaches = {}
        for contributor, terms in standing.members.items():
            key = terms.disclosure.budget, conditions.cohorts_of(contributor, cohort)
            if key not in known:
                bound = self._mechanism.clip_at(key[0]) / Fraction(self._first_step)
                known[key] = squared_reach(bound, self._presence, key[1])
            reaches[contributor] = known[key]
        return reaches

    def _sums(self, reaches: Mapping[bytes, int]) -> list[int]:
        """Return the sum of all members' clipped cells, cell by cell."""
        part, measured, struck = self._part, self._measure, self._standing.struck
        table, a_day = part.table, DAY_MS // part.table.shape.cell_ms
        told_days = days_told(table.shape.cells, a_day, struck) if self._is_week else []
        totals = [0] * (a_day if self._is_week else part.last - part.first)
        for contributor in self._standing.members:
            cells = measured.cells(*row_of(table, contributor, part.first, part.last))
            for cell in struck:
                cells[cell - part.first] = 0
            if self._is_week:
                cells = typical_day(cells, told_days)
            totals = list(map(add, totals, clip(cells, reaches[contributor])))
        return totals

    def closed(self) -> Closed:
        """Return the figures, where the noisy number of homes reaches the flow's group."""
        standing, table = self._standing, self._part.table
        suppressed = Counter(partial=standing.partial, guard=self._beyond)
        if self._homes < self._policies.flows[table.cohort.flow].ask.group:
            suppressed["k"] = sum(standing.pairs)
            return NoDraw(self._part, standing.withdrawn, +suppressed)
        return Draw(
            slice=self._part,
            mechanism=self._mechanism,
            members=standing.members,
            draws=self._mechanism.draws_a_period(table.shape.window_ms),
            told=told(self._homes),
            figures=tuple(self._figures()),
            struck=tuple(sorted(standing.struck)),
            pairs=standing.pairs,
            withdrawn=standing.withdrawn,
            suppressed=+suppressed,
        )

    def _figures(self) -> list[DrawnFigure]:
        part, table = self._part, self._part.table
        cell_ms, a_window = table.shape.cell_ms, cells_a_window(part)
        first = 0 if self._is_week else part.first
        figures = []
        for at in range(0, len(self._totals), a_window):
            if first + at in self._standing.struck and (not self._is_week or self._never(at)):
                continue
            begin_ms = table.start_ms + (first + at) * cell_ms
            span_ms = (begin_ms, begin_ms + a_window * cell_ms)
            hour = None
            if self._is_week:
                span_ms, hour = (table.start_ms, table.end_ms), at * cell_ms // 3_600_000
            figures.append(DrawnFigure(span_ms, hour, *self._value(sum(self._totals[at : at + a_window]), a_window)))
        return figures

    def _never(self, of_day: int) -> bool:
        """Return whether a cell of the day was struck on every day of the week."""
        return self._standing.struck.issuperset(range(of_day, self._part.last, len(self._totals)))

    def _value(self, total: int, cells: int) -> tuple[float, float]:
        """Return the figure that a noisy sum over some cells comes to, in the property's unit, and its standard error."""
        statistic, first_step = self._part.table.cohort.statistic, float(self._first_step)
        if statistic not in ("mean", "typical-day"):
            return self._shown(Fraction(total)), _rounded(error_of_sum(self._sigma, cells) * first_step)
        divisor = max(self._homes, _LEAST_ERRORS * Fraction(error_of_homes(self._sigma, self._presence)))
        each, homes = total / divisor, float(divisor)
        if statistic == "typical-day":  # an amount: that of a window is the sum of its cells'
            error = error_per_home(self._sigma, homes, cells, self._presence, float(each))
            return self._shown(each), _rounded(error * first_step)
        mean = each / cells
        error = error_of_mean(self._sigma, homes, cells, self._presence, float(mean))
        return self._shown(self._measure.centre + mean), _rounded(error * first_step)

    def _shown(self, value: Fraction) -> float:
        return shown(value, self._first_step, Decimal(self._part.table.cohort.step))


def _rounded(error: float) -> float:
    """Return a standard error to three digits: no more are known."""
    return float(f"{error:.3g}")
