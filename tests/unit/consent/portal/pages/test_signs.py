"""The pages of signs: facts for every shipped sign in every language, whatever the gate does; texts of the rules stay texts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from consent.core.decide import Owner
from consent.core.languages import LANGUAGES
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import PolicySet
from consent.portal.app import make_app
from consent.portal.config import PortalConfig
from consent.portal.sensors.facts import facts_of
from consent.portal.sensors.uses import uses_of
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.public_messages import HourTold, PlaceTold, PublicSensors, SensorsAt, SeriesTold
from consent.texts.portal import page_sentences
from tests.support.checkout import ROOT
from tests.support.markup import Markup
from tests.support.policy_folder import load_policies
from tests.support.portal import NOW_MS, SaidGate, SaidHome, SaidRecord, portal_client, said_head, said_state
from tests.support.street_city import street

RIBERA = load_policies(ROOT / "policies")
HOSTILE = "<script>alert(1)</script>\" onload='x' & {x} <b>"
ADDRESS = "https://sensors.ribera.example"


def gate() -> SaidGate:
    """Return a gate at which every sensor with a sign is registered, and North Quay was noisy yesterday."""
    sensors = [SensorsAt(zone=sign.zone, profile=sign.profile, owner=Owner.CITY, count=1) for sign in RIBERA.signs.values()]
    hours = [HourTold(hour=hour, readings=12, mean=45.0 + hour) for hour in range(24)]
    told = PlaceTold(
        zone="north-quay", day="2026-11-27", series=[SeriesTold(flow="city-sensors", observed_property="LAeq", hours=hours)]
    )
    return SaidGate(said_state(), PublicSensors(sensors=sensors), says_places={"north-quay": told})


def client(policies: PolicySet | None = RIBERA, address: str = ADDRESS, *, headless: bool = False) -> TestClient:
    """Return a client of a portal that knows its own address."""
    record = SaidRecord(policies, None if headless else said_head())
    site = Site(
        PortalConfig(log_folder="", door="", address=address, requests_per_minute=0), record, gate(), SaidHome(), lambda: NOW_MS
    )
    return TestClient(make_app(site), raise_server_exceptions=False)


def page(path: str, language: str = "en", policies: PolicySet | None = RIBERA) -> Markup:
    """Return a page that is there."""
    answer = client(policies).get(f"{path}?lang={language}")
    assert answer.status_code == 200, answer.text
    return Markup(answer.text)


def said(part: str, language: str, key: str) -> str:
    """Return a sentence, as it stands in the texts."""
    return page_sentences(part)[language][key]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sign", RIBERA.signs)
def test_every_shipped_sign_lists_its_facts(sign: str, language: str) -> None:
    """What, why, who gets it, in what form, kept for, on what basis, about you, whom to ask: each with its matter."""
    found, one = page(f"/s/{sign}", language), RIBERA.signs[sign]
    terms = [each.text for each in found.all("dt")]
    assert terms == [
        said("sensors", language, f"fact.{key}") for key in ["what", "why", "who", "how", "kept", "basis", "about", "ask"]
    ]
    assert all(each.text.strip() for each in found.all("dd"))
    (use,) = uses_of(RIBERA, one.zone, one.profile)
    facts = facts_of(use, Visit(language))
    assert all(each in found.text for each in (*facts.what, facts.why, facts.who, facts.how, facts.kept, facts.basis))
    assert all(text in found.text for text in (one.text[language], RIBERA.zones[one.zone].title[language]))
    links = {each.attributes["href"] for each in found.all("a")}
    assert {f"{path}?lang={language}" for path in (f"/flows/{use.flow.id}", f"/places/{one.zone}", "/check")} <= links
    assert "tel:+34555010012" in links


def test_page_of_a_sign_shows_what_left_yesterday() -> None:
    """As chart, sentence and table; the numbers are the gate's."""
    found = page("/s/NQ3")
    assert "Least from 01:00: 45.0\N{NO-BREAK SPACE}dB. Most from 00:00: 68.0\N{NO-BREAK SPACE}dB. Of 288 readings." in found.text
    drawings = [each for each in found.all("svg") if each.attributes.get("role") == "img"]
    assert {tuple(each.classes) for each in drawings} == {("wide",), ("narrow",)}
    assert all("Least from" in each.attributes["aria-label"] for each in drawings)
    rows = found.all("tbody")[0].text.split()
    assert (len(rows), rows[0], rows[-1]) == (24, "01:0045.012", "00:0068.012")
    assert "Nothing left of the city's own sensors here." in page("/s/MH2").text


