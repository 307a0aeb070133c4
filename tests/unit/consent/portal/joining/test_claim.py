"""The page that takes a code: typed, looked at, and used; every way in which it is not taken, in three languages."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import CodeConfirmed, CodeLooked, CodeTyped, SessionOpened
from consent.core.languages import LANGUAGES
from consent.messages import Hex
from consent.portal.joining import claim
from consent.texts.portal import page_sentences
from tests.support.own_home import CHALLENGE, SITE, made_fields, passkey, read, refused
from tests.support.portal import (
    FROM_HERE,
    SESSION_ENDS_MS,
    TOKEN,
    SaidGate,
    SaidHome,
    form_on,
    said_state,
    send_form,
    signed_in_client,
    stranger_client,
)
from tests.support.read_pages import record, words_of

CODE = "7K3MQX2P9RTA"
PAPER = "K7QM-4T2X-9RHD-0B5Z"
OPENED = SessionOpened(token="ab" * 32, kind="passkey", ends_ms=SESSION_ENDS_MS)


def looked(**others: Any) -> CodeLooked:
    """Return what the code of a meter's letter would do."""
    usual: dict[str, Any] = {
        "brings": "household",
        "profile": "meter",
        "zone": "north-quay",
        "residents": 0,
        "challenge": CHALLENGE,
        "user_handle": Hex(b"\x07" * 16),
        "relying_party": SITE,
        "paper_code": PAPER,
    }
    return CodeLooked(**{**usual, **others})


def door(look: object = None, confirm: object = OPENED) -> SaidHome:
    """Return a door that answers so."""
    return SaidHome({"claim.look": look or looked(), "claim.confirm": confirm})


def visitor(home: SaidHome, *, is_in: bool = False) -> TestClient:
    """Return somebody with a browser, who has come in or not."""
    gate = SaidGate(said_state())
    return signed_in_client(gate, record(), home) if is_in else stranger_client(gate, record(), home)


def typed(client: TestClient, code: str = "7k3m-qx2p 9rta", language: str = "en") -> Any:
    """Type a code, and return the page."""
    return send_form(client, f"/claim?lang={language}", {"code": code}, "/claim")


def confirmed(client: TestClient, page: str, **values: str) -> Any:
    """Confirm what a page shows."""
    address, fields = form_on(page, "/claim")
    return client.post(address, data={**fields, **values}, headers=FROM_HERE)


def test_page_asks_the_gate_nothing_before_a_code_is_sent() -> None:
    """And sends nothing by its address."""
    home = door()
    page = visitor(home).get("/claim")
    assert page.status_code == 200
    assert home.asked == []
    assert 'autocomplete="off"' in page.text
    assert "data-from-address" in page.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("brings", ["household", "person", "again"])
def test_code_is_told_in_words_before_anything_is_stored(brings: str, language: str) -> None:
    """What it is for, whose voice it joins, the paper code, and what the browser is asked; the gate was only asked to look."""
    home = door(looked(brings=brings, residents=0 if brings == "household" else 2))
    page = typed(visitor(home), language=language)
    assert page.status_code == 200
    words, said = words_of(page.text), page_sentences("claim")[language]
    assert said[f"brings.{brings}.heading"] in words
    assert said[f"brings.{brings}.then"] in words
    assert said["until-is"] in words
    assert (said["people-none"] in words) == (brings == "household")
    assert PAPER in words
    assert "north-quay" not in words
    assert [(method, params) for method, params, *_ in home.asked] == [("claim.look", CodeTyped(code=CODE.lower()))]


def test_browser_is_asked_for_a_passkey_without_anything_personal() -> None:
    """The challenge, a random handle, and a name that is everybody's."""
    page = typed(visitor(door())).text
    asked = page.partition('data-passkey="create"')[2].partition(">")[0]
    assert f'data-site="{SITE}"' in asked
    assert 'data-name="Sluice, your home"' in asked
    assert read(asked.partition('data-challenge="')[2].partition('"')[0]) == CHALLENGE


def test_passkey_brings_the_person_in() -> None:
    """With the code and challenge that were looked at, under the form’s id; the cookie comes with the way on."""
    home = door()
    client = visitor(home)
    made = passkey()
    answer = confirmed(client, typed(client).text, how="passkey", **made_fields(made))
    assert (answer.status_code, answer.headers["location"]) == (303, "/my?lang=en")
    assert "set-cookie" in answer.headers
    method, params, session, request = home.asked[-1]
    assert isinstance(params, CodeConfirmed)
    assert (method, session, params.code.upper(), params.challenge) == ("claim.confirm", "", CODE, CHALLENGE)
    assert params.registration
    assert len(request) == 32


def test_paper_code_alone_brings_the_person_in_without_script() -> None:
    """Whatever the form's other fields are."""
    home = door(confirm=SessionOpened(token="ab" * 32, kind="paper", ends_ms=SESSION_ENDS_MS))
    client = visitor(home)
    answer = confirmed(client, typed(client).text, how="paper")
    assert answer.headers["location"] == "/my?lang=en"
    params = home.asked[-1][1]
    assert isinstance(params, CodeConfirmed)
    assert not params.registration


