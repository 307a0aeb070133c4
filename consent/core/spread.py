"""Spread and odds: what noise of a strength μ does to a figure, and what it leaves to someone who knows everything else.

Pure arithmetic. Figures state their standard error by it, `sluice check` the error to be expected, and explanations and receipts
the odds: one place for all who must say the same. μ is that of Gaussian differential privacy: from one draw, telling a day with
a household's data from one without is as hard as telling N(0, 1) from N(μ, 1).

Sources: Dong, Roth, Su, *Gaussian Differential Privacy* (2022), for composition and the trade-off; Canonne, Kamath, Steinke, *The
Discrete Gaussian for Differential Privacy* (2020), for σ = C/μ over whole numbers and for the conversion to (ε, δ).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import erf, exp, hypot, log, log1p, sqrt
from typing import Final

DELTA: Final = 1e-6
"""The δ at which ε is stated."""

MONTH_DAYS: Final = 30
MONTH_WEEKS: Final = 4

_SEARCH: Final = (-30.0, 30.0)  # ln(α - 1): from where the first term of the bound is least to where the second is
_GOLDEN: Final = (sqrt(5) - 1) / 2
_STEPS: Final = 100


def combined_mu(mus: Iterable[float]) -> float:
    """Return the μ that several independent draws come to together: √Σ μ²."""
    return hypot(*mus)


def odds(mu: float) -> float:
    """Return how often someone who knows everything else is right about one of two equally likely cases: Φ(μ/2), at most.

    Guessing is right half of the time, which is what μ = 0 leaves.
    """
    return (1 + erf(mu / sqrt(8))) / 2


def times_in_100(mu: float) -> int:
    """Return ``odds`` as a whole number of times in 100, rounded to the nearest."""
    return int(100 * odds(mu) + 0.5)


def epsilon(mu: float, delta: float = DELTA) -> float:
    """Return the ε at some δ that μ comes to, by way of zero-concentrated differential privacy with ρ = μ²/2.

    Discrete noise has no closed form of its own; this bound holds for it as for continuous noise.
    """
    rho = mu * mu / 2
    low, high = _SEARCH
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _epsilon_at(left, rho, delta) < _epsilon_at(right, rho, delta):
            high = right
        else:
            low = left
    return max(0.0, _epsilon_at((low + high) / 2, rho, delta))


def _epsilon_at(x: float, rho: float, delta: float) -> float:
    """Return the ε that the Rényi divergence of order α = 1 + e^x proves (Canonne, Kamath, Steinke, proposition 7)."""
    above = exp(x)
    alpha = 1 + above
    return rho * alpha + (-log(delta) - x + alpha * (x - log1p(above))) / above


def error_of_sum(sigma: float, cells: int) -> float:
    """Return the standard error of a sum over some cells, of which each has noise of standard deviation ``sigma``."""
    return sigma * sqrt(cells)


def error_of_homes(sigma: float, presence: float) -> float:
    """Return the standard error of the number of homes that a draw tells."""
    return sigma / presence


def error_of_mean(sigma: float, homes: float, cells: int, presence: float, offset: float = 0.0) -> float:
    """Return the standard error of the mean of a cell, over some homes and cells: a sum over a number that has noise itself.

    Args:
        sigma: Of the noise of one cell, and of the component that counts homes; in the quantity's unit.
        homes: How many homes there are, or seem to be.
        presence: The weight of the component that counts homes.
        offset: How far the mean lies from the centre from which cells are summed; it makes the error of the number count.
    """
    return hypot(sigma / sqrt(cells), offset * error_of_homes(sigma, presence)) / homes


def error_per_home(sigma: float, homes: float, cells: int, presence: float, offset: float = 0.0) -> float:
    """Return the standard error of what one home comes to on average over some cells together; arguments as of ``error_of_mean``.

    Args:
        offset: What a home comes to over those cells.
    """
    return hypot(error_of_sum(sigma, cells), offset * error_of_homes(sigma, presence)) / homes
