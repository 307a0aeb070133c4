"""Takes pictures of pages: of all of a page as a PNG, as printed, or of its beginning as a small WebP."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from tests.shots.states import Shown
from tests.support.watched import DESK, PHONE, watched

A4, A5 = (794, 1123), (559, 794)
"""Paper in CSS pixels, 96 to the inch."""
_THEMES: Final = ("light", "dark")
_QUALITIES: Final = (82, 72, 62, 50, 38)


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture.

    Attributes:
        file: Its name.
        state: Of the pages.
        look: Width and theme, or `print`.
    """

    file: str
    state: str
    path: str
    look: str


def pictures(browser: Browser, state: Shown, folder: Path) -> Iterator[Shot]:
    """Take the pictures of a state; yield each as soon as it is there."""
    for width in (PHONE, DESK):
        for theme in _THEMES:
            with watched(browser, state.origin, width, color_scheme=theme, locale="en") as tab:
                for path in state.paths:
                    tab.open(path)
                    yield taken(
                        tab.page, folder, Shot(_file(state, path, f"{width}-{theme}"), state.name, path, f"{width} {theme}")
                    )
    if state.name == "usual":
        yield from _printed(browser, state, folder)


def _printed(browser: Browser, state: Shown, folder: Path) -> Iterator[Shot]:
    """Take what a printer would print: a sign on A5, all else on A4."""
    for path in state.paths:
        width, height = A5 if path.endswith("/print") else A4
        with watched(browser, state.origin, width, locale="en") as tab:
            tab.page.emulate_media(media="print")
            tab.page.set_viewport_size({"width": width, "height": height})
            tab.open(path)
            yield taken(tab.page, folder, Shot(_file(state, path, "print"), state.name, path, "print"))


def taken(page: Page, folder: Path, shot: Shot) -> Shot:
    """Take one picture, of all of a page."""
    page.evaluate("document.fonts.ready")
    page.screenshot(path=folder / shot.file, full_page=True, animations="disabled")
    return shot


def _file(state: Shown, path: str, look: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-") or "home"
    return f"{state.name}-{name}-{look}.png"


def small_picture(page: Page, width: int, height: int, most_bytes: int, top: int = 0) -> bytes:
    """Return the beginning of a page, or what is so far below, as a WebP.

    Raises: ValueError: it is longer than that even at the worst quality.
    """
    page.evaluate("document.fonts.ready")
    session = page.context.new_cdp_session(page)
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    for quality in _QUALITIES:
        answer = session.send(
            "Page.captureScreenshot", {"format": "webp", "quality": quality, "clip": clip, "captureBeyondViewport": True}
        )
        picture = base64.b64decode(answer["data"])
        if len(picture) <= most_bytes:
            return picture
    raise ValueError(f"{page.url}: {len(picture)} bytes, and more than {most_bytes} are too many")
