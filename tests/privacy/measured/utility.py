"""How wrong figures are, by how many homes stand in them: what privacy costs those who plan with them.

For each mechanism and number of homes, 250 times as many homes of a large city and a day (or week) are drawn. The figure is
what a recipient reckons as the mean of a home and hour, the truth what these homes used, and the error the mean difference over
hours and draws, divided by the mean load. Homes' vectors are clipped in numpy (a test holds that against the gateway's whole
numbers); the noise is the gateway's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import sqrt
from random import Random
from typing import Final

import msgspec
import numpy as np

from consent.core.spread import epsilon
from gateway.core.figures.gaussian import Noise, gaussian_noise
from tests.privacy.measured.findings import Z95, Verdict
from tests.privacy.measured.households import population
from tests.privacy.measured.mechanism import (
    CLAMP_KWH,
    CONTRACTED_CLIP,
    CONTRACTED_GROUP,
    CONTRACTED_MU,
    EXACT_GROUP,
    OPEN_CLIP,
    OPEN_GROUP,
    OPEN_MU,
    PRESENCE,
    Floats,
    clipped,
)

DRAWS: Final = 250
HOMES: Final = (20, 50, 120, 200, 1000)
_CITY: Final = 2000
_STEP_KWH: Final = 0.001
_SLACK: Final = 1.15
_HALF_EPSILON_CLAMP: Final = 2.0
TARGETS: Final[dict[tuple[str, int], tuple[float, ...]]] = {
    ("contracted", 1): (0.34, 0.14, 0.068, 0.051, 0.044),
    ("contracted", 4): (0.20, 0.086, 0.050, 0.043, 0.044),
    ("open", 1): (0.97, 0.35, 0.15, 0.092, 0.043),
}
"""(mechanism, hours) → the error reckoned with beforehand, by homes as in ``HOMES``; of what is published by the period."""


class Utility(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``utility`` in the result.

    Attributes:
        mechanism: `contracted`, `open`, `exact`, or `half-epsilon` for ε = .5 a day with hours clamped at 2 kWh.
        publish: `day`, `window` or `week`.
        homes: How many homes stand in a figure.
        hours: Of how many hours it is.
        rel_error: The mean error over the mean load.
        released: The share of draws that are told: the noisy number of homes reaches the group.
        coverage: How often the 95 % interval holds the sum of what was clipped; None where there is no noise.
        target: Most that ``rel_error`` may be; None where it is reported only.
    """

    mechanism: str
    publish: str
    homes: int
    hours: int
    rel_error: float
    released: float
    coverage: float | None = None
    target: float | None = None
    verdict: Verdict = Verdict.REPORTED


@dataclass(frozen=True, slots=True)
class _Mechanism:
    """How a figure is made.

    Attributes:
        clip: Takes vectors, shape (homes, 24), and returns what counts of them.
        sigma: Of the noise of each hour and of the presence; 0 for none.
        mean: Takes noisy sums, the noisy number of homes, and returns means of a home.
    """

    name: str
    publish: str
    clip: Callable[[Floats], Floats]
    sigma: float
    group: int
    mean: Callable[[Floats, float], Floats]
    days: int = 1


def utility() -> list[Utility]:
    """Return the whole table."""
    random = np.random.default_rng(9)
    city = population(_CITY, 28, random)
    noise = gaussian_noise(Random(9).randbytes)
    half = _sigma_of_half_epsilon()
    by_window = CONTRACTED_CLIP / CONTRACTED_MU * sqrt(24)
    mechanisms = (
        _Mechanism("contracted", "day", _to(CONTRACTED_CLIP), CONTRACTED_CLIP / CONTRACTED_MU, CONTRACTED_GROUP, _told_sum),
        _Mechanism(
            "open", "week", _to(OPEN_CLIP), OPEN_CLIP / OPEN_MU, OPEN_GROUP, _told_mean(OPEN_CLIP / OPEN_MU / PRESENCE), 7
        ),
        _Mechanism("contracted", "window", _by_hour, by_window, CONTRACTED_GROUP, _told_sum),
        _Mechanism("exact", "day", _by_hour, 0.0, EXACT_GROUP, lambda sums, n: sums / n),
        _Mechanism(
            "half-epsilon", "day", lambda used: np.clip(used, 0, _HALF_EPSILON_CLAMP), half, 0, lambda sums, n: sums / round(n)
        ),
    )
    return [line for mechanism in mechanisms for homes in HOMES for line in _errors(mechanism, homes, city, noise, random)]


