"""Watches the portal's pages in a browser: what a page must never do, whom its form hinders, and where no keyboard leads.

Playwright's synchronous calls keep an event loop running in the thread that makes them, so that a module with them has no
asynchronous test, and gives its browser back at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise, takewhile
from typing import Any, Final

from playwright.sync_api import Browser, Page, Response

from tests.support.browser import HANG_MS

PHONE, DESK = 360, 1280
"""The widths at which pages are looked at."""
_HEIGHT: Final = 800


@dataclass(slots=True)
class Watched:
    """A tab, and what its pages did that they must not.

    Attributes:
        page: The tab.
        origin: Of the portal.
        complaints: Errors and warnings on the console, among them what the content security policy forbade, and failures.
        elsewhere: Addresses asked for that are not the portal's.
    """

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def open(self, path: str) -> Response:
        """Load a page of the portal, all that it needs included."""
        response = self.page.goto(self.origin + path, wait_until="load")
        assert response is not None
        return response

    def take_complaints(self) -> list[str]:
        """Return what was wrong since the last time."""
        found = [*self.complaints, *(f"asks elsewhere: {address}" for address in self.elsewhere)]
        self.complaints.clear()
        self.elsewhere.clear()
        return found


@contextmanager
def watched(browser: Browser, origin: str, width: int, **settings: Any) -> Iterator[Watched]:
    """Open a tab that takes note of all that a page must not do.

    Args:
        origin: As `http://127.0.0.1:8460`, without a slash at its end.
        width: Of the window, in CSS pixels.
        settings: More of Playwright's, as `java_script_enabled`.
    """
    context = browser.new_context(viewport={"width": width, "height": _HEIGHT}, reduced_motion="reduce", **settings)
    context.set_default_timeout(HANG_MS)
    page = context.new_page()
    seen = Watched(page, origin)

    def said(message: Any) -> None:
        if message.type in ("error", "warning"):
            seen.complaints.append(f"{message.type}: {message.text}")

    def asked(request: Any) -> None:
        if not request.url.startswith((f"{origin}/", "data:", "blob:")):
            seen.elsewhere.append(request.url)

    page.on("console", said)
    page.on("pageerror", lambda error: seen.complaints.append(f"fails: {error}"))
    page.on("request", asked)
    try:
        yield seen
    finally:
        context.close()


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


_MAKE_AXE: Final = "() => { if (!window.axe && window.makeAxe) window.makeAxe(); return 'axe' in window; }"


def hindrances(page: Page) -> list[str]:
    """Return what axe-core finds on a page that hinders someone: a rule, and where it is broken."""
    if not page.evaluate(_MAKE_AXE):
        page.evaluate(_axe())
        page.add_init_script(f"window.makeAxe = () => {{\n{_axe()}\n}};")  # half a megabyte, sent once and not to every page
    found = page.evaluate(
        "() => axe.run({resultTypes: ['violations']}).then(all => all.violations.map("
        "one => [one.id, one.help, one.nodes.slice(0, 3).map(node => node.target.join(' ') + ': ' + node.failureSummary)]))"
    )
    return [f"{rule} ({said}): {'; '.join(nodes)}" for rule, said, nodes in found]


OUTLINE: Final = """() => ({
    language: document.documentElement.lang,
    headings: [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(each => Number(each.tagName[1])),
    cookie: document.cookie,
    width: document.documentElement.clientWidth,
    reaches: document.documentElement.scrollWidth,
})"""
"""What is asked of a page to know its form."""


def malformed(page: Page, language: str) -> list[str]:
    """Return what is wrong with a page's form: language, headings, cookies, and what reaches beyond its width."""
    form = page.evaluate(OUTLINE)
    levels = form["headings"]
    found = []
    if form["language"] != language:
        found.append(f"its language is `{form['language']}`, not `{language}`")
    if levels.count(1) != 1 or levels[0] != 1:
        found.append(f"its headings are {levels}: not one of the first level, at the beginning")
    found += [f"a heading of level {after} follows one of {before}" for before, after in _steps(levels) if after > before + 1]
    if form["cookie"]:
        found.append(f"it sets a cookie: {form['cookie']}")
    return [*found, *wider_than_its_window(page)]


def wider_than_its_window(page: Page) -> list[str]:
    """Return what has to be scrolled sideways."""
    form = page.evaluate(OUTLINE)
    if form["reaches"] <= form["width"]:
        return []
    culprits = page.evaluate(
        "() => [...document.querySelectorAll('body *')].filter(each => each.getBoundingClientRect().right > "
        "document.documentElement.clientWidth + 0.5 && !each.closest('.vh,.skip')).slice(0, 4).map(each => "
        "`${each.tagName}.${each.getAttribute('class')} ${(each.textContent || '').trim().slice(0, 40)}`)"
    )
    return [f"it is {form['reaches']} pixels wide in {form['width']}: {culprits}"]


def _steps(levels: list[int]) -> Iterator[tuple[int, int]]:
    return pairwise(levels)


_REACHABLE: Final = """() => {
    const start = document.createElement('span');
    start.tabIndex = -1;
    document.body.prepend(start);
    start.focus();
    start.remove();
    const groups = {};
    const isStop = each => each.type !== 'radio' || each === (groups[each.name] ??=
        document.querySelector(`input[type="radio"][name="${each.name}"]:checked`) ?? each);
    const walked = [...document.querySelectorAll('a[href],button,summary,input,select,textarea,[tabindex="0"]')].filter(
        each => each.checkVisibility({visibilityProperty: true}) && !each.disabled && isStop(each));
    const named = (each, label) => each.tagName.toLowerCase() + ' ' + (label || each.textContent || '').trim().slice(0, 40);
    const focused = () => {
        const here = document.activeElement;
        if (!here || here === document.body) return null;
        const style = getComputedStyle(here), box = here.getBoundingClientRect();
        return {
            number: walked.indexOf(here),
            name: named(here, here.getAttribute('aria-label')),
            outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
            shown: box.width && box.right > 0 && box.left < innerWidth && box.height && box.bottom > 0 && box.top < innerHeight,
            skips: here.classList.contains('skip'),
        };
    };
    const stops = [], note = () => stops.push(focused());
    addEventListener('keydown', note, true);
    window.stopped = () => (removeEventListener('keydown', note, true), note(), stops.slice(1));
    return walked.map(each => named(each));
}"""
"""Begins anew at the top of the page. Of a group of radio buttons the tabulator key reaches one, and arrows the others.

Where a step has led is noted as the next one begins: the page has scrolled there by then, and nobody asks after each step.
"""
_STOPS_OF_A_DATE: Final = 4
"""Day, month, year and what opens the calendar."""


def unreachable_by_keyboard(page: Page) -> list[str]:
    """Walk through a page with the tabulator key; return what is not reached, or not seen when it is."""
    names = page.evaluate(_REACHABLE)
    dates = page.locator('input[type="date"]').count()
    for _ in range(len(names) + 2 + dates * (_STOPS_OF_A_DATE - 1)):
        page.keyboard.press("Tab")
    stops = list(takewhile(lambda here: here is not None, page.evaluate("() => window.stopped()")))
    found = []
    if stops and not stops[0]["skips"]:
        found.append(f"the first step leads to {stops[0]['name']}, not to what skips the navigation")
    found += [f"{here['name']} has the focus and does not show it" for here in stops if not (here["outlined"] and here["shown"])]
    reached = {here["number"] for here in stops}
    return [*found, *(f"{name} is not reached" for number, name in enumerate(names) if number not in reached)]
