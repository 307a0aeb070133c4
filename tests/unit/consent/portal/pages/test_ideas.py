"""One hard idea on a page: short, with a picture that a sentence says too, and the same with or without a gateway."""

from __future__ import annotations

import re

import pytest

from consent.portal.pages.ideas import IDEAS
from tests.support.page_text import LANGUAGES, main_of, paragraphs_of, words_of
from tests.support.plain_words import found_in
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_state
from tests.support.ways import shipped

MOST_WORDS = 150


def page(idea: str, language: str, *, away: bool = False) -> str:
    """Return the page's own matter."""
    answer = portal_client(SaidGate(said_state(), away=away), SaidRecord(shipped(), said_head())).get(
        f"/ideas/{idea}?lang={language}"
    )
    assert answer.status_code == 200
    return main_of(answer.text).split('<div class="hero">', 1)[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("idea", IDEAS)
def test_idea_takes_at_most_so_many_words(idea: str, language: str) -> None:
    """Heading, lead and text together; and it is an explanation, not a slogan."""
    words = paragraphs_of(page(idea, language)).split()
    assert 80 <= len(words) <= MOST_WORDS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("idea", IDEAS)
def test_picture_is_one_and_is_said_in_a_sentence(idea: str, language: str) -> None:
    """Who does not see it hears it; nothing in it is inline style, and its words are in the reader's language."""
    markup = page(idea, language)
    (name,) = re.findall(r'<svg viewBox="[^"]+" role="img" aria-label="([^"]+)"', markup)
    assert len(name.split()) >= 10
    assert "style=" not in markup
    assert re.search(r"\{\w+\}", markup) is None
    assert found_in(language, words_of(markup)) == []


@pytest.mark.parametrize("idea", IDEAS)
def test_languages_differ_in_every_sentence(idea: str) -> None:
    """No sentence was left in another language."""
    one, two, three = (set(re.findall(r"<(?:h1|p|text)[^>]*>([^<]{12,})<", page(idea, language))) for language in LANGUAGES)
    assert min(len(one), len(two), len(three)) >= 5
    assert one & two | one & three | two & three == set()


@pytest.mark.parametrize("idea", IDEAS)
def test_idea_is_the_same_without_a_gateway(idea: str) -> None:
    """It has no number, so nothing is missing."""
    assert page(idea, "en", away=True) == page(idea, "en")


def test_ideas_lead_to_each_other_and_no_other_is_there() -> None:
    """Each to the three others."""
    for idea in IDEAS:
        assert set(re.findall(r'href="/ideas/(\w+)\?', page(idea, "en"))) == set(IDEAS) - {idea}
    assert portal_client(SaidGate(said_state()), SaidRecord(shipped())).get("/ideas/other").status_code == 404
