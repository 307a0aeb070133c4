"""Whether something grows while a process runs: one slope over all its runs, by least squares, and between which bounds.

A killed gateway begins again, so each run has a level of its own and all share the slope. Samples of one run follow each other
and are anything but independent; the interval therefore comes from how the runs differ, each counted as one observation (the
variance that is robust to clusters, with one degree of freedom less than there are runs).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

LEAST_RUNS = 3
_T_95 = (
    *(math.inf, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26),
    *(2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09),
)
"""Two-sided 95 % quantiles of Student's t, by degrees of freedom."""


class Sample(NamedTuple):
    """What was seen of a process at one moment.

    Attributes:
        run: Which run of the process it is of.
        at_s: Seconds since that run began.
        city_s: Seconds since the whole soak did.
    """

    run: int
    at_s: float
    city_s: float
    rss_kib: int
    fds: int


class Slope(NamedTuple):
    """A growth a minute, and between which bounds it lies with 95 % confidence; without bounds where too little was seen."""

    per_min: float
    low: float | None
    high: float | None

    def is_flat(self, bound: float) -> bool:
        """Return whether no growth is shown, or none above a bound can be."""
        return self.low is None or self.high is None or self.low <= 0 or self.high <= bound


def slope(points: Iterable[tuple[int, float, float]]) -> Slope:
    """Return the slope that runs share.

    Args:
        points: Run, seconds, value.
    """
    runs: dict[int, list[tuple[float, float]]] = {}
    for run, at_s, value in points:
        runs.setdefault(run, []).append((at_s / 60, value))
    sums = [_deviations(run) for run in runs.values() if len(run) > 1]
    whole = sum(squares for squares, _ in sums)
    if not whole:
        return Slope(0.0, None, None)
    beta = sum(products for _, products in sums) / whole
    if len(sums) < LEAST_RUNS:
        return Slope(beta, None, None)
    spread = sum((products - beta * squares) ** 2 for squares, products in sums)
    error = math.sqrt(spread * len(sums) / (len(sums) - 1)) / whole
    t = _T_95[min(len(sums) - 1, len(_T_95) - 1)]
    return Slope(beta, beta - t * error, beta + t * error)


def _deviations(run: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the sum of squares of the times about their mean, and that of their products with the values about theirs."""
    mean_x, mean_y = (sum(column) / len(run) for column in zip(*run, strict=True))
    return sum((x - mean_x) ** 2 for x, _ in run), sum((x - mean_x) * (y - mean_y) for x, y in run)