def _errors(one: _Mechanism, homes: int, city: Floats, noise: Noise, random: np.random.Generator) -> list[Utility]:
    hourly, by_four, released, covered, load = [], [], 0, 0, 0.0
    for _ in range(DRAWS):
        who = random.choice(len(city), homes, replace=False)
        first = int(random.integers(0, city.shape[1] // one.days)) * one.days
        used = city[who, first : first + one.days].mean(axis=1)
        sums = one.clip(used).sum(axis=0)
        drawn = _noise(one, noise)
        counts_homes = one.name != "half-epsilon"
        noisy_homes = homes + (drawn[24] / PRESENCE if counts_homes else 0.0)
        told = one.mean(sums + drawn[:24], max(noisy_homes, 1.0))
        truth = used.mean(axis=0)
        hourly.append(np.abs(told - truth).mean())
        by_four.append(np.abs((told - truth).reshape(6, 4).mean(axis=1)).mean())
        released += int(noisy_homes >= one.group)
        covered += int((np.abs(drawn[:24]) <= Z95 * one.sigma).sum())
        load += float(truth.mean()) / DRAWS
    coverage = None if one.sigma == 0 else covered / DRAWS / 24
    found = []
    for hours, errors in ((1, hourly), (4, by_four)):
        if hours == 4 and (one.name, one.publish) != ("contracted", "day"):
            continue
        error = float(np.mean(errors)) / load
        expected = TARGETS.get((one.name, hours)) if one.publish != "window" else None
        target = None if expected is None else _SLACK * expected[HOMES.index(homes)]
        verdict = Verdict.REPORTED if target is None else Verdict.MET if error <= target else Verdict.MISSED
        found.append(
            Utility(
                mechanism=one.name,
                publish=one.publish,
                homes=homes,
                hours=hours,
                rel_error=error,
                released=released / DRAWS,
                coverage=coverage,
                target=target,
                verdict=verdict,
            )
        )
    return found


def _noise(one: _Mechanism, noise: Noise) -> Floats:
    if one.sigma == 0:
        return np.zeros(25)
    return np.array(noise(25, Fraction(one.sigma / _STEP_KWH) ** 2)) * _STEP_KWH


def _to(clip: float) -> Callable[[Floats], Floats]:
    return lambda used: clipped(used, clip)


def _by_hour(used: Floats) -> Floats:
    """Return what counts of single hours: each is a vector of its own, of which the clip leaves more than the clamp."""
    return np.clip(used, 0, CLAMP_KWH)


def _told_sum(sums: Floats, homes: float) -> Floats:
    """Return the mean that follows from a sum and the number of homes, rounded down to fives; the middle is taken."""
    return sums / (homes // 5 * 5 + 2.5)


def _told_mean(spread: float) -> Callable[[Floats, float], Floats]:
    """Return the mean that the gateway tells (``gateway.core.figures.noisy``)."""
    return lambda sums, homes: sums * homes / (homes * homes + spread * spread)


@lru_cache(maxsize=1)
def _sigma_of_half_epsilon() -> float:
    """Return σ of the noise that ε = .5 at δ = 1e-6 demands of a day of 24 clamped hours."""
    low, high = 0.0, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon(middle) < 0.5 else (low, middle)
    return _HALF_EPSILON_CLAMP * sqrt(24) / low
