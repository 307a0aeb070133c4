"""Coming in: with a passkey by script, with a paper code without, and every way in which it is not taken."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from consent.citizen_messages import PaperTyped, SessionOpened, SignIn, SignInChallenge
from consent.core.languages import LANGUAGES
from consent.portal.joining import entrance
from consent.texts.portal import page_sentences
from tests.support.own_home import CHALLENGE, SITE, passkey, refused, signed_fields
from tests.support.portal import SESSION_ENDS_MS, SaidGate, SaidHome, said_state, send_form, signed_in_client, stranger_client
from tests.support.read_pages import record, words_of

PAPER = "K7QM-4T2X-9RHD-0B5Z"


def opened(kind: Any = "passkey", token: str = "ab" * 32) -> SessionOpened:
    """Return a session that begins."""
    return SessionOpened(token=token, kind=kind, ends_ms=SESSION_ENDS_MS)


def door(**says: object) -> SaidHome:
    """Return a door that asks for a passkey, and answers methods; `session_open` is `session.open`."""
    usual: dict[str, object] = {
        "session_challenge": SignInChallenge(challenge=CHALLENGE, relying_party=SITE),
        "session_open": opened(),
        "session_paper": opened("paper"),
    }
    return SaidHome({name.replace("_", "."): said for name, said in {**usual, **says}.items()})


def visitor(home: SaidHome) -> TestClient:
    """Return somebody who has not come in."""
    return stranger_client(SaidGate(said_state()), record(), home)


@pytest.mark.parametrize("language", LANGUAGES)
def test_any_passkey_of_this_site_may_answer(language: str) -> None:
    """No list of ids tells who has come in before; and the page leads to what works without script."""
    page = visitor(door()).get(f"/in?lang={language}").text
    assert 'data-passkey="get"' in page
    assert 'data-keys=""' in page
    assert f'href="/in/paper?lang={language}"' in page
    words = words_of(page)
    assert page_sentences("in")[language]["without.text"] in words
    assert page_sentences("passkey")[language]["script"] in words


def test_passkey_lets_its_person_in() -> None:
    """To their own page, or to where they wanted to go first."""
    for query, goes_to in (("", "/my"), ("?next=/my/went", "/my/went")):
        home = door()
        answer = send_form(visitor(home), f"/in{query}", signed_fields(passkey()), "/in")
        assert (answer.status_code, answer.headers["location"]) == (303, goes_to)
        assert "set-cookie" in answer.headers
        method, params, session, request = home.asked[-1]
        assert isinstance(params, SignIn)
        assert (method, session, len(request)) == ("session.open", "", 32)


@pytest.mark.parametrize("goes_to", ["//evil.example", "https://evil.example", "/my/../in", "/check", "/my?a", "/my/a/b/c/d"])
@pytest.mark.parametrize("page", ["/in", "/in/paper"])
def test_nobody_is_led_elsewhere_by_an_address(page: str, goes_to: str) -> None:
    """Neither by the query nor by the form."""
    values = {**signed_fields(passkey()), "code": PAPER}
    assert send_form(visitor(door()), f"{page}?next={goes_to}", values, page).headers["location"] == "/my"
    assert send_form(visitor(door()), page, {**values, "next": goes_to}, page).headers["location"] == "/my"


def test_paper_code_lets_its_person_in() -> None:
    """However it is typed."""
    home = door()
    answer = send_form(visitor(home), "/in/paper?next=/my/keys", {"code": "k7qm 4t2x-9rhd 0b5z"}, "/in/paper")
    assert (answer.status_code, answer.headers["location"]) == (303, "/my/keys")
    assert home.asked[-1][1] == PaperTyped(code="k7qm4t2x9rhd0b5z")


@pytest.mark.parametrize("code", ["", "K7QM", f"{PAPER}X", "K7QM-4T2X-9RHD-0B5!"])
def test_text_that_cannot_be_a_paper_code_is_not_asked_about(code: str) -> None:
    """The page says how such codes look."""
    home = door()
    page = send_form(visitor(home), "/in/paper", {"code": code}, "/in/paper")
    assert page.status_code == 422
    assert page_sentences("in")["en"]["wrong.paper-form"] in words_of(page.text)
    assert home.asked == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*sorted(entrance.OF_PASSKEY), "something-new"])
def test_passkey_that_is_not_taken_is_told_why(reason: str, language: str) -> None:
    """With a new challenge to try again at once, and still on the way to where the visitor wanted to go."""
    home = door(session_open=refused(reason))
    page = send_form(visitor(home), f"/in?next=/my/went&lang={language}", signed_fields(passkey()), "/in")
    said = page_sentences("in")[language]
    assert page.status_code == 422
    assert said.get(f"wrong.{reason}", said["wrong.other"]) in words_of(page.text)
    assert 'name="next" value="/my/went"' in page.text
    assert [method for method, *_ in home.asked].count("session.challenge") == 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", [*sorted(entrance.OF_PAPER), "something-new"])
def test_paper_code_that_is_not_taken_is_told_why(reason: str, language: str) -> None:
    """And the field says that it is wrong; what was typed does not come back."""
    client = visitor(door(session_paper=refused(reason)))
    page = send_form(client, f"/in/paper?lang={language}", {"code": PAPER}, "/in/paper")
    said = page_sentences("in")[language]
    assert page.status_code == 422
    assert said.get(f"wrong.{reason}", said["wrong.other"]) in words_of(page.text)
    assert 'aria-describedby="code-hint wrong"' in page.text
    assert PAPER not in page.text


def test_form_without_a_passkey_lets_nobody_in() -> None:
    """As one that was sent without script."""
    home = door()
    page = send_form(visitor(home), "/in", {}, "/in")
    assert page.status_code == 422
    assert page_sentences("in")["en"]["wrong.passkey-missing"] in words_of(page.text)
    assert "session.open" not in [method for method, *_ in home.asked]


@pytest.mark.parametrize("page", ["/in", "/in/paper"])
def test_session_whose_secret_the_gate_has_forgotten_lets_nobody_in(page: str) -> None:
    """It was opened under this id before the gate's start; a new form opens another."""
    home = door(session_open=opened(token=""), session_paper=opened("paper", ""))
    answer = send_form(visitor(home), page, {**signed_fields(passkey()), "code": PAPER}, page)
    assert answer.status_code == 422
    assert page_sentences("in")["en"]["wrong.forgotten"] in words_of(answer.text)
    assert "__Host-sluice" not in answer.headers.get("set-cookie", "")


