"""The sentences of the portal's pages: without the field's terms, which their readers need not know, and whole in number."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from consent.core.languages import LANGUAGES
from consent.texts.load import sentences
from consent.texts.portal import page_sentences
from tests.support.checkout import ROOT
from tests.support.plain_words import AVOIDED, EVERYWHERE, found_in

FOLDER = ROOT / "consent" / "texts" / "portal"


def parts() -> Iterator[str]:
    """Go through the parts of the pages' sentences."""
    yield from sorted({file.name.split(".")[0] for file in Path(FOLDER).glob("*.toml")})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", list(parts()))
def test_pages_speak_without_the_fields_terms(part: str, language: str) -> None:
    """A word of the list in a sentence names the sentence, so that it can be said in other words."""
    said = {key: found_in(language, text) for key, text in page_sentences(part)[language].items()}
    assert {key: words for key, words in said.items() if words} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_odds_that_pages_show_speak_without_them_too(language: str) -> None:
    """They are those of answers and explanations."""
    odds = [text for key, text in sentences("explanation")[language].items() if key.startswith(("odds.", "time.", "area."))]
    assert odds
    assert [found_in(language, text) for text in odds] == [[]] * len(odds)


@pytest.mark.parametrize("language", LANGUAGES)
def test_list_finds_what_it_names(language: str) -> None:
    """Whole words alone: what is to be avoided is found, and `avoid` itself is not."""
    for word in (*EVERYWHERE, *AVOIDED[language]):
        assert word in found_in(language, f"({word.capitalize()}).")
    assert found_in("en", "Avoid the subjective; look.") == []


@pytest.mark.parametrize("part", list(parts()))
def test_every_number_has_both_its_forms(part: str) -> None:
    """A sentence for one has another for more, which says how many."""
    said = page_sentences(part)["en"]
    forms = (".one", ".other")
    stems = {key.rpartition(".")[0] for key, text in said.items() if key.endswith(forms) and "{n}" in text}
    for stem, language in product(stems, LANGUAGES):
        texts = page_sentences(part)[language]
        assert "{n}" in texts[f"{stem}.other"]


def test_part_that_is_nowhere_is_an_error() -> None:
    """A page whose sentences are missing is found by its first test, not by its first reader."""
    with pytest.raises(FileNotFoundError):
        page_sentences("nothing-such")
