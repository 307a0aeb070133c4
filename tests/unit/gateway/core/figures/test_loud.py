"""Loud homes, attacked in the shipped city: nobody's own value is the figure, moves it far, or silences it."""

from __future__ import annotations

from math import log10, sqrt
from random import Random

from gateway.core.figures.close_tables import close_tables
from gateway.core.figures.draws import Draw
from gateway.core.figures.gaussian import Noise, gaussian_noise
from tests.support.cells import cell_table, cohort_of, conditions, no_noise, whole
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies

CITY = load_policies(ROOT / "policies")
NOISE, ENERGY = ("noise-hourly", "LAeq"), ("energy-hourly", "consumption")


def figures(asked: tuple[str, str], days: list[list[float]], noise: Noise = no_noise) -> list[float] | None:
    """Return the figures of a day that homes have told; None where it is suppressed."""
    flow, name = asked
    first = float(CITY.properties[name].ladder[0])
    table = cell_table(CITY, cohort_of(CITY, flow, name, cell="riverside"), [[round(v / first) for v in day] for day in days])
    (closed,) = close_tables([whole(table)], conditions(CITY), (), {}, noise)
    return [one.value for one in closed.figures] if isinstance(closed, Draw) else None


def test_figure_of_noise_at_homes_does_not_tell_the_loudest_home() -> None:
    """Of thirty homes most are quiet and some loud: the loudest is not at ten times the logarithm of thirty above the figure.

    That it would be, to half a decibel, in 38 of 100 hours, if energies were combined.
    """
    random, told = Random(9), 0
    noise = gaussian_noise(Random(10).randbytes)
    for _ in range(12):
        homes = [[min(110.0, 30 + random.expovariate(1 / 15)) for _ in range(24)] for _ in range(30)]
        hours = figures(NOISE, homes, noise)
        assert hours is not None
        told += sum(
            abs(value + 10 * log10(30) - max(hour)) <= 0.5 for value, hour in zip(hours, zip(*homes, strict=True), strict=True)
        )
    assert told < 0.08 * 12 * 24


def test_one_sensor_at_140_db_all_day_moves_the_figure_by_less_than_a_decibel() -> None:
    """It is clamped to a loud street, clipped over the day, and one of sixty."""
    quiet, with_one = figures(NOISE, [[45.0] * 24] * 60), figures(NOISE, [[45.0] * 24] * 59 + [[140.0] * 24])
    assert quiet is not None
    assert with_one is not None
    assert all(0 <= b - a <= 1 for a, b in zip(quiet, with_one, strict=True))


def test_one_home_among_few_that_is_most_of_their_day_silences_nothing() -> None:
    """Whoever could silence a district by a heater would tell by it, too, that it stood there."""
    assert figures(ENERGY, [[0.1] * 24] * 19 + [[5.0] * 24]) is not None
    assert figures(NOISE, [[30.0] * 24] * 19 + [[90.0] * 24]) is not None


def test_one_meter_at_200_kwh_moves_a_day_by_no_more_than_the_clip() -> None:
    """Over all hours together, with its presence: 10 kWh, and what is floored."""
    usual, with_one = figures(ENERGY, [[0.55] * 24] * 60), figures(ENERGY, [[0.55] * 24] * 60 + [[200.0] * 24])
    assert usual is not None
    assert with_one is not None
    moved = [b - a for a, b in zip(usual, with_one, strict=True)]
    assert sqrt(sum(one * one for one in moved)) <= sqrt(10**2 - 2**2) + 0.05 * sqrt(24) * 2