def test_gate_that_knows_no_address_leaves_the_paper_code() -> None:
    """Passkeys belong to an address; no form asks for one then."""
    page = visitor(door(session_challenge=refused("no-address"))).get("/in")
    assert "data-passkey" not in page.text
    assert page_sentences("in")["en"]["wrong.no-address"] in words_of(page.text)
    assert 'href="/in/paper"' in page.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("done", ["left", "ended", "erased", "claimed"])
def test_page_says_what_came_before(done: str, language: str) -> None:
    """Where another page has led here."""
    page = visitor(door()).get(f"/in?done={done}&lang={language}").text
    assert page_sentences("in")[language][f"done.{done}"] in words_of(page)


@pytest.mark.parametrize("kind", ["passkey", "paper"])
def test_whoever_is_in_already_is_told_so(kind: Any) -> None:
    """And may still come in by something else, such as a passkey after the paper code."""
    client = signed_in_client(SaidGate(said_state()), record(), door(), kind)
    page = client.get("/in").text
    assert page_sentences("in")["en"][f"in.{kind}"] in words_of(page)
    assert "data-passkey" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_gate_that_is_away_lets_nobody_in_and_what_came_before_is_said(language: str) -> None:
    """Whoever has just left wants to know that they are out; and anybody is told that what was answered holds."""
    client, said = visitor(SaidHome()), page_sentences("in")[language]
    for query, status in (("", 503), ("&done=ended", 200)):
        page = client.get(f"/in?lang={language}{query}")
        assert page.status_code == status
        assert said["passkey.away"] in words_of(page.text)
        assert (said["done.ended"] in words_of(page.text)) == bool(query)
        assert "data-passkey" not in page.text
