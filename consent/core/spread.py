"""What a μ of Gaussian differential privacy comes to, in the figures that people read: odds, ε at δ, and the error of a figure.

Pure arithmetic for words to citizens, for records, and for `sluice check`. The mechanism is the Gaussian one: each household's
vector is clipped to L2 norm C, the noise has σ = C/μ. Sources: Dong, Roth and Su, "Gaussian Differential Privacy" (JRSS B, 2022),
for odds and sums of μ²; Balle and Wang, "Improving the Gaussian Mechanism for Differential Privacy" (ICML 2018), theorem 8, for ε
at δ.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import erfc, exp, fsum, pi, sqrt
from typing import Final

from consent.core.policies.quantity import Mechanism

DELTA: Final = 1e-6
"""The δ at which ε is told."""

_FAR: Final = 12.0
"""From here on the tail of the normal distribution is computed by a continued fraction, which needs few terms."""


def odds(mu: float) -> float:
    """Return how often somebody who knows everything about all others guesses right at most: Φ(μ/2).

    Of two cases that are equally likely beforehand, such as that a household took part, or did not.
    """
    return 1 - _tail(mu / 2)


def joint_mu(mus: Iterable[float]) -> float:
    """Return the μ of several draws together: √Σ μ²."""
    return sqrt(fsum(mu * mu for mu in mus))


def odds_over(mu: float, periods: int) -> float:
    """Return the odds over several periods of one μ each, such as the days of a month."""
    return odds(mu * sqrt(periods))


def epsilon(mu: float, delta: float = DELTA) -> float:
    """Return the least ε such that the mechanism is (ε, δ)-differentially private, to nine digits.

    Raises: ValueError: μ is not positive, or δ not between 0 and 1.
    """
    if not (mu > 0 and 0 < delta < 1):
        raise ValueError("epsilon needs a positive mu, and a delta between 0 and 1")
    if _delta(mu, 0.0) <= delta:
        return 0.0
    low, high = 0.0, 1.0
    while _delta(mu, high) > delta:
        low, high = high, 2 * high
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        if _delta(mu, middle) > delta:
            low = middle
        else:
            high = middle
    return high


def sigma(mechanism: Mechanism, window_ms: int) -> float:
    """Return σ of the noise in each cell of a draw, in the quantity's unit."""
    return sqrt(mechanism.variance(window_ms))


def sum_error(sigma: float, cells: int = 1) -> float:
    """Return the standard error of a sum over some cells of one draw."""
    return sigma * sqrt(cells)


def mean_error(sigma: float, homes: float, presence: float, mean: float = 0.0, cells: int = 1) -> float:
    """Return the standard error of a sum over some cells of one draw, divided by the noisy number of homes (delta method).

    Args:
        sigma: Of each component's noise.
        homes: How many homes stand in it, more than 0.
        presence: The weight of the component that counts them.
        mean: The sum ÷ homes, from the centre on.
        cells: How many cells are summed.
    """
    return sigma * sqrt(cells + (mean / presence) ** 2) / homes


def _delta(mu: float, eps: float) -> float:
    """Return the least δ at an ε: Φ(μ/2 - ε/μ) - e^ε Φ(-μ/2 - ε/μ), as a difference of which no part overflows."""
    near, far = eps / mu - mu / 2, eps / mu + mu / 2
    return _tail(near) - _density(near) * _mills(far)


def _density(x: float) -> float:
    return exp(-x * x / 2) / sqrt(2 * pi)


def _tail(x: float) -> float:
    """Return how likely a standard normal number is above x."""
    return erfc(x / sqrt(2)) / 2


def _mills(x: float) -> float:
    """Return tail ÷ density, for x above 0 (Laplace's continued fraction where both are tiny)."""
    if x < _FAR:
        return _tail(x) / _density(x)
    value = x
    for k in range(40, 0, -1):
        value = x + k / value
    return 1 / value
