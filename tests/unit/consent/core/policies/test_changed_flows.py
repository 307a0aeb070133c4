"""Which flows a change of policies touches."""

from __future__ import annotations

import pytest

from consent.core.policies.changed_flows import changed_flows
from consent.core.policies.parse import parse_policies
from tests.support.consent_samples import METER, OLD, policies, small_city

CITY = policies()
ALL = {"hourly", "daily", "raw", "noise"}
ENERGY = {"hourly", "daily", "raw"}


def test_changed_flows_from_nothing_are_all() -> None:
    """The first policies change every flow."""
    assert changed_flows(None, CITY) == ALL
    assert changed_flows(CITY, CITY) == set()


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ('why = { en = "To plan"', 'why = { en = "To plan the grid"', set()),
        ('title = { en = "Energy"', 'title = { en = "Power"', set()),
        ("group = 15", "group = 16", {"hourly"}),
        ('statistic = { consumption = "sum" }', 'statistic = { consumption = "max" }', {"hourly"}),
        ("ladder = [0.001, 0.01, 0.1, 1]", "ladder = [0.001, 0.01, 0.1]", ENERGY),
        ("clamp = [20, 140]", "clamp = [20, 120]", {"noise"}),
        ("group = 10", "group = 11", ALL),
        ("exact_group = 1", "exact_group = 2", ALL),
        ("exact_group = 1", "exact_group = 1\nshare = 0.15", set()),
        ('cell = "15min"', 'cell = "1h"', {"hourly"}),
        ("clip = 10", "clip = 11", {"hourly"}),
        ("presence = 2", "presence = 3", {"hourly"}),
        ("[quantity.electricity]", "[quantity.power]", {"hourly"}),
        ("[quantity.electricity]", '[quantity.electricity]\ntitle = { en = "Power", pt = "Luz" }', set()),
        ('noise = "none"', "clip = 5", {"hourly"}),
        ('[zone.mill]\ndistrict = "north"', '[zone.mill]\ndistrict = "north"\nneighbourhood = "old"', ALL),
        ("[zone.mill]", "[zone.wharf]", ALL),
        ("[flow.raw]", "[flow.rare]", {"raw", "rare"}),
        ("[zone.mill]", '[zone.wharf]\ndistrict = "north"\n[zone.mill]', set()),
        ('id = "town"', 'id = "village"', ALL),
    ],
)
def test_changed_flows_of_a_change_in_the_city_are_those_it_touches(old: str, new: str, touched: set[str]) -> None:
    """Wording and additions touch nothing; terms, scales, limits and places touch what rests on them."""
    assert changed_flows(CITY, policies((old, new))) == touched


@pytest.mark.parametrize(
    ("path", "text", "touched"),
    [
        ("neighbourhoods/old.toml", OLD.replace("90", "80"), ALL),
        ("neighbourhoods/old.toml", OLD.replace("Old town", "Old"), set()),
        ("neighbourhoods/new.toml", OLD, set()),
        ("devices/meter.toml", METER.replace('path = "kwh"', 'path = "wh"'), ENERGY),
        ("devices/meter.toml", METER + '[cap]\nspace = "city"\n', ENERGY),
        ("devices/meter.toml", METER.replace('en = "Meter"', 'en = "Counter"'), set()),
        ("devices/other.toml", METER, set()),
    ],
)
def test_changed_flows_of_a_change_beside_the_city_are_those_it_touches(path: str, text: str, touched: set[str]) -> None:
    """A ceiling touches all flows in its zones, a device profile those that read it."""
    assert changed_flows(CITY, parse_policies(small_city(files={path: text.encode()}))) == touched


def test_changed_flows_where_a_device_class_goes_are_those_that_read_it() -> None:
    """Devices of a class that is gone release no more."""
    files = small_city()
    del files["devices/meter.toml"]
    assert changed_flows(CITY, parse_policies(files)) == ENERGY
