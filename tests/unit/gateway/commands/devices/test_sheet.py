"""The sheet of claim codes: a card for each household, in the city's language, of which nothing runs and nothing is fetched."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from consent.core.languages import LANGUAGES
from gateway.commands.devices.sheet import Card, SheetCity, claim_address, sheet

CITY = SheetCity("Ribera", "data@ribera.example", "dpo@ribera.example")
CARD = Card("K7QM-4T2X-9RHD", "Electricity meter", "North Quay", "homes/7f3a/meter", "", "e5" * 16)


class Page(HTMLParser):
    """What stands in a page: its tags with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag and the names of its attributes."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.words += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_household_has_a_card_of_its_own_with_its_code(language: str) -> None:
    """Not one of two stands on a card of another, and none is broken over two pages."""
    other = Card("0000-1111-2222", "Meter", "Mill", "h", "id-7", "a1" * 16)
    text = sheet([CARD, other], CITY, language, 90)
    page = Page(text)
    assert page.tags.count("section") == 2
    for card, part in zip((CARD, other), text.split("<section")[1:], strict=True):
        assert card.code in part
        assert card.subject in part
    assert "90" in page.words
    assert "homes/7f3a/meter" in page.words
    assert "h · id-7" in page.words
    assert "Ribera" in page.words
    assert "break-inside: avoid" in text
    assert "size: A4" in text
    assert f'<html lang="{language}">' in text


def test_nothing_that_anybody_publishes_or_writes_is_markup() -> None:
    """Topic, id, titles and the city's name are text; the page has no script, and fetches nothing."""
    bad = "<script>alert(1)</script><img src=x onerror=y>\"'&\u202e"
    text = sheet([Card(bad, bad, bad, bad, bad, bad)], SheetCity(bad, bad, bad), "en", 90)
    page = Page(text)
    assert set(page.tags) == {"html", "head", "meta", "title", "style", "body", "section", "h1", "p"}
    assert page.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class"}
    assert "\u202e" not in text
    assert "default-src 'none'" in text


def test_sheet_without_a_new_household_says_so() -> None:
    """And one without policies to read names no city."""
    assert "No new household was registered." in Page(sheet([], None, "en", 0)).words
    assert "Who is responsible" not in sheet([CARD], None, "en", 90)


@pytest.mark.parametrize("language", LANGUAGES)
def test_card_says_where_the_code_is_typed_where_people_can_come_in(language: str) -> None:
    """Whoever finds a code alone in the letter box would not know what to do with it."""
    where = claim_address("https://sensors.ribera.example")
    assert where == "sensors.ribera.example/claim"
    assert where in Page(sheet([CARD], CITY, language, 90, where)).words
    assert claim_address("") == ""
    assert "/claim" not in sheet([CARD], CITY, language, 90)
