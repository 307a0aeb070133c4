"""Quantities and limits of `city.toml`: what is wrong in them is told in one line that names the key."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any

import pytest

from consent.core.disclosure import TOP, Time
from consent.core.policies.tables.quantities import CELLS, has_former_budgets
from consent.errors import PolicyError
from tests.support.city import City, city


def street(**limits: object) -> City:
    """Return a city with meters and two properties of theirs."""
    return (
        city()
        .limits(**limits)
        .district("north")
        .zone("mill", "north")
        .measures("consumption", 0, 5)
        .measures("totalConsumption")
        .measures("LAeq", 30, 90)
        .purpose("energy")
        .recipient("office")
        .device("meter", {"consumption": "kwh"})
    )


def hourly(town: City, **more: Any) -> City:
    """Return the city with a flow of hourly sums."""
    asked: dict[str, Any] = {"identity": "aggregate", "time": "1h", "space": "district", "retention": 30, "group": 5}
    return town.flow("hourly", "consumption", purpose="energy", recipient="office", statistic="sum", **(asked | more))


def fault(town: City) -> str:
    """Return the line that refuses a city."""
    with pytest.raises(PolicyError) as caught:
        town.policies()
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix("`city.toml`: ")


def electricity(*properties: str, **more: Any) -> str:
    """Return why a quantity of such properties is refused."""
    said: dict[str, Any] = {"cell": "1h", "clip": 10, "presence": 2} | more
    return fault(street().quantity("electricity", *(properties or ("consumption",)), **said))


def test_quantity_is_read_as_it_is_written() -> None:
    """Its properties are told together, in one unit."""
    found = street().quantity("electricity", "consumption", "totalConsumption", clip=10.5, presence=2).policies()
    quantity = found.quantities["electricity"]
    assert (quantity.properties, quantity.unit) == (("consumption", "totalConsumption"), "kW.h")
    assert (quantity.cell, quantity.clip, quantity.presence) == (Time.HOUR_1, Decimal("10.5"), Decimal(2))
    assert set(found.quantity_of) == {"consumption", "totalConsumption"}
    assert [time.label for time in CELLS] == ["15min", "1h", "4h", "day"]


@pytest.mark.parametrize("clip", [0, -1, Decimal("1e10")])
def test_clip_that_is_nothing_or_beyond_all_bounds_is_refused(clip: float) -> None:
    """A clip of 0 would leave nothing of anybody."""
    assert electricity(clip=clip) == f"`quantity.electricity.clip`: `{clip}` should be a number from 0.000000001 to 1000000000"


@pytest.mark.parametrize("presence", [10, 11])
def test_presence_that_takes_the_whole_clip_is_refused(presence: int) -> None:
    """Nothing would be left for what is measured."""
    assert electricity(presence=presence) == f"`quantity.electricity.presence`: `{presence}` should be below `10`, the `clip`"


def test_presence_below_the_first_step_is_refused() -> None:
    """Vectors are whole numbers of first steps."""
    said = electricity(presence=Decimal("0.0005"))
    assert said == "`quantity.electricity.presence`: `0.0005` should be at least `0.001`, the first step of its properties"


def test_property_in_two_quantities_is_refused() -> None:
    """What reveals it would be counted by halves."""
    said = fault(street().quantity("electricity", "consumption").quantity("power", "consumption", "totalConsumption"))
    assert said == "`quantity.power.properties`: `consumption` stands in `quantity.electricity` already"


def test_quantity_whose_properties_differ_in_unit_is_refused() -> None:
    """One clip cannot bound both."""
    said = electricity("consumption", "LAeq")
    assert said == "`quantity.electricity.properties`: `LAeq` is in `dB`, and `consumption` in `kW.h`: a quantity has one unit"


@pytest.mark.parametrize(
    ("properties", "line"),
    [
        (("heat",), "`quantity.electricity.properties`: there is no property `heat`"),
        (("consumption", "consumption"), "`quantity.electricity.properties`: should name at least one property, and each once"),
    ],
)
def test_quantity_of_what_is_not_measured_is_refused(properties: tuple[str, ...], line: str) -> None:
    """Of unknown properties, and of one that stands there twice."""
    assert electricity(*properties) == line


@pytest.mark.parametrize("cell", ["1min", "exact", "2h", "none"])
def test_cell_that_is_no_part_of_a_day_is_refused(cell: str) -> None:
    """Or that is so short that a day would have a thousand."""
    assert electricity(cell=cell) == f"`quantity.electricity.cell`: `{cell}` is none of 15min, 1h, 4h, day"


def test_limits_of_earlier_versions_are_read_and_bind_nothing() -> None:
    """They are listed, so that somebody can be told."""
    found = street(share=0.15, p=15, exact_group=50).policies()
    assert (found.limits.ignored, found.limits.exact_group) == (("share", "p"), 50)
    assert found.limits == street(exact_group=50).policies().limits


def test_limits_say_on_which_rung_a_bound_counts() -> None:
    """The one at or below it."""
    limits = street(mu_day=3, mu_rungs=[Decimal("0.5"), 1, 2]).policies().limits
    assert [limits.rung(mu) for mu in (0.49, 0.5, 0.99, 1.0, 1.9, 2.0, 700.0, inf)] == [0.0, 0.5, 0.5, 1.0, 1.0, 2.0, 2.0, inf]


@pytest.mark.parametrize("where", ["ceiling", "neighbourhood", "cap"])
def test_ceiling_under_which_no_figure_could_be_made_is_refused(where: str) -> None:
    """Whoever wants none says so by identity; below the least rung it is a mistake."""
    said = "`0.3` is below the least of `limits.mu_rungs`, `0.5`: no figure permits so little"
    town = street(mu_day=2)
    if where == "ceiling":
        assert fault(town.ceiling(budget=0.3)) == f"`ceiling.budget`: {said}"
    elif where == "neighbourhood":
        assert fault(town.neighbourhood("old", budget=0.3)) == f"`neighbourhoods/old.toml`: `ceiling.budget`: {said}"
    else:
        assert fault(town.device("shy", {"consumption": "k"}, cap={"budget": 0.3})) == f"`devices/shy.toml`: `cap.budget`: {said}"


def test_budget_in_policies_of_an_earlier_version_is_the_epsilon_that_it_was() -> None:
    """Their terms keep their bytes, and what they ask for is refused and withheld."""
    found = hourly(street().ceiling(budget=3).former(), budget=0.5).policies()
    ask = found.flows["hourly"].ask
    assert (ask.budget, ask.former_epsilon, found.ceiling.former_epsilon) == (inf, 0.5, 3)
    assert [(one.key, one.since_form) for one in found.unsupported] == [("flow.hourly.properties", 3)]
    assert has_former_budgets({}, found.limits)
    assert TOP.former_epsilon == inf
