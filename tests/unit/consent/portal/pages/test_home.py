"""The first page, over the shipped rules: what is sensed, how far each gate is open, and numbers that somebody gave."""

from __future__ import annotations

import re

import pytest

from consent.core.decide import Owner
from consent.portal.visit import Visit
from consent.portal.ways.most_told import most_told
from consent.portal.ways.words import lead
from consent.public_messages import FlowServed, PublicBalance, PublicSensors, SensorsAt
from tests.support.checkout import ROOT
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.policy_folder import load_policies
from tests.support.portal import NOW_MS, SaidGate, SaidRecord, portal_client, said_head, said_state
from tests.support.ways import DAY, changed, served, shipped, speaking_gate

YESTERDAY = "2026-11-27"


def gate(*flows: FlowServed, **accounts: int) -> SaidGate:
    """Return a gateway that says something of each flow, and how the readings of yesterday were entered."""
    says = speaking_gate(*(flows or (served("energy-hourly", 40, 30, 1440), served("city-sensors", records=900))))
    entered = {name.replace("__", "."): n for name, n in accounts.items()}
    says.says_balance = PublicBalance(
        day=YESTERDAY,
        until_ms=NOW_MS,
        group=15,
        days=[DAY, YESTERDAY],
        accounts=entered,
        steps=dict.fromkeys(entered, 5),
        told=[],
    )
    return says


def page(says: SaidGate | None = None, language: str = "en", record: SaidRecord | None = None) -> str:
    """Return the page's own matter."""
    answer = portal_client(says or gate(), record or SaidRecord(shipped(), said_head())).get(f"/?lang={language}")
    assert answer.status_code == 200
    return main_of(answer.text)


def test_home_speaks_the_readers_language() -> None:
    """By the address first, then by what the browser accepts."""
    client = portal_client(SaidGate(said_state()), SaidRecord(load_policies(ROOT / "policies"), said_head()))
    assert "What is sensed here, and what becomes of it" in client.get("/").text
    assert '<html lang="pt">' in client.get("/", headers={"accept-language": "fr, pt-BR;q=0.8, en;q=0.5"}).text
    assert '<html lang="es">' in client.get("/?lang=es", headers={"accept-language": "pt"}).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_way_out_stands_there_and_no_other(language: str) -> None:
    """With its title, what one record is, and a link to its page; in the number of the heading."""
    policies, visit = shipped(), Visit(language)
    markup = page(language=language)
    assert re.findall(r'href="/flows/([a-z-]+)\?', markup) == list(policies.flows)
    text = words_of(markup)
    for flow in policies.flows.values():
        assert flow.title[language] in text
        assert lead(visit, policies, flow, most_told(policies, flow)[0]) in text
    assert {"en": "These 5 ways out", "es": "Estas 5 salidas", "pt": "Estas 5 saídas"}[language] in text


def test_gates_are_drawn_as_far_as_they_are_open() -> None:
    """Half for some of the homes, open by law; what the gateway did not speak of yet is not drawn as a gate at all."""
    markup = page()
    text = words_of(markup)
    assert "Open for about 30 of 40 homes · City energy office · kept for 1 year" in text
    assert "Open by law , nobody is asked · City environment office · kept for 10 years" in text
    assert markup.count("ico gate") == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_kinds_say_what_is_read_whom_it_is_about_and_who_gets_it(language: str) -> None:
    """By the profiles and flows of the rules: electricity is about homes, noise about both, air and footfall about nobody."""
    policies = shipped()
    rows = dict(re.findall(r"<h3>([^<]+)</h3>(.*?)</li>", page(language=language), re.DOTALL))
    power, noise, air, people = (words_of(row) for row in rows.values())
    assert len(rows) == 4
    for text, names in ((power, ("consumption", "totalConsumption")), (noise, ("LAeq",)), (air, ("pm25", "pm10", "no2"))):
        assert all(policies.properties[name].title[language] in text for name in names)
    you = {"en": "About you", "es": "Trata de usted", "pt": "É sobre si"}[language]
    assert [you in text for text in (power, noise, air, people)] == [True, True, False, False]
    energy, environment = (policies.recipients[name].title[language] for name in ("city-energy", "city-environment"))
    assert energy in power
    assert environment not in power
    assert environment in people


def test_sensors_are_counted_as_the_gateway_counts_them() -> None:
    """Of homes at least so many, since each place is rounded down; of the city's own exactly."""
    text = words_of(page())
    assert "At least 48 sensors measure here." in text
    assert "at least 40 in homes · to City energy office" in text
    assert "7 of the city’s own · to City environment office" in text


def test_property_of_no_known_kind_is_one_of_its_own() -> None:
    """A city that measures something else finds it under its own title, and nothing of it is lost."""
    text = words_of(page(record=SaidRecord(changed("LAeq", "rainfall"), said_head())))
    assert "Noise level Of what such sensors measure, this is read: Noise level, and nothing else." in text