@pytest.mark.parametrize("code", ["", "abc", "7K3M-QX2P-9RT", "7K3M-QX2P-9RTAA", "7K3M-QX2P-9RT!", "ñ" * 12])
def test_text_that_cannot_be_a_code_is_not_asked_about(code: str) -> None:
    """The page says how codes look."""
    home = door()
    page = typed(visitor(home), code)
    assert page.status_code == 422
    assert page_sentences("claim")["en"]["wrong.code-form"] in words_of(page.text)
    assert home.asked == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", ["code-unknown", "code-old", "code-other-home", "too-many", "no-address", "something-new"])
def test_code_that_is_not_taken_is_told_why(reason: str, language: str) -> None:
    """At the look and at its use, in words with what to do; and the field says that it is wrong."""
    said = page_sentences("claim")[language]
    wanted = said.get(f"wrong.{reason}", said["wrong.other"])
    page = typed(visitor(door(look=refused(reason))), language=language)
    assert page.status_code == 422
    assert wanted in words_of(page.text)
    assert 'aria-invalid="true"' in page.text
    assert 'aria-describedby="code-hint wrong"' in page.text
    client = visitor(door(confirm=refused(reason)))
    page = confirmed(client, typed(client, language=language).text, how="paper")
    assert page.status_code == 422
    assert wanted in words_of(page.text)
    assert "in its own words" not in page.text


@pytest.mark.parametrize("reason", ["challenge-old", "passkey-refused"])
def test_code_that_is_still_good_is_shown_anew(reason: str) -> None:
    """With another paper code: the page says that what was written down before does not count."""
    home = door(confirm=refused(reason))
    client = visitor(home)
    page = typed(client).text
    home.says["claim.look"] = looked(paper_code="AAAA-BBBB-CCCC-DDDD")
    again = confirmed(client, page, how="passkey", **made_fields(passkey()))
    assert again.status_code == 422
    words = words_of(again.text)
    assert page_sentences("claim")["en"][f"wrong.{reason}"] in words
    assert "AAAA-BBBB-CCCC-DDDD" in words
    assert PAPER not in words


def test_form_that_brings_no_passkey_uses_no_code() -> None:
    """As one that was sent without script."""
    home = door()
    client = visitor(home)
    page = confirmed(client, typed(client).text, how="passkey")
    assert page.status_code == 422
    assert page_sentences("claim")["en"]["wrong.passkey-missing"] in words_of(page.text)
    assert "claim.confirm" not in [method for method, *_ in home.asked]


@pytest.mark.parametrize("challenge", ["", "xyz", "00"])
def test_challenge_that_is_none_leads_to_a_new_look(challenge: str) -> None:
    """Whoever changes the form gets the page again."""
    home = door()
    client = visitor(home)
    page = confirmed(client, typed(client).text, how="paper", challenge=challenge)
    assert page.status_code == 422
    assert page_sentences("claim")["en"]["wrong.challenge-old"] in words_of(page.text)
    assert "claim.confirm" not in [method for method, *_ in home.asked]


def test_sensors_code_adds_it_to_the_home_that_is_in() -> None:
    """With the session, without a passkey; and it leads to the household."""
    home = door(looked(brings="device", paper_code=""))
    client = visitor(home, is_in=True)
    page = typed(client)
    words, said = words_of(page.text), page_sentences("claim")["en"]
    assert said["brings.device.heading"] in words
    assert said["paper.heading"] not in words
    assert "data-passkey" not in page.text
    answer = confirmed(client, page.text, how="sensor")
    assert answer.headers["location"] == "/my/home?done=sensor&lang=en"
    assert [session for _, _, session, _ in home.asked] == [TOKEN, TOKEN]


def test_use_whose_secret_the_gate_has_forgotten_leads_to_the_entrance() -> None:
    """The code was used; nobody is let in by an empty token."""
    client = visitor(door(confirm=SessionOpened(token="", kind="passkey", ends_ms=SESSION_ENDS_MS)))
    answer = confirmed(client, typed(client).text, how="paper")
    assert answer.headers["location"] == "/in?done=claimed&lang=en"


def test_name_that_the_rules_do_not_know_is_shown_as_it_is() -> None:
    """And never as markup."""
    page = typed(visitor(door(looked(profile="<b>p</b>", zone="<i>z</i>"))))
    assert "<b>p</b>" not in page.text
    assert "<b>p</b>, <i>z</i>" in words_of(page.text)


def test_every_reason_has_its_sentence() -> None:
    """So that no reason of the gate's ends in an error of the page's."""
    said = page_sentences("claim")["en"]
    for reason in (*claim.OF_CODE, *claim.OF_USE):
        assert f"wrong.{reason}" in said
