"""Noise: its distribution is the discrete Gaussian of the variance asked for; one that differs protects nobody as promised."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import erf, exp, isqrt, sqrt
from random import Random

import pytest
from scipy.stats import chi2_contingency, chisquare

from consent.core.spread import DELTA, epsilon
from gateway.core.figures.gaussian import _Sampler, gaussian_noise

_RARE = 1e-4
"""A seeded sample of the right distribution is as unlikely as this in one of 10,000 seeds."""
_NEVER = 1e-9
"""Where a sample cannot be seeded: of twice as many draws, differences are told that are smaller than by the other bound."""


def seeded(seed: int, count: int, variance: Fraction) -> list[int]:
    """Return draws from seeded random bytes."""
    return gaussian_noise(Random(seed).randbytes)(count, variance)


def words(*given: int) -> _Sampler:
    """Return a sampler that finds these words first, and then the same over and over: none of its bits is set."""
    sampler = _Sampler(bytes, Fraction(1))
    sampler._words = list(reversed(given))
    return sampler


@pytest.mark.parametrize("variance", [Fraction(1, 7), Fraction(1), Fraction(9, 2), Fraction(25), Fraction(1681, 9)], ids=str)
def test_noise_has_the_chances_of_the_discrete_gaussian(variance: Fraction) -> None:
    """Chi-square against exp(-x²/2σ²), each number by itself out to where it is rare, for variances whole and broken."""
    count = 60_000
    drawn = Counter(seeded(5, count, variance))
    reach = 6 * isqrt(int(variance) + 1) + 6
    weights = {x: exp(-x * x / (2 * float(variance))) for x in range(-reach, reach + 1)}
    total = sum(weights.values())
    usual = [x for x in weights if count * weights[x] / total >= 10]
    expected = [count * weights[x] / total for x in usual]
    seen = [drawn[x] for x in usual]
    expected.append(count - sum(expected))
    seen.append(count - sum(seen))
    assert chisquare(seen, expected).pvalue > _RARE


@pytest.mark.parametrize("sigma", [Fraction(5000), Fraction(8000) / Fraction("0.62")], ids=["contracted", "open"])
def test_noise_of_the_shipped_flows_is_as_wide_as_they_say(sigma: Fraction) -> None:
    """In first steps σ is thousands: there it is the normal distribution, in forty equal parts."""
    drawn = seeded(6, 40_000, sigma * sigma)
    parts = Counter(min(39, int(40 * (1 + erf(x / float(sigma) / sqrt(2))) / 2)) for x in drawn)
    assert chisquare([parts[part] for part in range(40)]).pvalue > _RARE


def test_noise_is_that_of_opendp() -> None:
    """Another's implementation, whose proofs others have read, draws from the same distribution."""
    opendp = pytest.importorskip("opendp.prelude")
    opendp.enable_features("contrib")
    theirs = opendp.m.make_gaussian(opendp.atom_domain(T=int), opendp.absolute_distance(T=int), scale=4.5)
    count = 40_000
    ours = Counter(min(max(x, -14), 14) for x in seeded(7, count, Fraction(81, 4)))
    others = Counter(min(max(theirs(0), -14), 14) for _ in range(count))
    assert chi2_contingency([[c[x] for x in range(-14, 15)] for c in (ours, others)]).pvalue > _NEVER


@pytest.mark.parametrize("mu", [0.5, 0.62, 1.0, 2.0, 2.1])
def test_epsilon_in_records_is_what_others_say_of_this_noise(mu: float) -> None:
    """OpenDP comes to the same by ρ = μ²/2; for continuous noise, dp-accounting finds a little less, and not much less."""
    opendp = pytest.importorskip("opendp.prelude")
    opendp.enable_features("contrib")
    clip = 10_000
    drawn = opendp.m.make_gaussian(opendp.atom_domain(T=int), opendp.absolute_distance(T=int), scale=clip / mu)
    assert epsilon(mu) == pytest.approx(opendp.c.make_zCDP_to_approxDP(drawn).map(clip).epsilon(DELTA), rel=1e-5)
    continuous = pytest.importorskip("dp_accounting").get_epsilon_gaussian(1 / mu, DELTA)
    assert continuous <= epsilon(mu) <= 1.1 * continuous


