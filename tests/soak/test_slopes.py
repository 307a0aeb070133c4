"""The slope of a soak: what grows is seen to grow, and what wanders or begins high is not."""

from __future__ import annotations

from random import Random

import pytest

from tests.soak.slopes import Slope, slope

RUNS, SAMPLES = 8, 60


def points(per_min: float, noise: float, seed: int = 1) -> list[tuple[int, float, float]]:
    """Return samples of runs that begin at levels far apart and grow by so much a minute."""
    chance = Random(seed)
    levels = [chance.uniform(50_000, 90_000) for _ in range(RUNS)]
    return [
        (run, float(at_s), level + per_min * at_s / 60 + chance.gauss(0, noise))
        for run, level in enumerate(levels)
        for at_s in range(SAMPLES)
    ]


def bounds(seen: list[tuple[int, float, float]]) -> tuple[float, float]:
    """Return the interval of a slope that has one."""
    _, low, high = slope(seen)
    assert low is not None
    assert high is not None
    return low, high


def test_growth_is_found_whatever_each_run_begins_with() -> None:
    """Levels differ by far more than any run grows."""
    found = slope(points(300, 20))
    assert found.per_min == pytest.approx(300, rel=0.1)
    low, high = bounds(points(300, 20))
    assert low < 300 < high
    assert not found.is_flat(100)


def test_no_growth_is_flat() -> None:
    """The interval holds 0."""
    low, high = bounds(points(0, 50))
    assert low < 0 < high
    assert slope(points(0, 50)).is_flat(0)


def test_growth_that_is_certain_and_small_is_flat() -> None:
    """A bound says what is small: nobody needs a process that is as large to the byte after a year."""
    found = slope(points(10, 1))
    assert bounds(points(10, 1))[0] > 0
    assert found.is_flat(20)
    assert not found.is_flat(5)


def test_interval_comes_from_how_runs_differ() -> None:
    """One run that grows among many that do not is no certain growth; its many samples change nothing."""
    still = [(run, float(at_s), 100.0) for run in range(6) for at_s in range(SAMPLES)]
    growing = [(6, float(at_s), 100.0 + at_s) for at_s in range(SAMPLES)]
    low, _ = bounds(still + growing)
    assert low < 0 < slope(still + growing).per_min


def test_too_few_runs_have_no_interval() -> None:
    """What is not known is not said; the slope itself stands in the result."""
    found = slope((run, float(at_s), 2.0 * at_s) for run in range(2) for at_s in range(SAMPLES))
    assert found.per_min == pytest.approx(120)
    assert found[1:] == (None, None)
    assert slope([]) == Slope(0.0, None, None)
