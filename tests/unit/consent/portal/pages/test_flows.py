"""The page of a way out: it says what the rules and the gateway say, in three languages, and no more than either."""

from __future__ import annotations

import re
from html import escape

import pytest

from consent.core.exposure import exposures, leaving_of
from consent.core.policies.policy import PolicySet
from consent.portal.sensors.contacts import contact
from consent.portal.visit import Visit
from consent.portal.ways.most_told import most_told
from consent.portal.ways.words import how_finely, lead
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head
from tests.support.ways import LAST_MS, changed, hidden, served, shipped, speaking_gate

FLOWS = sorted(shipped().flows)
DAYS = hidden((15, 30), (20, 40), (25, 35))


def gate() -> SaidGate:
    """Return a gateway that has served every flow but one."""
    return speaking_gate(
        served("energy-hourly", 40, 30, 1440, DAYS),
        served("energy-typical-week", 40, 20),
        served("energy-daily-totals", 40, 10, 900),
        served("noise-hourly"),
        served("city-sensors", records=172_800),
    )


def page(flow: str, language: str = "en", says: SaidGate | None = None, policies: PolicySet | None = None) -> str:
    """Return the page of a flow, which is there."""
    client = portal_client(says or gate(), SaidRecord(policies or shipped(), said_head()))
    answer = client.get(f"/flows/{flow}?lang={language}")
    assert answer.status_code == 200
    return main_of(answer.text)


def away() -> SaidGate:
    """Return a gateway that does not answer."""
    silent = gate()
    silent.away = True
    return silent


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("flow", FLOWS)
def test_page_says_the_terms_of_the_rules(flow: str, language: str) -> None:
    """What, why, how finely, for whom with whom to ask, and what follows a no: word for word as the rules have it."""
    policies, visit = shipped(), Visit(language)
    asked = policies.flows[flow]
    recipient, purpose = policies.recipients[asked.recipient], policies.purposes[asked.purpose]
    told = most_told(policies, asked)[0]
    text = words_of(page(flow, language))
    expected = [
        *(asked.title[language], asked.why[language], recipient.title[language], purpose.title[language]),
        *(
            contact(recipient.contact).text,
            recipient.telephone,
            lead(visit, policies, asked, told),
            how_finely(visit, policies, told),
        ),
        *(policies.properties[name].title[language] for name in asked.properties),
        *([purpose.if_no[language]] if policies.rests_on_consent(asked) else []),
    ]
    assert [said for said in expected if said not in text] == []
    assert all(expected)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("flow", FLOWS)
def test_page_leaves_nothing_unfilled_and_nothing_inline(flow: str, language: str) -> None:
    """Neither a gap of a sentence nor what the policy for scripts and styles forbids, nor a word that is to be avoided."""
    for markup in (page(flow, language), page(flow, language, away())):
        assert "style=" not in markup
        assert "<script" not in markup
        assert re.search(r"\{\w+\}", markup) is None
        assert found_in(language, words_of(markup)) == []


def test_kept_days_are_those_that_records_state() -> None:
    """The flow asks for two years; a neighbourhood permits one, so every record says one."""
    assert "1 year at most" in words_of(page("energy-hourly"))
    assert "90 days at most" in words_of(page("energy-daily-totals"))
    assert "10 anos no máximo" in words_of(page("city-sensors", "pt"))


def test_numbers_are_those_that_the_gateway_gave() -> None:
    """How far it is open, among how many one hides, and who was served; in the reader's way of writing them."""
    text = words_of(page("energy-hourly"))
    assert "Open for about 30 of 40 homes" in text
    assert "never fewer than 15 homes. On the latest day mostly 30." in text
    assert "26 November 2026 20 40 48" in text
    assert "Bundles 30 Records in them 1,440" in text
    assert Visit("en", zone=Visit("en").zone).number(172_800) in words_of(page("city-sensors"))
    assert "172 800" in words_of(page("city-sensors", "es"))
    assert "1440" in words_of(page("energy-hourly", "pt"))


def test_time_of_the_last_bundle_is_an_hour_here() -> None:
    """In the city's time zone; of homes one by one it is a day, since the gateway rounds it to that."""
    madrid = 60 * 60 * 1000  # in winter
    hour = Visit("en").moment(LAST_MS + madrid)
    assert f"The last was made in the hour from {hour}" in words_of(page("energy-hourly"))
    assert re.search(r"The last was made on \d+ \w+ 2026", words_of(page("energy-daily-totals")))


def test_homes_one_by_one_are_never_said_to_be_none() -> None:
    """Their numbers are rounded down: `at least` so many, or too few for a number."""
    assert "Records in them at least 900" in words_of(page("energy-daily-totals"))
    few = words_of(page("energy-daily-totals", says=speaking_gate(served("energy-daily-totals", 40, 0))))
    assert "Too little for a number that hides homes, or nothing at all." in few
    assert "Open for fewer than 5 homes" in few
    assert "nothing left in that time" not in few


def test_flow_that_nobody_was_served_by_says_so() -> None:
    """The designed state of nothing yet."""
    text = words_of(page("noise-hourly"))
    assert "Among nobody yet: no figure has left in the last 30 days. A yes may be one of the first." in text
    assert "No figure is made where fewer than 15 homes are counted." in text
    assert "Nobody: nothing left in that time." in text
    assert '<svg class="wide"' not in page("noise-hourly")


