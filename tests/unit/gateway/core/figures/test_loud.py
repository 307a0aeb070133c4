"""Loud homes, attacked in the shipped city: nobody's own value is the figure, moves it far, or silences it."""

from __future__ import annotations

from math import log10
from random import Random

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from gateway.core.figures.close import close
from gateway.core.figures.table import Conditions, Figure
from gateway.core.windows.accumulators import new_contribution
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window
from tests.support.checkout import ROOT
from tests.support.gate import HOUR_MS, MIDNIGHT_MS
from tests.support.policy_folder import load_policies

CITY = load_policies(ROOT / "policies")
NOISE, ENERGY = ("noise-hourly", "LAeq"), ("energy-hourly", "consumption")


def figure(asked: tuple[str, str], values: list[float]) -> float | None:
    """Return the figure of an hour in which each home has reported one value; None where it is suppressed."""
    flow, name = CITY.flows[asked[0]], asked[1]
    first, step = CITY.properties[name].ladder[0], flow.ask.step(name)
    cohort = Cohort(flow.id, name, flow.statistic_of(name), "aggregate", "1h", "district", str(step), "riverside", public=False)
    window = Window(cohort, MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS)
    for number, value in enumerate(values):
        home = window.members[number.to_bytes(16, "big")] = new_contribution(cohort.statistic, first)
        home.add(b"m", MIDNIGHT_MS, round(value / float(first)))
    terms = Terms(TOP, 0, NEVER_MS, 0, ())
    (closed,) = close([window], Conditions(CITY, lambda *_: terms, 0))
    return closed.value if isinstance(closed, Figure) else None


def test_figure_of_noise_at_homes_does_not_tell_the_loudest_home() -> None:
    """Of twenty homes most are quiet and some loud: the loudest is not at ten times the logarithm of twenty above the figure.

    That it would be, to half a decibel, in 38 of 100 hours, if energies were combined and a share of them were 1 in 20.
    """
    random = Random(9)
    hours = [[min(110.0, 30 + random.expovariate(1 / 15)) for _ in range(20)] for _ in range(300)]
    figures = [(figure(NOISE, homes), max(homes)) for homes in hours]
    told = [(value, loudest) for value, loudest in figures if value is not None]
    assert len(told) > 290
    assert sum(abs(value + 10 * log10(20) - loudest) <= 0.5 for value, loudest in told) < 0.05 * len(told)


def test_one_sensor_at_140_db_moves_the_figure_by_less_than_a_decibel() -> None:
    """Its bound is that of a loud street, and it is one of sixty."""
    quiet, with_one = figure(NOISE, [45.0] * 60), figure(NOISE, [45.0] * 59 + [140.0])
    assert quiet is not None
    assert with_one is not None
    assert 0 <= with_one - quiet <= 1


def test_one_home_among_few_that_is_most_of_their_mean_silences_it() -> None:
    """Where one home's own mean makes up more than the share of what is combined, nothing leaves: 1 in n is no measure."""
    assert figure(ENERGY, [0.1] * 19 + [5.0]) is None
    assert figure(NOISE, [30.0] * 9 + [90.0]) is None
    assert figure(NOISE, [45.0] * 14 + [90.0]) is not None


def test_one_meter_at_200_kwh_neither_silences_a_district_nor_is_its_figure() -> None:
    """It counts as the most that a home can use in an hour."""
    usual, with_one = figure(ENERGY, [0.5] * 60), figure(ENERGY, [0.5] * 60 + [200.0])
    assert usual is not None
    assert with_one is not None
    assert with_one - usual <= 5.1