def test_yesterday_is_said_as_what_it_is_at_least() -> None:
    """Considered, and all that the balance's page calls held back: no consent, at release, too few homes, and too late."""
    says = gate(
        pairs__considered=9600,
        **{"pairs__withheld__no-consent": 1800, "pairs__withheld_at_release__expired": 20, "pairs__suppressed__k": 10},
        pairs__aggregated=5000,
        pairs__late=70,
    )
    assert "At least 9,600 readings, counted once for each use they were weighed for. At least 1,900 of them were held back." in (
        words_of(page(says))
    )
    assert 'href="/balance?day=2026-11-27&amp;lang=en"' in page(says)


def test_day_without_a_number_is_not_said_to_be_empty() -> None:
    """What is rounded down to none may be some."""
    text = words_of(page(gate()))
    assert "None, or too few for a number." in text


def test_gate_without_yesterday_says_nothing_of_it() -> None:
    """On its first day there is no day before."""
    says = gate(pairs__considered=5)
    says.says_balance = PublicBalance(
        day=DAY, until_ms=NOW_MS, group=15, days=[DAY], accounts={"pairs.considered": 5}, steps={}, told=[]
    )
    assert "Only the gate can say, and it has not said yet." in words_of(page(says))


@pytest.mark.parametrize("language", LANGUAGES)
def test_record_is_said_with_its_witnesses_and_their_age(language: str) -> None:
    """The first of two cosigned 11 seconds ago; in words for one and for more."""
    said = {
        "en": ("2,418 entries so far. 2 witnesses have seen them all, the first 11 seconds ago.", "1 entry so far."),
        "es": ("2418 anotaciones hasta ahora. 2 testigos las han visto todas, el primero hace 11 segundos.", "1 anotación hasta"),
        "pt": ("2418 entradas até agora. 2 testemunhas viram-nas todas, a primeira há 11 segundos.", "1 entrada até agora."),
    }[language]
    assert said[0] in words_of(page(language=language))
    assert said[1] in words_of(page(language=language, record=SaidRecord(shipped(), said_head(1))))


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_without_the_gateway_says_what_the_record_tells(language: str) -> None:
    """Kinds, ways out and entries; no number of homes, and no gate drawn but those that the rules alone open."""
    silent = gate()
    silent.away = True
    markup = page(silent, language)
    assert all(flow.title[language] in words_of(markup) for flow in shipped().flows.values())
    assert markup.count("ico gate") == 1
    assert said_head().size == 2418
    assert re.search(r"2,?418", words_of(markup))


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_before_there_are_rules_says_that_nothing_goes_out(language: str) -> None:
    """The designed state of nothing yet: no policies, no checkpoint, no sensors."""
    says = gate()
    says.says_sensors = PublicSensors(sensors=[])
    markup = page(says, language=language, record=SaidRecord(None))
    said = {"en": "Nothing goes out. That is how it begins.", "es": "No sale nada. Así se empieza.", "pt": "Nada sai."}
    assert said[language] in words_of(markup)
    assert "/flows/" not in markup


def test_record_that_is_not_where_the_portal_looks_is_not_said_to_be_empty() -> None:
    """A misspelt folder: the gateway has sensors, so "nothing goes out" may be untrue."""
    says = gate()
    says.says_sensors = PublicSensors(sensors=[SensorsAt(zone="north-quay", profile="noise", owner=Owner.CITY, count=1)])
    text = words_of(page(says, record=SaidRecord(None)))
    assert text.count("The record cannot be read here, so this page cannot say.") == 2
    assert "Nothing goes out" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_code_entry_leads_to_where_it_is_used_and_to_paper(language: str) -> None:
    """Paper is no lesser way; whoever has come in before comes in again."""
    markup = page(language=language)
    client = portal_client(gate(), SaidRecord(shipped(), said_head()))
    for path in ("/claim", "/in", "/paper"):
        assert f'href="{path}?lang={language}"' in markup.partition('id="code"')[2].partition("</section>")[0]
    for path in ("/claim", "/paper"):
        assert client.get(f"{path}?lang={language}").status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_has_nothing_inline_nor_unfilled_nor_to_be_avoided(language: str) -> None:
    """In each language."""
    markup = page(language=language)
    assert "style=" not in markup
    assert "<script" not in markup
    assert re.search(r"\{\w+\}", markup) is None
    assert found_in(language, words_of(markup)) == []


def test_nothing_of_the_rules_is_markup() -> None:
    """Titles are text of whoever wrote the policies."""
    markup = page(record=SaidRecord(changed("Electricity used, by the hour", "<b>&"), said_head()))
    assert "<b>&" not in markup
    assert "&lt;b&gt;&amp;" in markup
