"""The small pictures in `docs/shots/`: which they are, and how they are made anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from tests.shots.own import HEIGHT, walked
from tests.shots.states import one_state
from tests.shots.taken import small_picture
from tests.support.checkout import ROOT
from tests.support.still_city import StillCity
from tests.support.watched import DESK, PHONE, watched

FOLDER: Final = ROOT / "docs" / "shots"
MOST_BYTES: Final = 60 * 1024
_HERO: Final = "main .hero"
"""The heading: pictures of telephones begin there, below what every page has."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that is kept.

    Attributes:
        state: As `states` has it; of a household's own pages, as ``tests.support.own_states``.
        height: In CSS pixels.
        at: What it begins with; empty: the top of the page.
    """

    name: str
    state: str
    path: str
    width: int
    height: int
    theme: str = "light"
    at: str = ""

    @property
    def file(self) -> Path:
        """Where it lies."""
        return FOLDER / f"{self.name}.webp"


KEPT: Final = (
    Kept("home", "usual", "/", DESK, 860),
    Kept("home-phone", "usual", "/?lang=es", PHONE, 780),
    Kept("sensor-phone", "usual", "/s/NQ3?lang=pt", PHONE, 780),
    Kept("flow", "larger", "/flows/energy-hourly", DESK, 1500),
    Kept("balance", "larger", "/balance", DESK, 900),
    Kept("rules", "usual", "/rules", DESK, 800),
    Kept("check-dark", "usual", "/check", DESK, 1000, "dark"),
    Kept("sign", "usual", "/s/NQ3/print", 620, 860),
)
"""Of the public pages."""
OWN: Final = (
    Kept("claim-phone", "claim-looked", "", PHONE, 1240, at=_HERO),
    Kept("question", "question-energy-hourly", "", DESK, 860, at="section:has(#answer)"),
    Kept("question-phone", "question-energy-hourly", "", PHONE, 1240, at=_HERO),
    Kept("confirm-phone", "confirm", "", PHONE, 1240, at=_HERO),
    Kept("done-phone", "done-yes", "", PHONE, 1240, at=_HERO),
    Kept("my-phone", "my-answered", "", PHONE, 1240, at=".own"),
    Kept("history-phone", "history-longer", "", PHONE, 1240, at=_HERO),
    Kept("receipt-print", "receipt-print", "", 794, 1000, at=".slip"),
    Kept("unknown-phone", "unknown-asking", "", PHONE, 620, at=_HERO),
    Kept("recovered-phone", "keys-recovered", "", PHONE, 1000, at=_HERO),
    Kept("erase-phone", "erase-sign", "", PHONE, 1240, at=_HERO),
)
"""Of a household's own."""


def keep(browser: Browser, city: StillCity, empty: Path) -> None:
    """Take those of the public pages."""
    FOLDER.mkdir(exist_ok=True)
    for kept in KEPT:
        with (
            one_state(city, empty, kept.state) as state,
            watched(browser, state.origin, kept.width, color_scheme=kept.theme, locale="en") as tab,
        ):
            tab.open(kept.path)
            tab.page.wait_for_load_state("networkidle")
            kept.file.write_bytes(small_picture(tab.page, kept.width, kept.height, MOST_BYTES))


def keep_own(browser: Browser, folder: Path) -> None:
    """Take those of a household's own pages, as its first person walks through them.

    Args:
        folder: An empty one, for the city.
    """
    FOLDER.mkdir(exist_ok=True)
    for state, page in walked(browser, folder):
        for kept in OWN:
            if kept.state == state:
                page.set_viewport_size({"width": kept.width, "height": HEIGHT})
                box = page.locator(kept.at).bounding_box() if kept.at else None
                top = 0 if box is None else round(box["y"] + page.evaluate("scrollY"))
                kept.file.write_bytes(small_picture(page, kept.width, kept.height, MOST_BYTES, top))
        page.set_viewport_size({"width": PHONE, "height": HEIGHT})
