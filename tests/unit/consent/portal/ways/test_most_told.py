"""What may leave at most by a flow: what decisions let leave of somebody who says yes to all of it."""

from __future__ import annotations

import pytest

from consent.core.disclosure import Identity, Space, Time
from consent.portal.ways.most_told import kept_days, most_told
from tests.support.city import city
from tests.support.ways import changed, shipped


def test_neighbourhoods_that_permit_less_stand_apart() -> None:
    """The old town lowers single readings to hours of a district, and the most telling comes first."""
    policies = shipped()
    first, *others = most_told(policies, policies.flows["city-sensors"])
    assert (first.disclosure.identity, first.disclosure.time, first.disclosure.space) == (
        Identity.PER_RECORD,
        Time.EXACT,
        Space.BLOCK,
    )
    assert first.neighbourhoods == ("",)
    assert {row.neighbourhoods: (row.disclosure.time, row.disclosure.space) for row in others} == {
        ("old-town",): (Time.HOUR_1, Space.DISTRICT),
        ("convent",): (Time.HOUR_4, Space.DISTRICT),
    }


def test_properties_that_no_sensor_measures_are_not_told() -> None:
    """A flow asks for more than the devices in force measure: what nobody measures is not promised, nor feared."""
    town = city().measures("consumption").measures("LAeq").purpose("energy").recipient("office")
    town.district("north").zone("quay", "north").device("meter", {"consumption": "kwh"})
    for name, *properties in (("both", "consumption", "LAeq"), ("loud", "LAeq")):
        town.flow(
            *(name, *properties),
            statistic="mean",
            purpose="energy",
            recipient="office",
            identity="per-epoch",
            time="day",
            space="district",
            retention=9,
        )
    policies = town.policies()
    both, loud = (most_told(policies, policies.flows[name]) for name in ("both", "loud"))
    assert both[0].properties == ("consumption",)
    assert [(row.reason, row.properties) for row in loud] == [("not-measured", ())]


def test_what_the_ceiling_shuts_leaves_nothing() -> None:
    """A flow that asks for single homes under a ceiling of figures draws none, and is shut by the rules."""
    policies = changed('identity = "per-epoch"                          # nobody', 'identity = "aggregate"   # nobody')
    assert {row.reason for row in most_told(policies, policies.flows["energy-daily-totals"])} == {"not-aggregable"}


def test_rules_without_zones_tell_nothing() -> None:
    """Where there is no place for a sensor there is nothing to tell."""
    policies = city().policies()
    assert most_told(policies, shipped().flows["energy-hourly"]) == ()


@pytest.mark.parametrize(("flow", "days"), [("energy-hourly", 365), ("energy-daily-totals", 90), ("city-sensors", 3650)])
def test_days_are_those_that_records_state(flow: str, days: int) -> None:
    """A figure over homes states the least that any neighbourhood permits; all else what holds for it."""
    policies = shipped()
    assert kept_days(policies, policies.flows[flow], most_told(policies, policies.flows[flow])[0].disclosure) == days
