"""A way out in words: each kind of flow has its sentence in every language, and neighbourhoods that lower it are named."""

from __future__ import annotations

from itertools import product

import pytest

from consent.core.disclosure import Identity, Space, Time
from consent.core.policies.policy import Statistic
from consent.portal.visit import Visit
from consent.portal.ways.most_told import most_told
from consent.portal.ways.words import how_finely, kept, lead, lowered, place_title, property_title, sensor_title
from tests.support.page_text import LANGUAGES
from tests.support.ways import shipped


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_level_has_its_words(language: str) -> None:
    """No flow that may be written lacks a sentence."""
    visit = Visit(language)
    levels = {
        "every": [level.label for level in Time if level] + ["week"],
        "of": [level.label for level in Space if level],
        "figure": [str(each) for each in Statistic],
    }
    for table, names in levels.items():
        assert all(visit.text("ways", f"{table}.{name}") for name in names)
    kinds = ["figure" if level is Identity.AGGREGATE else level.label for level in Identity if level]
    for by, kind in product(("homes", "city"), kinds):
        assert visit.text("ways", f"lead.{by}.{kind}", figure="a", every="b", of="c", group="d")


def test_lead_says_what_one_record_is() -> None:
    """A sum of many, a figure of one under a made-up name, a reading of the city's own."""
    policies = shipped()
    said = {name: lead(Visit("en"), policies, flow, most_told(policies, flow)[0]) for name, flow in policies.flows.items()}
    assert said["energy-hourly"] == (
        "One sum for each hour and for each district, made where about 15 homes or more say yes. Nobody sees yours alone."
    )
    assert said["noise-hourly"].startswith("One average for each hour and for each district, made where about 15 homes")
    assert said["energy-typical-week"].startswith("One figure of the average home for each hour of a typical day of the week")
    assert "under a made-up name" in said["energy-daily-totals"]
    assert said["city-sensors"] == "Each reading of the city’s own sensors by itself. Nothing in it is about a home."


def test_neighbourhoods_are_named_where_anybody_could_see_that_less_leaves() -> None:
    """The old town's shorter keeping is stated by every figure of the city, so it lowers none of them by itself."""
    policies = shipped()
    rows = {
        name: {row.where: row.how for row in lowered(Visit("en"), policies, flow, most_told(policies, flow))}
        for name, flow in policies.flows.items()
    }
    assert rows["energy-hourly"] == {"Around the convent": "time is told in stretches of four hours"}
    assert rows["city-sensors"]["Old town"] == "time is told by the hour, place is told by the district and kept for 1 year"


def test_how_finely_names_each_property_where_there_are_several() -> None:
    """One step for one, and each by its name for more."""
    policies = shipped()
    flows = policies.flows
    one = how_finely(Visit("en"), policies, most_told(policies, flows["energy-hourly"])[0])
    assert one == "Time by the hour; place by the district; value in steps of 0.1 kWh."
    several = how_finely(Visit("pt"), policies, most_told(policies, flows["city-sensors"])[0])
    assert "Partículas finas (PM2,5) em passos de 0,1 µg/m³" in several


@pytest.mark.parametrize(
    ("days", "said"), [(1, "1 day"), (90, "90 days"), (365, "1 year"), (730, "2 years"), (731, "731 days"), (3650, "10 years")]
)
def test_years_are_said_where_days_make_them(days: int, said: str) -> None:
    """In the number that fits."""
    assert kept(Visit("en"), days) == said


def test_places_are_called_as_the_rules_call_them() -> None:
    """Zone, district and city by their ids; what the rules do not know stays as it is."""
    policies = shipped()
    zone = next(iter(policies.zones.values()))
    names = [place_title(Visit("pt"), policies, each) for each in (zone.id, zone.district, policies.city.id, "nowhere")]
    assert names == [zone.title["pt"], policies.districts[zone.district]["pt"], policies.city.name, "nowhere"]


def test_titles_are_those_of_the_rules_or_the_ids() -> None:
    """Rules that know a property or a kind of sensor no more must not break the page that tells of it."""
    visit, policies = Visit("en"), shipped()
    known, profile = next(iter(policies.properties.values())), next(iter(policies.profiles.values()))
    assert property_title(visit, policies, known.id) == known.title["en"]
    assert sensor_title(visit, policies, profile.id) == profile.title["en"]
    assert (property_title(visit, policies, "gone"), sensor_title(visit, policies, "gone"), sensor_title(visit, None, "x")) == (
        "gone",
        "gone",
        "x",
    )
