"""What is said of noise: odds and errors that were wrong would promise a household more than the noise gives it."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.spread import (
    combined_mu,
    epsilon,
    error_of_homes,
    error_of_mean,
    error_of_sum,
    error_per_home,
    odds,
    times_in_100,
)

_MUS = st.floats(0, 50)


@pytest.mark.parametrize(
    ("mu", "times"),
    [(0, 50), (0.5, 60), (0.62, 62), (1, 69), (2, 84), (0.62 * sqrt(4), 73), (2 * sqrt(30), 100)],
    ids=str,
)
def test_the_odds_are_those_that_a_citizen_is_told(mu: float, times: int) -> None:
    assert times_in_100(mu) == times


@given(_MUS)
def test_odds_are_the_normal_distribution_at_half_of_mu(mu: float) -> None:
    assert odds(mu) == pytest.approx(NormalDist().cdf(mu / 2), abs=1e-12)


@given(_MUS, _MUS)
def test_two_draws_together_tell_no_less_than_either(one: float, other: float) -> None:
    assert combined_mu([one, other]) >= max(one, other)
    assert odds(combined_mu([one, other])) >= odds(one)


def test_thirty_days_come_to_the_root_of_thirty_times_one() -> None:
    assert combined_mu([2.0] * 30) == pytest.approx(2 * sqrt(30))


@pytest.mark.parametrize(
    ("mu", "stated"),
    [(0.1, 0.42994), (0.5, 2.41909), (0.62, 3.06313), (1.0, 5.22153), (2.0, 11.68860)],
    ids=str,
)
def test_epsilon_is_that_of_the_published_conversion(mu: float, stated: float) -> None:
    """Found by a search over a fine grid of orders of the same bound, and compared with OpenDP by the tests of figures."""
    assert epsilon(mu) == pytest.approx(stated, abs=2e-5)


@given(st.floats(0.01, 20), st.floats(0.01, 20))
def test_a_stronger_signal_never_has_a_smaller_epsilon(one: float, other: float) -> None:
    assert (epsilon(one) <= epsilon(other) + 1e-9) is (one <= other) or epsilon(one) == pytest.approx(epsilon(other))


def test_an_epsilon_is_never_below_nothing() -> None:
    assert epsilon(0.0) == 0.0


def test_errors_are_those_of_simulated_means() -> None:
    """Four cells of 40 homes at σ = 5, of which each home comes to 1.5 a cell."""
    from random import Random

    rng, sigma, homes, cells, presence, cell = Random(12), 5.0, 400, 4, 2.0, 1.5
    means, sums, numbers = [], [], []
    for _ in range(20_000):
        total = homes * cells * cell + sum(rng.gauss(0, sigma) for _ in range(cells))
        number = homes + rng.gauss(0, sigma) / presence
        sums.append(total)
        numbers.append(number)
        means.append(total / number)
    assert _deviation(sums) == pytest.approx(error_of_sum(sigma, cells), rel=0.03)
    assert _deviation(numbers) == pytest.approx(error_of_homes(sigma, presence), rel=0.03)
    assert _deviation(means) == pytest.approx(error_per_home(sigma, homes, cells, presence, cells * cell), rel=0.03)
    assert error_of_mean(sigma, homes, cells, presence, cell) == pytest.approx(
        error_per_home(sigma, homes, cells, presence, cells * cell) / cells
    )


def _deviation(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values))
