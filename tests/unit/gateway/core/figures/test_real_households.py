"""How far figures are off, with ten real households: as near as `sluice check` and the documentation say, or nearer.

Homes and days are drawn with replacement; the measure is the mean of |figure − true mean| over hours and draws, divided by the
mean load. The true mean is that of the clamped hours of the homes drawn.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest

from consent.core.policies.policy import PolicySet
from gateway.core.figures.close_tables import close_tables
from gateway.core.figures.draws import Draw
from gateway.core.figures.gaussian import gaussian_noise
from tests.support.cells import cell_table, cohort_of, conditions, whole
from tests.support.checkout import ROOT
from tests.support.data import DataSet, outside_data
from tests.support.policy_folder import load_policies

pytestmark = pytest.mark.outside_data

_DRAWS = {20: 250, 50: 120, 120: 50, 200: 30}
_ALLOWED = 1.15
_CLAMP_WH = 5_000


@cache
def city() -> PolicySet:
    """Return the shipped city, whose flows here tell figures of however few homes."""
    policies = load_policies(ROOT / "policies")
    flows = {name: replace(flow, ask=replace(flow.ask, group=1)) for name, flow in policies.flows.items()}
    return replace(policies, flows=flows)


@cache
def homes(path: Path) -> list[list[list[int]]]:
    """Return what each household used in each hour of each day, in Wh."""
    hours: dict[str, dict[str, list[float]]] = {}
    with path.open() as rows:
        for row in csv.DictReader(rows):
            day, hour = row["reading_datetime"][:10], int(row["reading_datetime"][11:13])
            hours.setdefault(row["customer_id"], {}).setdefault(day, [0.0] * 24)[hour] += float(row["general_supply_kwh"] or 0)
    return [[[round(1000 * kwh) for kwh in day] for day in days.values()] for days in hours.values()]


def relative_error(flow: str, time: str, count: int, measured: list[list[list[int]]]) -> float:
    """Return the error of the hourly means of some homes, as a fraction of their mean load."""
    random, noise = Random(count), gaussian_noise(Random(count + 1).randbytes)
    policies = city()
    cohort, is_week = cohort_of(policies, flow, "consumption", time=time), flow == "energy-typical-week"
    off = load = 0.0
    for _ in range(_DRAWS[count]):
        drawn = [random.sample(days, 7) if is_week else [random.choice(days)] for days in random.choices(measured, k=count)]
        table = cell_table(policies, cohort, [[wh for day in days for wh in day] for days in drawn])
        (closed,) = close_tables([whole(table)], conditions(policies), (), {}, noise)
        if not isinstance(closed, Draw):  # of nobody, as it seems: nothing is told
            continue
        a_window = 24 // len(closed.figures)
        for at, figure in enumerate(closed.figures):
            hours = range(at * a_window, (at + 1) * a_window)
            true = sum(min(day[hour], _CLAMP_WH) for days in drawn for day in days for hour in hours) / 1000
            true /= count * len(drawn[0])
            told = figure.value if is_week else figure.value / (closed.told + 2.5)  # it was rounded down to fives
            off += abs(told - true)
            load += true
    return off / load


@pytest.mark.parametrize(
    ("flow", "time", "promised"),
    [
        ("energy-hourly", "1h", {20: 0.34, 50: 0.14, 120: 0.068, 200: 0.051}),
        ("energy-hourly", "4h", {20: 0.20, 50: 0.086, 120: 0.05, 200: 0.043}),
        ("energy-typical-week", "1h", {20: 0.97, 50: 0.35, 120: 0.15, 200: 0.092}),
    ],
    ids=["contracted", "contracted-4h", "open"],
)
def test_figures_of_real_households_are_as_near_as_promised(flow: str, time: str, promised: dict[int, float]) -> None:
    """To within 15 % of the error, at each number of homes."""
    (path,) = outside_data(DataSet.HOUSEHOLDS)
    found = {count: relative_error(flow, time, count, homes(path)) for count in promised}
    assert {count for count, error in found.items() if error > _ALLOWED * promised[count]} == set()
