"""One default language for every command: that of the locale where the city has it, else the city's first, else English."""

from __future__ import annotations

import pytest

from consent.core.languages import locale_language, spoken_language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, ""),
        ({"LANG": "pt_PT.UTF-8"}, "pt"),
        ({"LANG": "es"}, "es"),
        ({"LANG": "es_ES@euro"}, "es"),
        ({"LANG": "PT-br"}, "pt"),
        ({"LANG": "C.UTF-8"}, ""),
        ({"LANG": "fr_FR.UTF-8"}, ""),
        ({"LANG": "espresso"}, ""),
        ({"LANG": "pt_PT", "LC_MESSAGES": "es_ES"}, "es"),
        ({"LANG": "pt_PT", "LC_MESSAGES": "es_ES", "LC_ALL": "en_GB"}, "en"),
        ({"LANG": "pt_PT", "LC_MESSAGES": "", "LC_ALL": ""}, "pt"),
        ({"LANG": "pt_PT", "LC_ALL": "C"}, ""),
        ({"LC_TIME": "es_ES", "LANGUAGE": "es"}, ""),
    ],
)
def test_locale_is_read_in_the_order_of_posix(environment: dict[str, str], language: str) -> None:
    """The first variable that is set and not empty counts, also where it asks for none of our languages."""
    assert locale_language(environment) == language


@pytest.mark.parametrize(
    ("city", "locale", "asked", "language"),
    [
        (("en", "pt"), "pt", "", "pt"),
        (("en", "pt"), "es", "", "en"),
        (("ca", "es"), "pt", "", "es"),
        (("ca",), "", "", "en"),
        (("ca",), "pt", "", "en"),
        (("en", "pt"), "pt", "es", "es"),
        ((), "pt", "", "pt"),
        ((), "", "", "en"),
    ],
)
def test_language_falls_back_to_the_citys_first(city: tuple[str, ...], locale: str, asked: str, language: str) -> None:
    """Half a text in another language helps nobody; what is asked for is spoken all the same."""
    assert spoken_language(city, locale, asked) == language
