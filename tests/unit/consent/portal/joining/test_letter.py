"""The letter: it says that nothing need be done, where its code is used, and knows no code."""

from __future__ import annotations

import asyncio

import pytest

from consent.core.languages import LANGUAGES
from consent.portal.answers import Page
from consent.portal.config import PortalConfig
from consent.portal.joining import letter
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.texts.portal import page_sentences
from tests.support.portal import NOW_MS, SaidGate, SaidHome, said_state
from tests.support.read_pages import client, record, rules, words_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_letter_says_who_asks_and_that_nothing_need_be_done(language: str) -> None:
    """With twelve boxes for the code, in three groups; the gate is not asked."""
    page = client(record()).get(f"/paper/letter?lang={language}")
    assert page.status_code == 200
    words, said = words_of(page.text), page_sentences("letter")[language]
    assert said["nothing-is"] in words
    assert said["how-here"] in words
    assert said["who"].format(city=rules().city.name) in words
    assert page.text.count('class="box"') == 12


def test_portal_that_knows_its_address_gives_it_as_people_type_it() -> None:
    """And as a code to scan, which holds no claim code."""
    config = PortalConfig(log_folder="/nowhere", door="", address="https://sensors.ribera.example/")
    site = Site(config, record(), SaidGate(said_state()), SaidHome(), lambda: NOW_MS)
    page = asyncio.run(letter.show(site, Visit("en"), {}))
    assert isinstance(page, Page)
    assert isinstance(page.view, letter.LetterView)
    assert page.view.claim_address == "sensors.ribera.example/claim"
    assert page.view.qr is not None
    assert "svg" in page.view.qr