def test_figures_of_very_few_are_not_said_to_hide() -> None:
    """A count with noise may be told as less than the step that it is rounded to."""
    text = words_of(page("energy-hourly", says=speaking_gate(served("energy-hourly", 40, 30, 720, hidden((0, 0), (0, 15))))))
    assert "in some figures of the last 30 days fewer than 5 homes" in text
    assert "On the latest day mostly fewer than 5." in text
    assert "26 November 2026 fewer than 5 15 48" in text
    assert "never fewer than" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_example_states_the_error_that_a_record_would(language: str) -> None:
    """Of 30 homes, as was usual of late: 1.96 · 10 / 2 kWh for the sum, 1.96 · 2.5 homes for the count; and it is made up."""
    text = words_of(page("energy-hourly", language))
    point = "." if language == "en" else ","
    assert f"12{point}25 kWh ± 9{point}8 kWh" in text
    assert f"± 4{point}9" in text
    made_up = {"en": "This one is made up", "es": "Este ejemplo es inventado", "pt": "Este exemplo é inventado"}
    assert made_up[language] in text


@pytest.mark.parametrize(("flow", "odds"), [("energy-hourly", 84), ("noise-hourly", 84), ("energy-typical-week", 62)])
def test_odds_are_those_that_exposure_computes(flow: str, odds: int) -> None:
    """Φ(μ/2): the same number that an answer is shown with."""
    policies = shipped()
    told = most_told(policies, policies.flows[flow])[0]
    (exposure,) = exposures([leaving_of(policies, flow, name, told.disclosure) for name in told.properties])
    assert exposure.times_in_100 == odds
    assert f"at most {odds} times in 100; guessing is right 50 times" in words_of(page(flow))


def test_all_uses_together_are_told_where_there_are_others() -> None:
    """Electricity is told by three flows, noise at home by one."""
    assert "If you said yes to every use of the same readings:" in words_of(page("energy-hourly"))
    assert "If you said yes to every use of the same readings:" not in words_of(page("noise-hourly"))


def test_flow_by_law_says_that_nobody_is_asked() -> None:
    """It offers no answer, names its basis, and hides nobody, since it is about nobody."""
    text = words_of(page("city-sensors"))
    assert "Open by law , nobody is asked" in text
    assert "Article 6(1)(e) of the GDPR" in text
    assert "If you say no" not in text
    assert "Nobody needs to hide" in text
    assert "Article 6(1)(a) of the GDPR" in words_of(page("energy-hourly"))


def test_article_is_named_only_where_the_regulation_is_law() -> None:
    """Elsewhere the basis is said in words alone."""
    text = words_of(page("energy-hourly", policies=changed('jurisdiction = "ES"', 'jurisdiction = "CH"')))
    assert "GDPR" not in text
    assert "Your yes. Everybody who speaks for a home must say it" in text


@pytest.mark.parametrize("flow", FLOWS)
def test_page_without_the_gateway_says_what_the_rules_alone_tell(flow: str) -> None:
    """Terms, example and odds stay; of what only the gate knows it says so, and no number."""
    text = words_of(page(flow, says=away()))
    assert shipped().recipients[shipped().flows[flow].recipient].telephone in text
    assert "This one is made up" in text
    assert "Only the gate can say, and we cannot reach it just now" in text
    assert "Bundles" not in text
    if flow != "city-sensors":
        assert "How far it is open, only the gate can say" in text


def test_gate_that_does_not_know_the_flow_yet_is_as_one_away() -> None:
    """Rules change, and for a moment the record knows of a flow that the gateway's last answer does not name."""
    assert "Only the gate can say" in words_of(page("energy-hourly", says=speaking_gate()))


@pytest.mark.parametrize("path", ["/flows/nothing-such", "/flows/Energy", "/flows/a%20b", "/flows/..%2Fcity"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_unknown_flow_is_404_in_words(path: str, language: str) -> None:
    """Also what could be no id at all, and every address before there are rules."""
    for policies in (shipped(), None):
        answer = portal_client(gate(), SaidRecord(policies)).get(f"{path}?lang={language}")
        assert answer.status_code == 404
        assert f'<html lang="{language}"' in answer.text


def test_nothing_of_the_rules_is_markup() -> None:
    """Titles and reasons are text of whoever wrote the policies."""
    hostile = "<script>alert('1')</script>"
    policies = changed("Planning the electricity grid", hostile)
    markup = page("energy-hourly", policies=policies)
    assert hostile not in markup
    assert escape(hostile, quote=False).replace("'", "&#39;") in markup
    title = page("energy-hourly", policies=changed("Electricity used, by the hour", "<b>&"))
    assert "<b>" not in title
    assert "&lt;b&gt;&amp;" in title


def test_rules_that_name_nobody_to_ask_send_to_the_city() -> None:
    """Sets in force from before there were such keys show less, and whom to ask instead."""
    policies = changed('contact = "energy@ribera.example"\ntelephone = "+34 555 010 011"\n', "")
    assert "The rules name nobody there to ask. Ask the city: https://ribera.example/sensors" in words_of(
        page("energy-hourly", policies=policies)
    )
