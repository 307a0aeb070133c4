"""The page that erases everything: place by place before and after, by passkey or paper code, and never by a session alone."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import ActProved, ActWanted
from consent.core.languages import LANGUAGES
from consent.messages import SubjectErased
from consent.portal.my.acts import OF_ACTS
from consent.texts.portal import page_sentences
from tests.support.own_home import OTHER, PROOF, home_shown, passkey, refused, resident, said_home, signed_fields
from tests.support.portal import FROM_HERE, TOKEN, SaidGate, SaidHome, form_on, said_state, send_form, signed_in_client
from tests.support.read_pages import record, words_of

PAGE = "/my/erase"
PAPER = "K7QM-4T2X-9RHD-0B5Z"
PLACES = ("gate", "waiting", "pieces", "disk", "left", "copies", "record")
ERASED = SubjectErased(log_index=2415, parts_deleted=12, handed_over=[2390, 2398], scrubbed=True)


def visitor(home: SaidHome, kind: Any = "passkey") -> TestClient:
    """Return the browser of somebody who has come in."""
    return signed_in_client(SaidGate(said_state()), record(), home, kind)


def said(language: str = "en") -> Any:
    """Return the page's sentences."""
    return page_sentences("my_erase")[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_place_is_told_before_anything_is_erased(language: str) -> None:
    """Also what is out of reach, and that it is for all who live there; to look at it changes nothing."""
    home = said_home(home_shown(residents=[resident(), resident(OTHER)]))
    words = words_of(visitor(home).get(f"{PAGE}?lang={language}").text)
    for place in PLACES:
        assert said(language)[f"place.{place}"] in words
    assert said(language)["for-all.other"].format(n=2) in words
    assert said(language)["all-or-nothing"] in words
    assert [method for method, *_ in home.asked] == ["home.show"]
    alone = words_of(visitor(said_home()).get(f"{PAGE}?lang={language}").text)
    assert said(language)["first-leave"] not in alone


@pytest.mark.parametrize("language", LANGUAGES)
def test_passkey_erases_and_the_page_says_so_place_by_place(language: str) -> None:
    """In two steps; afterwards no page of one's own is offered, and the number in the record is."""
    home = said_home(act_challenge=PROOF, home_erase=ERASED)
    client = visitor(home)
    step = send_form(client, f"{PAGE}?lang={language}", {"how": "ask"}, PAGE)
    assert home.asked[-2][1] == ActWanted(act="household.erase")
    address, fields = form_on(step.text, PAGE)
    done = client.post(address, data={**fields, **signed_fields(passkey())}, headers=FROM_HERE)
    assert done.status_code == 200
    words = words_of(done.text)
    for place in PLACES:
        assert said(language)[f"place.{place}"] in words
    assert said(language)["done.pieces.other"].format(n=12) in words
    assert said(language)["done.disk"] in words
    for index in (2415, 2390, 2398):
        assert f'href="/check/{index}?lang={language}"' in done.text
    assert 'action="/my/stop' not in done.text
    method, params, session, request = home.asked[-1]
    assert isinstance(params, ActProved)
    assert params.proof
    assert (method, session, len(request)) == ("home.erase", TOKEN, 32)


def test_paper_code_erases_without_script() -> None:
    """In one step, from either kind of session."""
    for kind in ("passkey", "paper"):
        home = said_home(home_erase=ERASED)
        done = send_form(visitor(home, kind), PAGE, {"how": "paper", "code": PAPER}, PAGE)
        assert done.status_code == 200
        assert said()["done.heading"] in words_of(done.text)
        assert home.asked[-1][:3] == ("home.erase", ActProved(paper_code=PAPER), TOKEN)


def test_disk_without_room_is_told() -> None:
    """The page does not claim what was not done."""
    full = SubjectErased(log_index=1, parts_deleted=1, handed_over=[], scrubbed=False)
    words = words_of(send_form(visitor(said_home(home_erase=full)), PAGE, {"how": "paper", "code": PAPER}, PAGE).text)
    assert said()["done.disk-full"] in words
    assert said()["done.disk"] not in words
    assert said()["done.under-way"] not in words


def test_session_alone_erases_nothing() -> None:
    """Neither a form without a passkey's answer, nor one without the code, nor one that says nothing."""
    for values in ({"how": "passkey"}, {"how": "paper"}, {"how": "paper", "code": "  "}, {"how": ""}, {"how": "all"}):
        home = said_home(home_erase=ERASED)
        page = send_form(visitor(home), PAGE, {"code": "", **values}, PAGE)
        assert said()["heading"] in words_of(page.text)
        assert "home.erase" not in [method for method, *_ in home.asked]


def test_paper_session_is_not_asked_for_a_passkey() -> None:
    """There is no button that could not work."""
    page = visitor(said_home(), "paper").get(PAGE).text
    assert 'value="ask"' not in page
    assert 'value="paper"' in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*sorted(OF_ACTS), "something-new"])
def test_refusal_is_said_and_nothing_is_claimed(reason: str, language: str) -> None:
    """At each step."""
    sentences = page_sentences("passkey")[language]
    client = visitor(said_home(act_challenge=refused(reason), home_erase=refused(reason)))
    for values in ({"how": "ask"}, {"how": "passkey", **signed_fields(passkey())}, {"how": "paper", "code": PAPER}):
        page = send_form(client, f"{PAGE}?lang={language}", values, PAGE)
        assert page.status_code == 422
        assert sentences.get(f"wrong.{reason}", sentences["wrong.other"]) in words_of(page.text)
        assert said(language)["done.heading"] not in words_of(page.text)
