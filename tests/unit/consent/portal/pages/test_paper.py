"""What to do without a smartphone: whom to ask, and a form with the same words and boxes of one size, in three languages."""

from __future__ import annotations

import re

import pytest

from consent.portal.sensors.contacts import contact
from consent.portal.visit import Visit
from consent.portal.ways.most_told import most_told
from consent.portal.ways.words import lead
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state
from tests.support.ways import changed, shipped


def page(language: str = "en", record: SaidRecord | None = None, *, away: bool = False) -> str:
    """Return the page's own matter."""
    gate = SaidGate(said_state(), away=away)
    answer = portal_client(gate, record or SaidRecord(shipped(), said_head())).get(f"/paper?lang={language}")
    assert answer.status_code == 200
    return main_of(answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_counter_and_telephones_are_those_of_the_rules(language: str) -> None:
    """The city's address, and of each office its number, its address and what it gets."""
    policies = shipped()
    markup = page(language)
    text = words_of(markup)
    assert policies.city.address in text
    assert policies.city.data_protection_officer in text
    for recipient in policies.recipients.values():
        assert recipient.title[language] in text
        if recipient.contact:
            asked = contact(recipient.contact)
            assert asked.text in text
            assert f'href="{asked.address}"' in markup
        assert f'href="tel:{recipient.telephone.replace(" ", "")}">{recipient.telephone}</a>' in markup


@pytest.mark.parametrize("language", LANGUAGES)
def test_form_asks_for_every_use_that_rests_on_a_yes_and_no_other(language: str) -> None:
    """With what one record is and who gets it, and three boxes each, of one kind, none of them ticked."""
    policies, visit = shipped(), Visit(language)
    form = page(language).split('<ul class="form">', 1)[1]
    asked = [flow for flow in policies.flows.values() if policies.rests_on_consent(flow)]
    questions = re.findall(r"<h3>(.*?)</h3>", form)[: len(asked)]
    for question, flow in zip(questions, asked, strict=True):
        assert flow.title[language] in words_of(question)
        assert lead(visit, policies, flow, most_told(policies, flow)[0]) in words_of(form)
    assert policies.flows["city-sensors"].title[language] not in words_of(form)
    assert form.count('<span class="box"></span>') == 3 * len(asked) + 3
    assert set(re.findall(r"<span[^>]*>", form)) == {'<span class="box">'}


@pytest.mark.parametrize("language", LANGUAGES)
def test_print_keeps_the_form_and_leaves_out_the_rest(language: str) -> None:
    """Whoever prints wants the form: all other parts are marked as not printed."""
    sections = re.findall(r'<section class="([^"]*)" aria-labelledby="([^"]*)"', page(language))
    assert [name for classes, name in sections if "np" not in classes.split()] == ["form"]


def test_page_is_the_same_without_the_gateway() -> None:
    """Whoever cannot reach it needs the telephone most."""
    states = re.compile(r'<div class="states".*?</div>', re.DOTALL)
    assert states.sub("", page(away=True)).split() == states.sub("", page()).split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_there_are_rules_nothing_is_asked(language: str) -> None:
    """No form, and no office."""
    markup = page(language, SaidRecord(None))
    assert 'class="form"' not in markup
    assert "tel:" not in markup


def test_use_that_the_rules_shut_is_not_asked_for() -> None:
    """No box for what could not leave anyway."""
    policies = changed('identity = "per-epoch"                          # nobody', 'identity = "aggregate"   # nobody')
    form = page(record=SaidRecord(policies, said_head())).split('<ul class="form">', 1)[1]
    assert policies.flows["energy-daily-totals"].title["en"] not in form
    assert policies.flows["energy-hourly"].title["en"] in form


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_has_nothing_inline_nor_unfilled_nor_to_be_avoided(language: str) -> None:
    """In each language."""
    markup = page(language)
    assert "style=" not in markup
    assert re.search(r"\{\w+\}", markup) is None
    assert found_in(language, words_of(markup)) == []


def test_contact_that_is_no_address_becomes_no_link() -> None:
    """The city's contact is free text: what is no web address stays text, and what is markup stays text too."""
    markup = page(record=SaidRecord(changed("https://ribera.example/sensors", "javascript:alert(1)<i>"), said_head()))
    assert 'href="javascript' not in markup
    assert "javascript:alert(1)&lt;i&gt;" in markup
