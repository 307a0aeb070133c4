"""Every own page in every state: in form, hindering nobody, with *stop* in reach; the whole matrix is run by `--slow`.

``tests.support.own_states`` walks; what is wrong is gathered over all states before a test fails, so that one run names it all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from consent.core.languages import LANGUAGES
from tests.support.markup import Markup
from tests.support.own_city import OwnCity, own_city
from tests.support.own_states import DAILY, HOURLY, OF_ANYONE, PRINTED, WEEKLY, own_states
from tests.support.resident import STOP, Resident, resident
from tests.support.watched import DESK, PHONE, hindrances, malformed, unreachable_by_keyboard, wider_than_its_window

HEIGHT: Final = 800
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "dark": {"color_scheme": "dark"},
    "forced": {"color_scheme": "light", "forced_colors": "active"},
}
_AS_USUAL: Final[dict[str, Any]] = {"color_scheme": "light", "forced_colors": "none"}
EXPECTED: Final = ("status of 4", "status of 5")
"""Of pages that say what is wrong the browser notes the status."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCity]:
    """A street whose meters have spoken for half a day."""
    with own_city(tmp_path_factory.mktemp("city"), households=5, kwh=(0.8, 1.3, 0.4, 0.7, 0.9)) as made:
        made.say("2026-05-04T00:00:00Z", 12)
        yield made


def walked(city: OwnCity, browser: Browser, language: str) -> Iterator[tuple[str, Resident]]:
    """Go through the states with a home of its own."""
    with resident(browser, city.origin, locale=language) as ana, resident(browser, city.origin, locale=language) as rui:
        for state in own_states(city, ana, rui, city.letters.pop()):
            yield state, ana
            assert not ana.tab.elsewhere


def in_form(ana: Resident, state: str, language: str) -> Iterator[str]:
    """Yield what is wrong with a page's form at the width it has."""
    assert ana.came is not None
    try:
        Markup(ana.came.text())
    except AssertionError as error:
        yield str(error)
    yield from malformed(ana.page, language)
    yield from (line for line in ana.tab.take_complaints() if not any(known in line for known in EXPECTED))
    if state not in OF_ANYONE and state != PRINTED and not ana.page.is_visible(f".own-acts {STOP} button"):
        yield "nothing stops everything from here"


def test_page_of_every_state_is_in_form_and_hinders_nobody(city: OwnCity, browser: Browser) -> None:
    """On a phone: well-formed, nothing to scroll sideways, *stop* in reach; nothing that axe finds on one page of each route.

    Of every state axe judges the page in the long test, which looks at all that this one does.
    """
    found: dict[str, list[str]] = {}
    judged: set[str] = set()
    for state, ana in walked(city, browser, "en"):
        wrong = list(in_form(ana, state, "en"))
        if (route := re.sub(rf"{DAILY}|{HOURLY}|{WEEKLY}|[0-9]+", "…", ana.path)) not in judged:
            judged.add(route)
            wrong += hindrances(ana.page)
        if wrong:
            found[state] = wrong
    assert found == {}


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_page_of_every_state_in_every_look(language: str, city: OwnCity, browser: Browser) -> None:
    """In each language, at both widths; in one, since they differ by none, in all colours and walked through by keyboard."""
    found: dict[str, list[str]] = {}
    for state, ana in walked(city, browser, language):
        wrong = list(in_form(ana, state, language))
        for width in (DESK, PHONE):
            ana.page.set_viewport_size({"width": width, "height": HEIGHT})
            wrong += [f"{width}: {line}" for line in wider_than_its_window(ana.page)]
            if language == LANGUAGES[0]:
                wrong += [f"{width}: {line}" for line in (*hindrances(ana.page), *unreachable_by_keyboard(ana.page))]
        wrong += hindrances(ana.page) if language != LANGUAGES[0] else in_other_colours(ana)
        if wrong:
            found[state] = wrong
    assert found == {}


def in_other_colours(ana: Resident) -> Iterator[str]:
    """Yield what axe finds of a page in the dark, and in colours that the reader's system forces."""
    for look, media in LOOKS.items():
        ana.page.emulate_media(**media)
        yield from (f"{look}: {line}" for line in hindrances(ana.page))
    ana.page.emulate_media(**_AS_USUAL)


PATHS: Final = (
    *("/my", f"/my/{DAILY}", f"/my/{HOURLY}/fine", f"/my/{WEEKLY}/confirm?answer=yes", "/my/readings", "/my/went", "/my/history"),
    *("/my/home", "/my/keys", "/my/erase", "/my/receipts/{number}", "/my/done/{number}"),
)


def test_stop_works_from_every_own_page(city: OwnCity, browser: Browser) -> None:
    """One tap takes back a yes that is in force, whichever page is open; no question comes between."""
    subject = city.subjects[len(city.letters) - 1]
    with resident(browser, city.origin) as ana:
        ana.claim(city.letters.pop())
        (mine,) = city.call("consent.show", {"subject": subject})["residents"]
        for path in PATHS:
            word = {"subject": subject, "resident": mine, "scope": DAILY, "channel": "counter"}
            number = city.call("consent.grant", word)["log_index"]
            ana.open(path.format(number=number))
            ana.stop()
            assert ana.done() > number, path
            assert "Taken back. Nothing goes." in ana.reads(), path