def test_sign_is_found_however_it_is_typed() -> None:
    """In small letters, and in capitals as QR codes have the whole path."""
    answers = [client().get(path) for path in ("/s/NQ3", "/s/nq3", "/S/NQ3")]
    assert [each.status_code for each in answers] == [200] * 3
    assert len({Markup(each.text).all("h1")[0].text for each in answers}) == 1


@pytest.mark.parametrize("path", ["/s/ZZZ", "/s/N", "/s/ABCDEFGHIJKLM", "/s/N%2FQ", "/s/ZZZ/print", "/S/ZZZ"])
def test_sign_that_there_is_not_is_a_page_that_says_so(path: str) -> None:
    """404, and no error."""
    answer = client().get(path)
    assert answer.status_code == 404
    Markup(answer.text)


def test_before_any_rules_there_is_no_sign() -> None:
    """The record is empty."""
    assert client(None).get("/s/NQ3").status_code == 404
    assert client(None).get("/s/NQ3/print").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_gate_the_facts_still_stand(language: str) -> None:
    """They are the record's; what left yesterday is unknown, and not nothing; nor is the sensor said to be gone."""
    silent = replace(gate(), away=True)
    found = Markup(portal_client(silent, SaidRecord(RIBERA, said_head())).get(f"/s/NQ3?lang={language}").text)
    assert len(found.all("dt")) == 8
    assert said("sensors", language, "day.away") in found.text
    assert said("sensors", language, "day.nothing") not in found.text
    assert said("signs", language, "missing") not in found.text


def test_sign_whose_sensor_is_gone_says_so() -> None:
    """A sign may outlive what it stands at."""
    none = replace(gate(), says_sensors=PublicSensors(sensors=[]))
    assert "sign may have outlived it" in portal_client(none, SaidRecord(RIBERA, said_head())).get("/s/NQ3?lang=en").text
    assert "sign may have outlived it" not in page("/s/NQ3").text


SIGN = '\n[sign.M1]\nzone = "mill"\nprofile = "station"\ntext = { en = "By the door" }\n'


def small(text: str = SIGN, **ceiling: str) -> PolicySet:
    """Return the small city with a sign in the mill."""
    files = street(**ceiling).files()
    return parse_policies({name: each.encode() for name, each in {**files, "city.toml": files["city.toml"] + text}.items()})


def test_sign_of_rules_without_contacts_shows_less() -> None:
    """No telephone and no address of the office, and no empty line in their place; titles that are not given are ids."""
    found = page("/s/M1", policies=small())
    assert not [each for each in found.all("a") if each.attributes["href"].startswith("tel:")]
    assert "mill" in found.all("title")[0].text
    assert "It also measures temperature, and tells nobody." in found.text
    printed = page("/s/M1/print", policies=small())
    assert "Questions" not in printed.text


def test_sign_at_what_may_not_leave_says_that_nothing_does() -> None:
    """A ceiling may come to forbid it while the sign still stands."""
    found = page("/s/M1", policies=small(space="none"))
    assert found.all("h1")[0].text == "Nothing leaves of this sensor."
    assert "Nothing leaves of it." in page("/s/M1/print", policies=small(space="none")).text


