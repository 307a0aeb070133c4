"""Tells whether a home's meter was read on a day, knowing everything about everybody else and what the home would have used.

Attacker: somebody who knows who stands in the figures and what each of them used in every hour, but for one home, of which it is
known what it uses if it is there. The strongest that there can be: no promise is made about less.
Recipe: The likelihood of all that was published about the district and day, with the home and without it; the greater is said.
Where nothing is published, a coin falls.
Control: a coin, since the homes' meters were silent on half of the days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import erf, sqrt
from typing import Final

import numpy as np

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.findings import Bound, Tally, best_guess
from tests.privacy.measured.mechanism import (
    CONTRACTED_CLIP,
    CONTRACTED_MU,
    OPEN_CLIP,
    OPEN_MU,
    PRESENCE,
    Floats,
    clipped,
)
from tests.privacy.measured.recording import DAY_MS, HOUR_MS, WEEK_MS, Line, Recording, sums
from tests.privacy.measured.scenarios import HOURLY, TYPICAL, targets

_EXACT_ERROR: Final = 0.02
"""kWh by which figures without noise may differ from what the attacker adds up, since they are rounded."""
_TOLD_STEP: Final = 5


@dataclass(frozen=True, slots=True)
class Published:
    """All that was published about a district and period.

    Attributes:
        figures: Its 24 hours.
        n: How many homes it was told.
        is_mean: Whether a figure is the mean of homes, or their sum.
        sigma: Standard deviation of the noise in a sum; None where there is none.
    """

    figures: Floats
    n: int
    is_mean: bool
    sigma: float | None


def published_days(recording: Recording) -> dict[tuple[str, int], Published]:
    """Return what was published of each district and day, where all hours were."""
    has_noise = any(line.mu is not None for line in recording.lines)
    by_day: dict[tuple[str, int], dict[int, tuple[float, int]]] = defaultdict(dict)
    for (cell, (begin, end)), figure in sums(recording.lines, HOURLY).items():
        if end - begin == HOUR_MS:
            by_day[cell, begin // DAY_MS * DAY_MS][begin // HOUR_MS % 24] = figure
    sigma = CONTRACTED_CLIP / CONTRACTED_MU if has_noise else None
    return {
        key: Published(np.array([hours[hour][0] for hour in range(24)]), hours[0][1], is_mean=False, sigma=sigma)
        for key, hours in by_day.items()
        if len(hours) == 24
    }


def published_weeks(recording: Recording) -> dict[tuple[str, int], Published]:
    """Return the typical days that were published of each district and week."""
    by_week: dict[tuple[str, int], dict[int, Line]] = defaultdict(dict)
    for line in recording.lines:
        if line.flow == TYPICAL and line.hour is not None:
            by_week[line.cell, line.span[0]][line.hour] = line
    return {
        key: Published(
            np.array([hours[hour].result for hour in range(24)]),
            hours[0].n or 0,
            is_mean=True,
            sigma=None if hours[0].mu is None else OPEN_CLIP / OPEN_MU,
        )
        for key, hours in by_week.items()
        if len(hours) == 24
    }


def log_likelihood(published: Published, total: Floats, homes: int) -> float:
    """Return the log-likelihood of what was published, but for a constant, if so many homes with this sum stand in it."""
    sigma = published.sigma
    if sigma is None:
        figures = published.figures * (homes if published.is_mean else 1)
        return -float(((figures - total) ** 2).sum()) / 2 / _EXACT_ERROR**2
    spread = sigma / PRESENCE
    if published.is_mean:
        # The noisy number by which the sum was divided is known to lie in the five that were told.
        numbers = published.n + (np.arange(50) + 0.5) / 50 * _TOLD_STEP
        factors = numbers + spread**2 / numbers  # a noisy sum is told as sum · n / (n² + σ²)
        off = ((published.figures[None, :] * factors[:, None] - total[None, :]) ** 2).sum(axis=1)
        logs = -off / 2 / sigma**2 - (numbers - homes) ** 2 / 2 / spread**2 + published.figures.size * np.log(factors)
        return float(np.logaddexp.reduce(logs))
    told = _normal((published.n + _TOLD_STEP - homes) / spread) - _normal((published.n - homes) / spread)
    return -float(((published.figures - total) ** 2).sum()) / 2 / sigma**2 + float(np.log(max(told, 1e-300)))


def guesses(
    recording: Recording, published: dict[tuple[str, int], Published], length_ms: int, wanted: Collection[str]
) -> list[tuple[bool, bool]]:
    """Return for each home wanted and period whether it is said to be there, and whether it is.

    A home that is not there would have used what it used in the last period in which it was.
    """
    random = np.random.default_rng(4)
    vectors, cells = _vectors(recording, length_ms)
    clip = OPEN_CLIP if length_ms == WEEK_MS else CONTRACTED_CLIP
    has_noise = any(one.sigma is not None for one in published.values())
    bounded = {key: clipped(vector, clip) if has_noise else np.nan_to_num(vector) for key, vector in vectors.items()}
    there = {key for key, vector in vectors.items() if not np.isnan(vector).all()}
    by_period: dict[tuple[str, int], list[str]] = defaultdict(list)
    for home, period in there:
        by_period[cells[home], period].append(home)
    usual: dict[str, Floats] = {}
    said = []
    for home, period in sorted(vectors, key=lambda key: (key[1], key[0])):
        if home not in wanted:
            continue
        is_there = (home, period) in there
        own = bounded[home, period] if is_there else usual.get(home)
        if is_there:
            usual[home] = bounded[home, period]
        if own is None:
            continue
        about = published.get((cells[home], period))
        if about is None:
            said.append((bool(random.random() < 0.5), is_there))
            continue
        others = [other for other in by_period[cells[home], period] if other != home]
        total = np.sum([bounded[other, period] for other in others], axis=0) if others else np.zeros(24)
        gain = log_likelihood(about, total + own, len(others) + 1) - log_likelihood(about, total, len(others))
        said.append((gain > 0, is_there))
    return said


def _vectors(recording: Recording, length_ms: int) -> tuple[dict[tuple[str, int], Floats], dict[str, str]]:
    """Return (home, beginning of a period) → 24 hours, NaN where its meter was silent, and home → district."""
    days: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    cells = {}
    first = min(one.day for one in recording.days)
    for one in recording.days:
        start = first + (one.day - first) // length_ms * length_ms
        days[one.home, start].append([float("nan") if kwh is None else kwh for kwh in one.kwh])
        cells[one.home] = one.cell
    return {key: np.array(rows)[0] if len(rows) == 1 else _mean(np.array(rows)) for key, rows in days.items()}, cells


def _mean(days: Floats) -> Floats:
    """Return the mean day of a week; days without readings count as nothing used, a week without any as silent."""
    return np.full(24, np.nan) if np.isnan(days).all() else np.asarray(np.nan_to_num(days).mean(axis=0))


def _normal(z: float) -> float:
    return (1 + erf(z / sqrt(2))) / 2


def _run(recordings: Sequence[Recording]) -> Tally:
    said: list[tuple[bool, bool]] = []
    for recording in recordings:
        said += guesses(recording, published_days(recording), DAY_MS, _wanted(recording))
    return Tally(sum(one is other for one, other in said), len(said), 0.5, best_guess(CONTRACTED_MU), Bound.LO)


def _run_weeks(recordings: Sequence[Recording]) -> Tally:
    said: list[tuple[bool, bool]] = []
    for recording in recordings:
        said += guesses(recording, published_weeks(recording), WEEK_MS, _wanted(recording))
    return Tally(sum(one is other for one, other in said), len(said), 0.5, best_guess(OPEN_MU), Bound.LO)


def _wanted(recording: Recording) -> set[str]:
    return targets({one.home: one.cell for one in recording.days})


ATTACK = Attack(
    "informed",
    "Knowing all others",
    "watched-days",
    _run,
    "Knowing everything about all others, the attacker was right {k} of {n} times ({p}) whether a home was there that day; a "
    "coin {control}.",
    __doc__,
)
WEEKS = Attack(
    "informed-week",
    "Knowing all others, from open data",
    "watched-weeks",
    _run_weeks,
    "Knowing everything about all others, the attacker of the open data was right {k} of {n} times ({p}) whether a home was "
    "there that week; a coin {control}.",
    __doc__,
    is_of_ours_alone=True,
)
