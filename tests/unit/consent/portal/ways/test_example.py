"""The made-up record: as large, as stepped and as uncertain as the rules make a real one."""

from __future__ import annotations

from decimal import Decimal
from math import hypot, sqrt

import pytest

from consent.portal.ways.example import ExampleRecord, example_of, homes_error, shown
from consent.portal.ways.most_told import most_told
from tests.support.ways import changed, shipped


def made_up(flow: str, homes: int = 0) -> ExampleRecord:
    """Return the example of a flow of the shipped rules."""
    policies = shipped()
    return example_of(policies, policies.flows[flow], most_told(policies, policies.flows[flow])[0], homes)


def test_sum_has_the_error_of_its_noise_whatever_the_number_of_homes() -> None:
    """σ = clip / μ = 10 / 2 in each cell of an hour: ± 1.96 σ, and σ over the presence of 2 for the count."""
    for homes in (15, 300):
        record = made_up("energy-hourly", homes)
        assert record.error == pytest.approx(1.96 * 5)
        assert record.homes_error == pytest.approx(1.96 * 2.5)
        assert record.homes == homes


def test_mean_is_the_surer_the_more_homes_there_are() -> None:
    """A mean divides by the noisy count: σ = 75 / 2 a cell, 15 the presence, and the offset from the middle of the clamp."""
    offset = 75 / sqrt(24) * 0.2
    for homes in (15, 60):
        assert made_up("noise-hourly", homes).error == pytest.approx(1.96 * hypot(37.5, offset * 2.5) / homes)


def test_group_stands_in_where_nobody_knows_the_homes() -> None:
    """Without the gateway the example is of as few homes as a figure needs."""
    assert made_up("energy-hourly").homes == 15
    assert made_up("energy-typical-week").homes == 50


def test_figure_without_noise_says_no_error() -> None:
    """Exact figures, and figures of one home or of nobody."""
    policies = changed("group = 15, retention = 730, budget = 2 }", 'group = 50, retention = 730 }\nnoise = "none"')
    flow = policies.flows["energy-hourly"]
    record = example_of(policies, flow, most_told(policies, flow)[0])
    assert (record.error, record.homes_error, record.homes) == (None, None, 50)
    for name in ("energy-daily-totals", "city-sensors"):
        assert (made_up(name).error, made_up(name).homes) == (None, None)


def test_only_homes_one_by_one_have_a_made_up_name() -> None:
    """A figure has none, and neither has a reading of the city's own sensors."""
    assert made_up("energy-daily-totals").has_name
    assert not any(made_up(name).has_name for name in ("energy-hourly", "city-sensors"))


def test_values_lie_on_the_steps_that_are_told() -> None:
    """The middle of a step, but for the property's first."""
    assert made_up("energy-hourly", 30).value == Decimal("12.25")
    assert made_up("energy-daily-totals").value == Decimal("9.5")
    assert made_up("city-sensors").value == Decimal("12.5")
    electricity = shipped().properties["consumption"]
    assert shown(Decimal("1.2345"), electricity, Decimal("0.001")) == Decimal("1.234")
    assert shown(Decimal(7), shipped().properties["peopleCount"], Decimal(5), is_count=True) == Decimal(5)


def test_count_of_homes_needs_what_it_needs_with_the_error_that_is_told() -> None:
    """None of what draws no figure."""
    policies = shipped()
    for name, error in (("energy-hourly", 4.9), ("city-sensors", None), ("energy-daily-totals", None)):
        found = homes_error(policies, policies.flows[name], most_told(policies, policies.flows[name])[0])
        assert found == (None if error is None else pytest.approx(error))
