"""The page after an answer: since when, how long, which number, what had left; and nothing that is not known."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.support.markup import Markup
from tests.support.page_text import LANGUAGES, main_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import NOW_MS, SaidHome, SaidRecord, said_head, send_form, signed_in_client
from tests.support.questions import DAY_MS, FLOW, asked_home, changed, offer, permitted, question, row
from tests.support.ways import shipped, speaking_gate


def client_of(home: SaidHome) -> TestClient:
    """Return a client that has come in."""
    return signed_in_client(speaking_gate(), SaidRecord(shipped(), said_head()), home)


def after(home: SaidHome, answer: str = "no", language: str = "en") -> str:
    """Send an answer, and return the page that it leads to."""
    client = client_of(home)
    sent = send_form(client, f"/my/{FLOW}", {"answer": answer}, action=f"/my/{FLOW}")
    assert sent.status_code == 303
    found = client.get(f"{sent.headers['location']}?lang={language}")
    assert found.status_code == 200
    Markup(found.text)
    return main_of(found.text)


def withdrawn(**others: object) -> SaidHome:
    """Return a household whose yes was taken back just now."""
    home = asked_home(question(row=permitted()), row(own="Withdrawn", answer="no", log_index=2418, since_ms=NOW_MS), **others)
    home.says.setdefault("consent.less", changed())
    return home


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_says_since_when_and_how_long_it_took(language: str) -> None:
    """To the second, and in milliseconds, with its number in the record."""
    words = words_of(after(withdrawn(), language=language))
    assert "01:53:20" in words
    assert " ms." in words
    assert ("2,418" if language == "en" else "2418") in words
    assert found_in(language, words) == []


def test_bundles_that_had_left_are_named() -> None:
    """What has left cannot be called back, and the page says which."""
    markup = after(withdrawn(consent_less=changed(handed_over=[2401, 2399])))
    assert "2 bundles had left already" in words_of(markup)
    assert 'href="/check/2399?lang=en">2,399</a>' in markup
    assert "What has left cannot be called back." in words_of(markup)


def test_nothing_under_way_is_said_too() -> None:
    """It is known, and good to know."""
    assert "Nothing of your home was under way." in words_of(after(withdrawn()))


def test_what_is_forgotten_is_left_out() -> None:
    """After the portal was started anew it knows neither how long it took, nor what was under way; the receipt does."""
    found = client_of(withdrawn()).get("/my/done/2418")
    words = words_of(main_of(found.text))
    assert "In force since 01:53:20 on 30 November 2026." in words
    assert " ms" not in words
    assert "Which bundles were under way stands on the receipt." in words
    assert "Nothing of your home was under way." not in words


def test_less_that_counts_from_tomorrow_says_so() -> None:
    """Figures take whoever is in them when a day begins."""
    shown = question(row=permitted(), offered=[offer("yes"), offer("less", is_more=False), offer("no")])
    home = asked_home(shown, permitted(answer="less", log_index=2418), consent_less=changed("Given"))
    markup = after(home, "less")
    assert "It counts from tomorrow (1 December 2026, 01:00) on" in words_of(markup)
    assert f'action="/my/{FLOW}?lang=en"' in markup  # stopped from here in one tap


def test_end_can_be_put_in_a_calendar() -> None:
    """Where an answer ends by itself."""
    home = asked_home(None, permitted(log_index=2418, expiry_ms=NOW_MS + 100 * DAY_MS))
    markup = main_of(client_of(home).get("/my/done/2418").text)
    assert "/my/receipts/2418.ics" in markup
    assert "ends on 10 March 2027" in words_of(markup)


def test_answer_of_a_scope_that_is_asked_no_more_has_its_number() -> None:
    """Everything was stopped, also what the rules no longer ask."""
    home = withdrawn()
    client = client_of(home)
    sent = send_form(client, f"/my/{FLOW}", {"answer": "no"}, action=f"/my/{FLOW}")
    home.says["question.list"] = asked_home(None, row("noise-hourly")).says["question.list"]
    words = words_of(main_of(client.get(sent.headers["location"]).text))
    assert "number 2,418 in the record" in words
    assert "Answered otherwise since." in words


def test_number_of_nothing_that_holds_leads_nowhere() -> None:
    """Of another household, of the past, or made up: the page is the same."""
    assert client_of(asked_home(None, row())).get("/my/done/77").status_code == 404
    assert client_of(asked_home(None, row())).get("/my/done/-1").status_code == 404
