"""Which key of noise a comparison names, and whether it tells more: a rise called a fall would pass a review unseen."""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.review.noise import NoiseChange, noise_changes
from consent.core.review.reach import Direction
from tests.support.city import City, city

RISES, FALLS, DIFFERS = Direction
LIMITS: dict[str, Any] = {"mu_day": 2.1, "mu_rungs": [0.5, 1, 2], "exact_group": 50}
FLOW: dict[str, Any] = {"purpose": "energy", "recipient": "office", "identity": "aggregate", "space": "district", "retention": 30}
NOISY: dict[str, Any] = FLOW | {"time": "1h", "group": 15, "budget": 1, "publish": "day"}
EXACT: dict[str, Any] = FLOW | {"time": "1h", "group": 15, "noise": "none", "publish": "day"}


TOGETHER = ("consumption", "totalConsumption")


def town(
    limits: dict[str, Any] = LIMITS, flow: dict[str, Any] = NOISY, together: tuple[str, ...] = TOGETHER, **quantity: Any
) -> City:
    """Return a town with one flow about its homes and one quantity of two properties."""
    built = city().limits(**limits).district("north").zone("mill", "north").purpose("energy").recipient("office")
    built = (
        built.measures("consumption", 0, 5)
        .measures("totalConsumption")
        .device("meter", {"consumption": "kwh", "totalConsumption": "total"})
    )
    bounds = {"clip": 10, "presence": 2} | quantity
    return built.quantity("energy", *together, **bounds).flow("hourly", "consumption", statistic="sum", **flow)


def changes(old: City, new: City) -> list[NoiseChange]:
    """Return what differs between two towns."""
    return list(noise_changes(old.policies(), new.policies()))


@pytest.mark.parametrize(
    ("key", "value", "later"),
    [("mu_day", 3.5, "3.5"), ("exact_group", 20, "20"), ("mu_rungs", [0.5, 1.5, 2], "0.5, 1.5, 2")],
)
def test_looser_limit_rises_and_the_way_back_falls(key: str, value: Any, later: str) -> None:
    old, new = town(), town(LIMITS | {key: value})
    (there,) = changes(old, new)
    assert (there.direction, there.key, there.new) == (RISES, f"limits.{key}", later)
    (back,) = changes(new, old)
    assert (back.key, back.old) == (f"limits.{key}", later)
    assert back.direction is (RISES if key == "mu_rungs" else FALLS)  # μ = 1 is a rung again: less is lowered


@pytest.mark.parametrize(("key", "value", "texts"), [("clip", 12, ("10", "12")), ("presence", 3, ("2", "3"))])
def test_bound_on_a_home_differs_and_neither_rises_nor_falls(key: str, value: int, texts: tuple[str, str]) -> None:
    """The noise grows with it."""
    bound: dict[str, Any] = {key: value}
    assert changes(town(), town(**bound)) == [NoiseChange(DIFFERS, f"quantity.energy.{key}", *texts)]


def test_flow_that_loses_its_noise_rises_and_one_that_gains_it_falls() -> None:
    noisy, exact = town(), town(flow=EXACT)
    assert NoiseChange(RISES, "flow.hourly.noise", "drawn", "none") in changes(noisy, exact)
    assert NoiseChange(FALLS, "flow.hourly.noise", "none", "drawn") in changes(exact, noisy)


def test_property_counted_apart_from_what_it_was_counted_with_rises() -> None:
    """Each then has μ of its own; and counting them together again merely differs."""
    parted = town(together=("consumption",)).quantity("registers", "totalConsumption")
    key = "property.totalConsumption, counted in"
    assert NoiseChange(RISES, key, "energy", "registers") in changes(town(), parted)
    assert changes(parted, town()) == [NoiseChange(DIFFERS, key, "registers", "energy")]


def test_same_policies_differ_in_nothing() -> None:
    assert changes(town(), town()) == []
    assert changes(town(flow=EXACT), town(flow=EXACT)) == []
