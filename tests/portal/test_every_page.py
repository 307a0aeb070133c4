"""Every page of the portal over a played city, in a real browser: languages, widths, colours, keyboard, no script, paper.

What is wrong is gathered over all pages before a test fails, so that one run names all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from consent.core.languages import LANGUAGES
from tests.shots.states import states
from tests.support.addresses import MISSING, all_pages, one_of_each
from tests.support.still_city import StillCity
from tests.support.watched import (
    DESK,
    PHONE,
    Watched,
    hindrances,
    malformed,
    unreachable_by_keyboard,
    watched,
    wider_than_its_window,
)

pytestmark = pytest.mark.slow

NARROWEST = 320
A5_POINTS = (419.5, 595.3)
"""148 and 210 mm in points of a PDF."""
_SCRIPTED = "#browser, #verdict, [data-passkey], [data-print]"
"""What the script of `/check` writes into, and what takes a script and says so: passkeys, and a button that prints."""


def opened(tab: Watched, path: str, language: str) -> list[str]:
    """Open a page in a language; return what is wrong with how it came, and with its form."""
    status = tab.open(f"{path}?lang={language}").status
    wanted = 404 if path == MISSING else 200
    return [*([] if status == wanted else [f"status {status}"]), *malformed(tab.page, language)]


def complaints(tab: Watched, path: str) -> list[str]:
    """Return what the browser complained of; that there is nothing at an address is no complaint where there should not be."""
    return [line for line in tab.take_complaints() if not (path == MISSING and "404" in line)]


def gathered(pages: Iterator[tuple[str, list[str]]]) -> Mapping[str, list[str]]:
    """Return what is wrong, by page."""
    return {page: wrong for page, wrong in pages if wrong}


def squeezed(tab: Watched) -> list[str]:
    """Return what has to be scrolled sideways at 320 px, which is 1280 px at 400 %, and at 360 px with text twice as large."""
    tab.page.set_viewport_size({"width": NARROWEST, "height": 800})
    found = wider_than_its_window(tab.page)
    tab.page.set_viewport_size({"width": PHONE, "height": 800})
    tab.page.evaluate("document.documentElement.style.fontSize = '200%'")
    return [*found, *(f"with large text {line}" for line in wider_than_its_window(tab.page))]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_page_is_well_formed_and_hinders_nobody(language: str, width: int, city: StillCity, browser: Browser) -> None:
    """In each language and at both widths: no error, nothing from elsewhere, no cookie, nothing to scroll sideways.

    Axe looks at every page once, and at one of each route in every language: what it judges differs by little else.
    """
    judged = all_pages(city) if (language, width) == (LANGUAGES[0], PHONE) else one_of_each(city)

    def looked_at() -> Iterator[tuple[str, list[str]]]:
        with watched(browser, city.origin, width, locale=language) as tab:
            for path in all_pages(city):
                wrong = opened(tab, path, language)
                if path in judged and (language == LANGUAGES[0] or width == PHONE):
                    wrong += hindrances(tab.page)
                wrong += squeezed(tab) if width == PHONE else []
                yield path, wrong + complaints(tab, path)

    assert gathered(looked_at()) == {}


@pytest.mark.parametrize("colours", [{"color_scheme": "dark"}, {"forced_colors": "active"}], ids=["dark", "forced"])
def test_page_hinders_nobody_in_other_colours(colours: dict[str, Any], city: StillCity, browser: Browser) -> None:
    """Contrast and focus hold in the dark, and in colours that the reader's system forces."""

    def looked_at() -> Iterator[tuple[str, list[str]]]:
        with watched(browser, city.origin, DESK, locale="en", **colours) as tab:
            for path in one_of_each(city):
                tab.open(path)
                yield path, hindrances(tab.page)

    assert gathered(looked_at()) == {}


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_page_is_walked_by_keyboard(width: int, city: StillCity, browser: Browser) -> None:
    """The first step skips the navigation; every link and button is reached, and shows that it is."""

    def looked_at() -> Iterator[tuple[str, list[str]]]:
        with watched(browser, city.origin, width, locale="en") as tab:
            for path in one_of_each(city):
                tab.open(path)
                yield path, unreachable_by_keyboard(tab.page)

    assert gathered(looked_at()) == {}


def test_page_tells_the_same_without_script(city: StillCity, browser: Browser) -> None:
    """All but what the visitor's own browser checks, which says that it needs one."""
    told: list[dict[str, str]] = []
    for with_script in (True, False):
        with watched(browser, city.origin, PHONE, locale="en", java_script_enabled=with_script) as tab:
            told.append({path: _text(tab, path) for path in all_pages(city)})
    assert {path for path, text in told[0].items() if text != told[1][path]} == set()
    assert "Your browser runs no script here" in _without_script(city, browser, "/check")


def _text(tab: Watched, path: str) -> str:
    """Return what a page says, but for what a script writes and for times that pass."""
    tab.open(path)
    tab.page.evaluate(f"document.querySelectorAll('{_SCRIPTED}').forEach(each => each.remove())")
    return re.sub(r"\d+ (seconds?|minutes?) ago", "… ago", tab.page.inner_text("main"))


def _without_script(city: StillCity, browser: Browser, path: str) -> str:
    with watched(browser, city.origin, PHONE, locale="en", java_script_enabled=False) as tab:
        tab.open(path)
        return tab.page.inner_text("main")


def test_sign_is_one_page_of_a5(city: StillCity, browser: Browser) -> None:
    """Of every sign, in each language: what is printed fits the sheet that hangs at the sensor."""
    signs = [path for path in all_pages(city) if path.endswith("/print")]
    assert signs
    found = {}
    with watched(browser, city.origin, DESK) as tab:
        for path in signs:
            for language in LANGUAGES:
                tab.open(f"{path}?lang={language}")
                pages = _sheets(tab.page.pdf(prefer_css_page_size=True))
                if len(pages) != 1 or any(abs(has - should) > 2 for has, should in zip(pages[0], A5_POINTS, strict=True)):
                    found[f"{path} {language}"] = pages
    assert found == {}


def _sheets(pdf: bytes) -> Sequence[tuple[float, float]]:
    """Return the size of each page of a PDF as Chromium writes it, in points."""
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", pdf)
    return [(float(width), float(height)) for width, height in boxes]


def test_page_of_every_state_hinders_nobody(city: StillCity, browser: Browser, tmp_path: Path) -> None:
    """Nothing yet, gate away, record still, at fault, failed: a page all the same, in form, with the status that fits."""
    found: dict[str, list[str]] = {}
    seen = set()
    for state in states(city, tmp_path):
        if state.origin == city.origin:
            continue
        seen.add(state.name)
        with watched(browser, state.origin, PHONE, locale="en") as tab:
            for path in state.paths:
                status = tab.open(path).status
                wrong = [*malformed(tab.page, "en"), *hindrances(tab.page)]
                if status not in _STATUS.get(state.name, {200}):
                    wrong.append(f"status {status}")
                if wrong:
                    found[f"{state.name} {path}"] = wrong
    assert found == {}
    assert seen == {"larger", "nothing", "away", "still", "fault", "failed"}


_STATUS = {"away": {200, 503}, "failed": {404, 500}}
"""Those that fit a state; of others all is well."""