@pytest.mark.parametrize("path", ["/s/M1", "/s/M1/print", "/places", "/places/mill"])
def test_whatever_the_rules_call_things_stays_text(path: str) -> None:
    """Markup, attributes and gaps of sentences in titles are letters to be read."""
    written = json.dumps(HOSTILE)  # which TOML reads too
    texts = {**street().files(), "city.toml": street().text() + SIGN}
    for table in ("[zone.mill]", "[property.LAeq]", "[flow.noise]"):
        texts["city.toml"] = texts["city.toml"].replace(f"{table}\n", f'{table}\ntitle = {{ en = "x" }}\n')
    hostile = {name: re.sub(r"(?<=\{ en = ).*(?= \})", lambda _: written, text) for name, text in texts.items()}
    for own in ('"Town"', '"Square 1"', '"https://town.example"', '"dpo@town.example"'):
        hostile["city.toml"] = hostile["city.toml"].replace(own, written)
    policies = parse_policies({name: text.encode() for name, text in hostile.items()})
    found = page(path, policies=policies)
    assert found.text.count(HOSTILE) >= 2
    assert {each.attributes["src"].partition("?")[0] for each in found.all("script")} <= {"/static/offline.js"}
    assert {each.text for each in found.all("b")} <= {"Sluice"}


# the printed sign


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sign", RIBERA.signs)
def test_printed_sign_says_it_in_three_languages_at_once(sign: str, language: str) -> None:
    """Kind, about you, why, who gets it, kept: whatever language the page around it is in."""
    found, one = page(f"/s/{sign}/print", language), RIBERA.signs[sign]
    (sheet,) = [each for each in found.all("article") if each.classes == ["sheet"]]
    (use,) = uses_of(RIBERA, one.zone, one.profile)
    for each in LANGUAGES:
        facts = facts_of(use, Visit(each))
        kind = RIBERA.profiles[one.profile].title[each]
        for text in (kind, facts.why, facts.who, facts.kept, said("sign_print", each, "about")):
            assert text in sheet.text
    assert [each.attributes["lang"] for each in found.all("section")] == list(RIBERA.city.languages)
    short = f"sensors.ribera.example/s/{sign}"
    assert all(text in sheet.text for text in (short, "+34 555 010 012", said_head().vkey[-8:], sign))
    (code,) = [each for each in found.all("svg") if each.attributes.get("role") == "img"]
    assert code.attributes["viewbox"] == "0 0 37 37", "29 squares of version 3, and the quiet zone"


def test_printed_sheet_is_a5_with_a_code_of_at_least_30_mm() -> None:
    """As its own style sheet has it, and with a rule of 3 mm."""
    style = client().get("/static/sign.css").text
    assert "@page{size:A5" in style
    assert "border-top:3mm solid" in style
    (width_mm,) = re.findall(r"\.sheet \.code\{[^}]*width:(\d+)mm", style)
    assert int(width_mm) * 29 / 37 >= 30
    assert [each.attributes["href"].partition("?")[0] for each in page("/s/NQ3/print").all("link")].count("/static/sign.css") == 1


def test_sign_of_a_portal_without_an_address_says_what_is_missing() -> None:
    """No code that leads nowhere."""
    found = Markup(client(address="").get("/s/NQ3/print?lang=en").text)
    assert "`address` in the portal's configuration" in found.text
    assert not [each for each in found.all("svg") if each.attributes.get("role") == "img"]
    assert "`address`" not in page("/s/NQ3/print").text


def test_sign_of_a_record_without_a_checkpoint_names_no_key() -> None:
    """There is none yet."""
    assert "Key of the record" not in client(headless=True).get("/s/NQ3/print?lang=en").text


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=20))
def test_any_address_of_a_sign_is_answered(sign: str) -> None:
    """With its page or with one that says there is none."""
    answer = client().get(f"/s/{quote(sign, safe='')}")
    assert answer.status_code in (200, 404)
    assert (answer.status_code == 200) == (sign.upper() in RIBERA.signs and sign.isascii())
