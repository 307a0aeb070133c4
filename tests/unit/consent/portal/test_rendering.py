"""Views become HTML, and what others wrote never becomes markup."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from consent.portal.answers import Page
from consent.portal.frame import FrameNotice, PageFrame
from consent.portal.rendering import link, render, speakers
from consent.portal.responding import ErrorView
from consent.portal.visit import Visit

HOSTILE = '<script>alert("x")</script>&'


def test_city_that_is_called_a_script_is_text() -> None:
    """Names, addresses and officers come from policies, which somebody else writes."""
    frame = PageFrame(HOSTILE, HOSTILE, HOSTILE, HOSTILE, gate="open")
    page = render(Page("errors.html", ErrorView("missing")), Visit("en", "/" + HOSTILE, (("a", HOSTILE),)), frame)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert page.count("<script") == 1


def test_gaps_are_escaped_once() -> None:
    """Text is; markup of our own is not again."""
    speak = speakers(Visit("en"), "errors")["c"]
    assert "&lt;b&gt;" in speak("run-by", name="<b>", address=Markup("<i>x</i>"))
    assert "<i>x</i>" in speak("run-by", name="<b>", address=Markup("<i>x</i>"))
    assert link('/a"b', "<c>") == '<a href="/a&#34;b">&lt;c&gt;</a>'


def test_sentence_that_is_not_there_fails_loudly() -> None:
    """In a test, and not as an empty place on a page."""
    with pytest.raises(KeyError):
        speakers(Visit("en"), "errors")["t"]("no-such-key")
    with pytest.raises(KeyError):
        render(Page("errors.html", ErrorView("missing")), Visit("en"), PageFrame(notices=(FrameNotice("nonsense", {}),)))


def test_page_names_itself_and_lets_the_keyboard_skip() -> None:
    """Title, language, a link past the header that comes first, one main part, and the colour of the browser's own frame."""
    page = render(Page("errors.html", ErrorView("missing")), Visit("pt"), PageFrame("Ribera"))
    assert '<html lang="pt">' in page
    assert "<title>Aqui não há nada – Ribera</title>" in page
    assert page.index('href="#main"') < page.index("<header")
    assert page.count("<main") == page.count("<h1") == 1
    assert page.count('name="theme-color"') == 2
