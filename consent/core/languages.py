"""The languages that the program itself speaks, and which one it speaks to somebody who has not said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

LANGUAGES: Final = ("en", "es", "pt")
"""As BCP 47 tags; the first is spoken where no other is asked for."""

_LOCALE_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


def locale_language(environment: Mapping[str, str]) -> str:
    """Return the language that a person's environment asks for; empty where it asks for none that we speak.

    Source: POSIX.1-2024, base definitions, 8.2: the first of the variables that is set and not empty counts.
    """
    locale = next((value for name in _LOCALE_VARIABLES if (value := environment.get(name))), "")
    language = locale.partition(".")[0].partition("@")[0].replace("-", "_").partition("_")[0].lower()
    return language if language in LANGUAGES else ""


def spoken_language(city: Sequence[str], locale: str = "", asked: str = "") -> str:
    """Return the language to speak: the one asked for, else the locale's where the city has it, else the first of the city's.

    Args:
        city: The city's languages, of which we may speak none; empty where no city is known, whose languages could be missed.
        locale: As ``locale_language`` returns it.
        asked: One of ``LANGUAGES``; empty where none was asked for.
    """
    if asked:
        return asked
    if locale and (locale in city or not city):
        return locale
    return next((each for each in city if each in LANGUAGES), LANGUAGES[0])
