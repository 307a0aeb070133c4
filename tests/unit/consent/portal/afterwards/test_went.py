"""What left, by who got it: newest first, with its number, proof and last day, by pages, and nothing of other households."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from consent.core.languages import LANGUAGES
from consent.texts.portal import page_sentences
from tests.support.afterwards import DAY_MS, own_client, release, small_record, told, went
from tests.support.markup import Markup
from tests.support.portal import NOW_MS, SaidHome
from tests.support.read_pages import words_of


def page(home: SaidHome, query: str = "", proofs: dict[int, bytes] | None = None) -> str:
    """Return the page."""
    answer = own_client(home, small_record(proofs=proofs or {})).get(f"/my/went?lang=en{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_household_of_which_nothing_left_is_told_so(language: str) -> None:
    """That is how it begins."""
    text = own_client(went()).get(f"/my/went?lang={language}").text
    assert page_sentences("went")[language]["none"] in words_of(text)


def test_release_says_what_for_whom_when_and_by_when_it_is_deleted() -> None:
    """By the titles of the rules, with its number in the record."""
    text = page(went(release(20)))
    words = words_of(text)
    assert "Something of your home left 1 time" in words
    assert "Office" in words
    assert "To plan" in words
    assert "consumption, " in words
    assert 'href="/check/20?lang=en"' in text
    assert "Received." in words
    assert "It has to be deleted by 30 December 2026." in words  # 30 days after 30 November, local time
    assert "its proof will be here" in words.lower()


def test_newest_is_first_and_recipients_are_apart() -> None:
    """Each under a heading of its own; who got something last stands first."""
    text = page(went(release(20), release(21, recipient="public"), release(22)))
    found = Markup(text)
    assert [each.text for each in found.all("h2")][:2] == ["Office", "Everyone"]
    assert text.index("/check/22") < text.index("/check/20") < text.index("/check/21")


def test_of_several_days_the_last_counts_and_one_that_is_past_says_so() -> None:
    """A release may be kept as long as the most that any part of it allows."""
    records = [told(disclosure={"retention": 1}), told(disclosure={"retention": 3})]
    words = words_of(page(went(release(20, time_ms=NOW_MS - 2 * DAY_MS, records=records))))
    assert "It has to be deleted by 1 December 2026." in words
    words = words_of(page(went(release(20, time_ms=NOW_MS - 3 * DAY_MS, records=records))))
    assert "It had to be deleted by 30 November 2026." in words


def test_how_a_release_stands_is_said() -> None:
    """On its way, waiting, received or taken back: what was taken back never left, and nobody has to delete it."""
    home = went(release(20, taken_back=23), release(21, under_way="sent"), release(22, under_way="waiting"))
    text = page(home)
    words = words_of(text)
    assert "Taken back before it left, by number 23" in words
    assert 'href="/check/23?lang=en"' in text
    assert "Sent, and not yet acknowledged." in words
    assert "it can still be taken back" in words
    assert "Something of your home left 2 times" in words
    assert "deleted by" not in words_of(page(went(release(20, taken_back=23))))


def test_what_is_no_longer_kept_is_listed_without_a_recipient() -> None:
    """And after all others; its number still stands."""
    text = page(went(release(20), release(30, recipient=UNSET, records=UNSET, opening="no longer kept")))
    assert [each.text for each in Markup(text).all("h2")][:2] == ["Office", "No longer known who"]
    assert "What was in it is no longer kept." in words_of(text)


def test_where_the_household_is_alone_in_something_it_is_told() -> None:
    """Nobody hides there."""
    words = words_of(
        page(went(release(20, records=[told(), told("daily", identity="per-epoch"), told("raw", identity="per-record")])))
    )
    assert "Your home is in 3 figures of it. In 2 of them it is alone." in words
    assert "it is alone" not in words_of(page(went(release(20))))


def test_many_are_shown_by_pages() -> None:
    """All in the end, each once; the page of all recipients shows the newest few of each."""
    home = went(*[release(100 + n) for n in range(120)])
    first = page(home)
    assert first.count("<li><p>") == 5
    assert "/my/went?to=office&amp;lang=en" in first
    seen: list[str] = []
    for number in (1, 2, 3):
        text = page(home, f"&to=office&page={number}")
        seen += [each.attributes["href"] for each in Markup(text).all("a") if "/check/" in each.attributes.get("href", "")]
        assert ('rel="prev"' in text, 'rel="next"' in text) == (number > 1, number < 3)
    assert seen == [f"/check/{219 - n}?lang=en" for n in range(120)]


def test_recipient_that_got_nothing_is_nowhere() -> None:
    """Nor does a page for it say whether there is such a one."""
    assert own_client(went(release(20))).get("/my/went?to=police").status_code == 404


def test_proof_is_given_for_ones_own_releases_alone() -> None:
    """As a file; of others, and of what is not signed yet, there is none here."""
    client = own_client(went(release(20), release(22)), small_record(proofs={20: b"proof", 21: b"other"}))
    answer = client.get("/my/went/20/proof")
    assert answer.content == b"proof"
    assert 'filename="20.tlog-proof"' in answer.headers["content-disposition"]
    assert client.get("/my/went/21/proof").status_code == 404
    assert client.get("/my/went/22/proof").status_code == 404
    assert "/my/went/20/proof" in client.get("/my/went").text


def test_names_that_the_rules_do_not_know_stay_texts() -> None:
    """A use of data may be gone."""
    text = page(went(release(20, recipient="gone-office", records=[told("<b>x</b>", property="<i>y</i>")])))
    assert "gone-office" in words_of(text)
    assert "<b>x</b>" not in text
    assert "<i>y</i>" not in text
