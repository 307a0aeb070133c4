"""The demo's street: its policies can be put in force, every device of it can be registered and played, and none stands twice."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from firmware_sim.scenario import parse_scenario
from gateway.demo.street import HOUSEHOLDS, PLUGS, WATER_METERS, change_policies, street
from gateway.errors import OperatorError
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A copy of the shipped policies."""
    return Path(shutil.copytree(ROOT / "policies", tmp_path / "policies", ignore=shutil.ignore_patterns("keys")))


def test_street_s_policies_have_every_profile_and_property_that_it_plays(policies: Path) -> None:
    """The shipped city, with more; the LoRaWAN profile is the demo's own file, which overrides the program's."""
    change_policies(policies)
    changed = load_policies(policies)
    for placed in street("demo"):
        profile = changed.profiles[placed.played["kind"]]
        assert profile.fields.keys() & changed.properties.keys()
        assert bool(profile.hub) == bool(placed.id)
        assert placed.zone in changed.zones
    assert {"plugs-daily", "water-four-hourly"} <= changed.flows.keys()
    assert changed.properties["totalConsumption"].clamp


def test_street_has_meters_plugs_and_water_meters_in_homes_and_the_city_s_own_sensors() -> None:
    """The meters come first, one for each household; the city's own belong to nobody and are public."""
    placed = street("demo")
    kinds = Counter(each.played["kind"] for each in placed)
    assert kinds["meter"] == HOUSEHOLDS
    assert kinds["shelly-plus-1pm"] == PLUGS
    assert kinds["wmbusmeters-water"] == WATER_METERS
    assert [each.household for each in placed[:HOUSEHOLDS]] == [*range(HOUSEHOLDS)]
    assert all(bool(each.played.get("public")) == (each.household is None) for each in placed)
    assert len({(each.topic, each.id) for each in placed}) == len(placed)
    assert len(parse_scenario({"devices": [each.played for each in placed]}).devices) == len(placed)


def test_row_of_a_device_behind_a_hub_has_its_id() -> None:
    """Others have none."""
    rows = {each.played["kind"]: each.row("none") for each in street("demo")}
    assert rows["wmbusmeters-water"]["topic"] == "demo/homes/wmbusmeters/+"
    assert len(rows["wmbusmeters-water"]["id"]) == 8
    assert rows["milesight-em300-th-chirpstack-4"]["owner"] == "city"
    assert "id" not in rows["zigbee2mqtt-climate"]


def test_policies_that_are_not_as_shipped_are_refused(policies: Path) -> None:
    """In one line that says which file."""
    city = policies / "city.toml"
    city.write_text(city.read_text().replace("[property.totalConsumption]", "[property.total]"))
    with pytest.raises(OperatorError, match=r"city\.toml`: is not as shipped"):
        change_policies(policies)
