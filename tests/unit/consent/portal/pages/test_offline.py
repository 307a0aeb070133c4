"""The one page that a browser keeps."""

from __future__ import annotations

import pytest

from consent.portal.http.static_files import static_files
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Your answers hold, also while you are offline."),
        ("es", "Sus respuestas siguen en vigor, también mientras no tiene conexión."),
        ("pt", "As suas respostas mantêm-se, também enquanto está sem ligação."),
    ],
)
def test_page_says_what_holds_and_nothing_of_the_moment(language: str, sentence: str) -> None:
    """It is shown days later: the state of gate and record is not on it, whatever it is."""
    usual = portal_client(SaidGate(said_state()), SaidRecord(load_policies(ROOT / "policies"), said_head()))
    odd = portal_client(
        SaidGate(said_state(), away=True), SaidRecord(load_policies(ROOT / "policies"), said_head(), is_read=False)
    )
    page = usual.get(f"/offline?lang={language}").text
    assert sentence in page
    assert page == odd.get(f"/offline?lang={language}").text
    assert 'class="notice' not in page


def test_everything_that_the_worker_keeps_is_there() -> None:
    """One address that is not there, and nothing is kept."""
    client = portal_client(SaidGate(said_state()), SaidRecord(None))
    for address in ("/static/sluice.css", "/static/logo.svg", "/static/public-sans.woff2"):
        assert address in static_files()["sw.js"].body.decode()
        assert client.get(address).status_code == 200
    assert "url(public-sans.woff2)" in static_files()["sluice.css"].body.decode(), "the address that the style asks for"
