"""Tells whether a home stands in its district's figures, knowing what it used in every hour of 7 or 28 days, and nothing else.

Attacker: somebody who has a home's own records for some weeks, an energy supplier say, and knows nobody else's.
Recipe: How far the district's hours lie above what is usual for the hour of the day is multiplied with how far the home's do,
hours that vary less counting for more; the sum ranks homes. Reported is how often a home that is
in ranks before one that is not (area under the curve).
Control: homes' ranks among figures of a district in which none of them is: .5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.findings import Tally, auc_bounds
from tests.privacy.measured.mechanism import Floats
from tests.privacy.measured.recording import DAY_MS, HOUR_MS, Recording, sums
from tests.privacy.measured.scenarios import HOURLY, START_MS


def _run(days: int) -> Callable[[Sequence[Recording]], Tally]:
    def run(recordings: Sequence[Recording]) -> Tally:
        inside: list[Floats] = []
        outside: list[Floats] = []
        won, elsewhere = [], []
        for recording in recordings:
            figures = sums(recording.lines, HOURLY)
            cells = {one.home: one.cell for one in recording.days}
            homes = {home: _surprise(trace) for home, trace in _traces(recording, days).items()}
            districts = sorted({cell for cell, _ in figures})
            permitted = {one.home for one in recording.permitted_first}
            for cell in districts:
                surprise = _surprise(_figures(figures, cell, days))
                weight = 1 / (surprise.var(axis=0, keepdims=True) + 1e-9)
                scores = {
                    home: float((surprise * own * weight).sum() / np.sqrt((own**2 * weight).sum() + 1e-9))
                    for home, own in homes.items()
                }
                own = np.array([scores[home] for home in scores if cells[home] == cell and home in permitted])
                other = np.array([scores[home] for home in scores if cells[home] != cell])
                inside.append(own)
                outside.append(other)
                won.append(_auc(own, other))
                absent = np.array([cells[home] in districts for home in scores if cells[home] != cell])
                elsewhere.append(_auc(other[absent], other[~absent]))
        auc = float(np.mean(won)) if won else 0.5
        n_in, n_out = sum(map(len, inside)), sum(map(len, outside))
        pairs = sum(len(own) * len(other) for own, other in zip(inside, outside, strict=True))
        bounds = auc_bounds(auc, n_in, n_out) if won else (0.0, 1.0)
        control = float(np.mean(elsewhere)) if elsewhere else 0.5
        return Tally(round(auc * pairs), pairs, control, None, interval=bounds, p=auc)

    return run


def _traces(recording: Recording, days: int) -> dict[str, Floats]:
    """Return what each home used, shape (days, 24)."""
    traces: dict[str, Floats] = {}
    for one in recording.days:
        day = (one.day - START_MS) // DAY_MS
        if day < days:
            traces.setdefault(one.home, np.zeros((days, 24)))[day] = [kwh or 0.0 for kwh in one.kwh]
    return traces


def _figures(figures: dict[tuple[str, tuple[int, int]], tuple[float, int]], cell: str, days: int) -> Floats:
    """Return a district's figures, shape (days, 24); where there are none, its mean."""
    hours = np.full(days * 24, np.nan)
    for hour in range(days * 24):
        begin = START_MS + hour * HOUR_MS
        if (cell, (begin, begin + HOUR_MS)) in figures:
            hours[hour] = figures[cell, (begin, begin + HOUR_MS)][0]
    return np.asarray(np.where(np.isnan(hours), np.nanmean(hours) if not np.isnan(hours).all() else 0.0, hours).reshape(days, 24))


def _surprise(hours: Floats) -> Floats:
    """Return how far hours lie above what is usual for their hour of the day."""
    return np.asarray(hours - hours.mean(axis=0, keepdims=True))


def _auc(inside: Floats, outside: Floats) -> float:
    """Return how often one of the first lies above one of the second."""
    above = (inside[:, None] > outside[None, :]).mean() + (inside[:, None] == outside[None, :]).mean() / 2
    return float(above)


_TOLD = (
    "Knowing what a home used for DAYS days, the attacker ranks a home that stands in the figures before one that does not {p} "
    "of the time; by chance {control}."
)


def _attack(days: int) -> Attack:
    told = _TOLD.replace("DAYS", str(days))
    return Attack(f"trace-{days}", f"Knowing one home's {days} days", "traced", _run(days), told, __doc__ or "")


TRACE_7 = _attack(7)
TRACE_28 = _attack(28)
