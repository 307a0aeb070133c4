"""The pages of places: all zones by district, and of each what stands there; homes' sensors in fives and in no street."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.core.decide import Owner
from consent.core.languages import LANGUAGES
from consent.core.policies.parse import parse_policies
from consent.public_messages import HourTold, PlaceTold, PublicSensors, SensorsAt, SeriesTold
from consent.texts.portal import page_sentences
from tests.support.checkout import ROOT
from tests.support.markup import Markup
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state
from tests.support.street_city import street

RIBERA = load_policies(ROOT / "policies")
STANDING = PublicSensors(
    sensors=[
        SensorsAt(zone="north-quay", profile="noise", owner=Owner.CITY, count=2),
        SensorsAt(zone="north-quay", profile="air-station", owner=Owner.CITY, count=1),
        SensorsAt(zone="north-quay", profile="meter", owner=Owner.RESIDENT, count=35),
        SensorsAt(zone="garden-row", profile="meter", owner=Owner.RESIDENT, count=1020),
        SensorsAt(zone="garden-row", profile="footfall", owner=Owner.RESIDENT, count=5),
    ]
)
HOURS = [HourTold(hour=hour, readings=4, mean=50.0 + hour) for hour in range(24)]
GATE = SaidGate(
    said_state(),
    STANDING,
    says_places={
        "north-quay": PlaceTold(
            zone="north-quay",
            day="2026-11-27",
            series=[SeriesTold(flow="city-sensors", observed_property=name, hours=HOURS) for name in ("LAeq", "temperature")],
        )
    },
)


def page(path: str, language: str = "en", gate: SaidGate = GATE) -> Markup:
    """Return a page that is there."""
    answer = portal_client(gate, SaidRecord(RIBERA, said_head())).get(f"{path}?lang={language}")
    assert answer.status_code == 200, answer.text
    return Markup(answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_zones_are_listed_under_their_districts(language: str) -> None:
    """With a link to each, and to each sign."""
    found = page("/places", language)
    assert [each.text for each in found.all("h2")[: len(RIBERA.districts)]] == [
        each[language] for each in RIBERA.districts.values()
    ]
    links = {each.attributes["href"]: each.text for each in found.all("a")}
    for zone in RIBERA.zones.values():
        assert links[f"/places/{zone.id}?lang={language}"] == zone.title[language]
    assert all(links[f"/s/{sign}?lang={language}"] == sign for sign in RIBERA.signs)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("zone", RIBERA.zones)
def test_every_zone_has_a_page_in_every_language(zone: str, language: str) -> None:
    """With its title, its signs, and whom to ask."""
    found = page(f"/places/{zone}", language)
    assert RIBERA.zones[zone].title[language] in found.all("h1")[0].text
    links = {each.attributes["href"] for each in found.all("a")}
    signs = {sign.id for sign in RIBERA.signs.values() if sign.zone == zone}
    assert {f"/s/{sign}?lang={language}" for sign in signs} == {link for link in links if link.startswith("/s/")}
    assert f"mailto:{RIBERA.city.data_protection_officer}" in links


def test_own_sensors_are_counted_and_homes_are_rounded_by_district() -> None:
    """No number of a street's meters: of them no more than the district may leave."""
    overview = page("/places").text
    assert "Air quality station: 1 · Sound level meter: 2" in overview
    assert "In homes of this district: Electricity meter: at least 1,055" in overview
    assert "nothing finer than the whole city is told: Footfall counter: at least 5" in overview
    street = page("/places/north-quay").text
    assert "Riverside: Electricity meter, at least 1,055" in street
    assert "35" not in street.replace("1,055", "").replace("555", "")


def test_zone_tells_what_its_sensors_are_for_and_what_left_yesterday() -> None:
    """Kinds that the same use reads stand together, with a chart for each property."""
    found = page("/places/north-quay")
    assert "Tells: noise level." in found.text
    assert len([each for each in found.all("dt") if each.text == "Why"]) == 1
    assert [each.text for each in found.all("figcaption")] == []
    assert len([each for each in found.all("svg") if "wide" in each.classes]) == 2
    assert [each.text for each in found.all("caption")] == [
        "Noise level, dB, by the hour, 27 November 2026",
        "Air temperature, °C, by the hour, 27 November 2026",
    ]


def test_uses_that_differ_in_form_have_names_of_their_own() -> None:
    """Two kinds of sensors that one flow reads, one of them by the hour alone: two parts, told apart by kind."""
    text = street().other_files()["devices/station.toml"]
    files = {**street().files(), "devices/exact.toml": text.replace("Station", "Exact").replace('[cap]\ntime = "1h"\n', "")}
    policies = parse_policies({name: each.encode() for name, each in files.items()})
    sensors = [SensorsAt(zone="mill", profile=each, owner=Owner.CITY, count=1) for each in ("station", "exact")]
    gate = SaidGate(said_state(), PublicSensors(sensors=sensors))
    found = Markup(portal_client(gate, SaidRecord(policies, said_head())).get("/places/mill?lang=en").text)
    assert {"Exact", "Station"} <= {each.text for each in found.all("h2")}
    assert len([each for each in found.all("dt") if each.text == "Why"]) == 2


def test_zone_in_a_neighbourhood_says_whose_rules_hold_besides() -> None:
    """An assembly's ceiling holds there."""
    found = page("/places/market-hall").text
    assert f"with rules of {RIBERA.neighbourhood_titles['old-town']['en']} besides" in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_gate_places_and_signs_are_still_there(language: str) -> None:
    """From the record alone; how many sensors stand there is unknown, and not none."""
    silent = replace(GATE, away=True)
    overview = page("/places", language, silent)
    texts = page_sentences("places")[language]
    assert texts["away"] in overview.text
    assert texts["none"] not in overview.text
    zone, texts = page("/places/north-quay", language, silent), page_sentences("place")[language]
    assert texts["unknown"] in zone.text
    assert texts["no-homes-away"] in zone.text
    assert page_sentences("sensors")[language]["day.away"] in zone.text


def test_before_any_rules_places_say_that_there_are_none() -> None:
    """An empty record is no error."""
    client = portal_client(GATE, SaidRecord(None))
    answer = client.get("/places?lang=en")
    assert answer.status_code == 200
    assert "No rules are in force yet" in Markup(answer.text).text
    assert client.get("/places/north-quay").status_code == 404


@pytest.mark.parametrize("path", ["/places/moon", "/places/North-Quay", "/places/..%2Fetc", "/places/" + "a" * 500])
def test_zone_that_there_is_not_is_a_page_that_says_so(path: str) -> None:
    """404, and no error."""
    assert portal_client(GATE, SaidRecord(RIBERA, said_head())).get(path).status_code == 404
