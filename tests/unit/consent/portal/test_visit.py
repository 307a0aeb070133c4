"""The reader's way: language, numbers, dates, links."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from consent.portal.visit import Visit, language_of, midnight_ms

AT_MS = 1_795_995_200_000  # 2026-11-29 23:33:20 UTC


@pytest.mark.parametrize(
    ("asked", "accepted", "found"),
    [
        ("pt", "es", ("pt", True)),
        ("xx", "es", ("es", False)),
        ("", "", ("es", False)),
        ("", "fr, de", ("es", False)),
        ("", "fr, pt-BR;q=0.8, en;q=0.5", ("pt", False)),
        ("", "EN-gb", ("en", False)),
        ("", "pt;q=0, en;q=0.1", ("en", False)),
        ("", "en;q=9, pt;q=0.2", ("pt", False)),
        ("", "," * 10_000 + "pt", ("es", False)),
        ("", "pt" * 100_000, ("es", False)),
        ("EN", "", ("es", False)),
    ],
)
def test_language_is_the_addresss_then_the_browsers_then_the_citys(asked: str, accepted: str, found: tuple[str, bool]) -> None:
    """And nothing that a browser may send breaks that."""
    assert language_of(asked, accepted, ("es", "en")) == found


@pytest.mark.parametrize(
    ("language", "value", "digits", "text"),
    [
        ("en", 9600, None, "9,600"),
        ("es", 9600, None, "9600"),
        ("pt", 12345, None, "12\N{NO-BREAK SPACE}345"),
        ("es", 1234567.5, 1, "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,5"),
        ("en", -0.5, None, "\N{MINUS SIGN}0.5"),
        ("en", 0, None, "0"),
        ("pt", 61.25, 1, "61,2"),
        ("en", 100, None, "100"),
    ],
)
def test_number_is_written_the_readers_way(language: str, value: float, digits: int | None, text: str) -> None:
    """Groups, point and sign."""
    assert Visit(language).number(value, digits) == text


def test_dates_are_local_and_days_are_utc() -> None:
    """Just before midnight UTC it is tomorrow in Madrid; a UTC day stays that day."""
    madrid = Visit("es", zone=ZoneInfo("Europe/Madrid"))
    assert madrid.date(AT_MS) == "30 de noviembre de 2026"
    assert madrid.time(AT_MS, seconds=True) == "00:33:20"
    assert Visit("en").moment(AT_MS) == "29 November 2026, 23:33"
    assert madrid.day("2026-11-29") == "29 de noviembre de 2026"
    assert Visit("pt").day("2026-03-01") == "1 de março de 2026"


def test_links_carry_a_chosen_language_on_and_nothing_else() -> None:
    """And the language's own links keep what the page was asked."""
    chosen = Visit("pt", "/balance", (("day", "2026-11-28"), ("x", "a&b")), is_chosen=True)
    assert chosen.url("/check#how", n=7) == "/check?n=7&lang=pt#how"
    assert Visit("pt").url("/check") == "/check"
    assert chosen.in_language("es") == "/balance?day=2026-11-28&x=a%26b&lang=es"


def test_title_is_in_the_readers_language_or_in_any() -> None:
    """A policy may lack one."""
    assert Visit("pt").title({"es": "ruido", "pt": "ruído"}) == "ruído"
    assert Visit("en").title({"es": "ruido"}) == "ruido"
    assert Visit("en").title({}) == ""


def test_day_begins_at_midnight_utc() -> None:
    """Days of the public's numbers are UTC days, wherever the city is."""
    assert midnight_ms("1970-01-01") == 0
    assert midnight_ms("2026-11-29") <= AT_MS < midnight_ms("2026-11-30")
    assert midnight_ms("2026-11-29") % 86_400_000 == 0