def test_draws_of_one_call_do_not_depend_on_each_other() -> None:
    """Neighbours in order are as often above and below one another's middle as not, over many refills of the random words."""
    drawn = seeded(8, 40_000, Fraction(10_000))
    pairs = Counter((before > 0, after > 0) for before, after in pairwise(drawn) if before and after)
    assert chi2_contingency([[pairs[a, b] for b in (False, True)] for a in (False, True)]).pvalue > _RARE


def test_as_many_as_are_asked_for_and_others_from_other_bytes() -> None:
    assert [len(seeded(1, count, Fraction(4))) for count in (0, 1, 25)] == [0, 1, 25]
    assert seeded(1, 25, Fraction(400)) == seeded(1, 25, Fraction(400)) != seeded(2, 25, Fraction(400))


@pytest.mark.parametrize("variance", [Fraction(0), Fraction(-1)])
def test_no_noise_is_no_noise_to_ask_for(variance: Fraction) -> None:
    """A variance of 0 would be an exact figure by another name."""
    with pytest.raises(ValueError, match="positive"):
        seeded(1, 1, variance)


# where 32 bits do not decide


def test_chance_is_decided_at_the_border_by_more_bits() -> None:
    """A third lies between two words: behind the one below it, further bits decide, as those of a third go on."""
    third = (1 << 32) // 3
    assert words(third - 1)._chance(1, 3)
    assert not words(third + 1)._chance(1, 3)
    assert words(third, third - 1)._chance(1, 3)
    assert not words(third, third + 1)._chance(1, 3)
    assert words(third, third, third - 1)._chance(1, 3)
    assert not words(third, third, third + 1)._chance(1, 3)


def test_chance_that_is_a_whole_word_needs_no_more() -> None:
    half = 1 << 31
    assert words(half - 1)._chance(1, 2)
    assert not words(half)._chance(1, 2)
    assert not words(0)._chance(0, 7)
    assert words((1 << 32) - 1)._chance(1, 1)


@pytest.mark.parametrize("limit", [1, 2, 3, 5001, 1 << 32, (1 << 32) + 1, 10**30])
def test_numbers_below_a_limit_are_below_it_also_beyond_a_word(limit: int) -> None:
    """σ of a quantity whose first step is tiny may take more than 32 bits."""
    sampler = _Sampler(Random(3).randbytes, Fraction(1))
    drawn = [sampler._below(limit) for _ in range(300)]
    assert 0 <= min(drawn) <= max(drawn) < limit
    assert limit < 3 or max(drawn) - min(drawn) > limit // 2


def test_numbers_below_a_limit_are_equally_likely() -> None:
    sampler = _Sampler(Random(4).randbytes, Fraction(1))
    drawn = Counter(sampler._below(5) for _ in range(20_000))
    assert chisquare([drawn[x] for x in range(5)]).pvalue > _RARE


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 3), (1, 1), (7, 3), (5, 1)])
def test_a_chance_of_e_to_a_fraction(numerator: int, denominator: int) -> None:
    """Also above one, where it is made of several."""
    sampler = _Sampler(Random(9).randbytes, Fraction(1))
    count, chance = 30_000, exp(-numerator / denominator)
    met = sum(sampler._survives(numerator, denominator) for _ in range(count))
    assert abs(met - count * chance) <= 4 * sqrt(count * chance * (1 - chance))


def test_long_runs_are_counted_out() -> None:
    """A run of a dozen words that are all met goes on, and ends by whether it was even."""
    met = [0] * 12
    for more in range(4):
        assert words(*met, *[0] * more, (1 << 32) - 1)._exp_one() is ((len(met) + more) % 2 == 1)


def test_nothing_is_drawn_with_floating_point() -> None:
    """A variance far beyond what a double tells apart gives noise of that width."""
    drawn = seeded(10, 200, Fraction(10**60))
    assert len({x % 1024 for x in drawn}) > 100  # a double's last bits would all be 0
    assert 10**29 < max(map(abs, drawn)) < 10**31


def test_limit_noise_takes_as_many_random_words_as_it_takes() -> None:
    """Draws are repeated until one fits, so that some take many more words, and more time, than others."""
    sampler = _Sampler(Random(12).randbytes, Fraction(25_000_000))
    taken = set()
    for _ in range(100):
        sampler._words = Random(sampler.draw()).choices(range(1 << 32), k=400)
        sampler.draw()
        taken.add(400 - len(sampler._words))
    assert len(taken) > 10
