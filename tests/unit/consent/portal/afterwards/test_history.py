"""Everything that was said and every way in, newest first, with numbers: one's own answers alone, everybody's ways in."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from consent.citizen_messages import EnrolmentShown
from consent.core.consents.records import Status
from consent.core.disclosure import TOP, Time
from consent.core.languages import LANGUAGES
from consent.texts.portal import page_sentences
from tests.support.afterwards import DAY_MS, answered, home, own_client
from tests.support.consent_samples import BEN, NOW_MS
from tests.support.markup import Markup
from tests.support.portal import SaidHome
from tests.support.read_pages import words_of
from tests.support.receipt_samples import life, said

HOW = ("letter", "invitation", "recovery", "counter", "passkey")


def way_in(index: int, **others: object) -> EnrolmentShown:
    """Return a way in."""
    usual: dict[str, object] = {
        "is_own": True,
        "what": "passkey",
        "how": "letter",
        "time_ms": NOW_MS - DAY_MS,
        "log_index": index,
    }
    return EnrolmentShown(**{**usual, **others})  # type: ignore[arg-type]


def page(door: SaidHome, query: str = "", language: str = "en") -> str:
    """Return the page."""
    answer = own_client(door).get(f"/my/history?lang={language}{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_and_how_it_was_given_has_its_words(language: str) -> None:
    """Every status and every channel, with its number and its receipt."""
    channels = ("passkey", "session", "counter", "operator", "gateway", "portal")
    answers = [(5 + n, replace(consent, channel=channels[n % 6])) for n, consent in enumerate(life())]
    text = page(answered(answers), "", language)
    words, sentences = words_of(text), page_sentences("history")[language]
    for channel in (*channels[:5], "other"):
        assert sentences[f"channel.{channel}"] in words
    for status in Status:
        assert sentences[f"said.{status.value}"].partition("{title}")[0].strip() in words
    less = words_of(page(answered([(5, replace(said(Status.GIVEN), limits=replace(TOP, time=Time.DAY)))]), "", language))
    assert sentences["said.Given-less"].partition("{title}")[2].lstrip("»”") in less
    for index, _ in answers:
        assert f'href="/check/{index}?lang={language}"' in text
        assert f'href="/my/receipts/{index}?lang={language}"' in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_way_in_has_its_words(language: str) -> None:
    """One's own and those of others, however it came to be, and its end; none of them has a receipt."""
    cases = list(product((True, False), ("passkey", "paper", "ended"), HOW))
    door = answered([])
    door.says["home.show"] = home(
        *[way_in(n, is_own=own, what=what, how="" if what == "ended" else how) for n, (own, what, how) in enumerate(cases)]
    )
    text = page(door, "", language)
    words, sentences = words_of(text), page_sentences("history")[language]
    assert all(sentences[f"how.{how}"] in words for how in HOW)
    for whose, what in product(("own", "other"), ("passkey", "paper", "ended")):
        assert sentences[f"{whose}.{what}"] in words
    assert "/my/receipts/" not in text


def test_newest_is_first_whatever_it_is() -> None:
    """Answers and ways in stand in one list, as the record has them."""
    door = answered([(5, said(Status.GIVEN)), (9, said(Status.WITHDRAWN))])
    door.says["home.show"] = home(way_in(7), way_in(12, is_own=False, how="counter"))
    text = page(door)
    numbers = [each.text for each in Markup(text).all("td") if each.text.isdigit()]
    assert numbers == ["12", "9", "7", "5"]


def test_ways_in_of_the_counter_are_said_above_all_else() -> None:
    """They rest on the word of the city's staff alone."""
    door = answered([])
    door.says["home.show"] = home(way_in(7), way_in(12, is_own=False, how="counter"))
    words = words_of(page(door))
    assert "1 of the ways to come in was made at the counter." in words
    assert "1 of these rows is of another person" in words
    assert "made at the counter" not in words_of(page(answered([])))


def test_answers_of_another_person_are_not_shown() -> None:
    """Though the door were to tell them."""
    door = answered([(5, said(Status.GIVEN)), (6, replace(said(Status.REFUSED), resident=BEN))])
    text = page(door)
    assert "/check/5" in text
    assert "/check/6" not in text


def test_many_rows_come_by_pages() -> None:
    """Each once."""
    door = answered([(100 + n, said(Status.GIVEN)) for n in range(120)])
    seen: list[str] = []
    for number in (1, 2, 3):
        seen += [each.text for each in Markup(page(door, f"&page={number}")).all("td") if each.text.isdigit()]
    assert seen == [str(219 - n) for n in range(120)]


def test_empty_history_says_so() -> None:
    """That is how it begins."""
    assert "Nothing has happened yet." in words_of(page(answered([])))
