"""The eight small pictures in `docs/shots/`: which they are, and how they are made anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from tests.shots.states import one_state
from tests.shots.taken import small_picture
from tests.support.checkout import ROOT
from tests.support.still_city import StillCity
from tests.support.watched import DESK, PHONE, watched

FOLDER: Final = ROOT / "docs" / "shots"
MOST_BYTES: Final = 60 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that is kept.

    Attributes:
        state: As `states` has it.
        height: From the top of the page, in CSS pixels.
    """

    name: str
    state: str
    path: str
    width: int
    height: int
    theme: str = "light"

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


def keep(browser: Browser, city: StillCity, empty: Path) -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    for kept in KEPT:
        with (
            one_state(city, empty, kept.state) as state,
            watched(browser, state.origin, kept.width, color_scheme=kept.theme, locale="en") as tab,
        ):
            tab.open(kept.path)
            tab.page.wait_for_load_state("networkidle")
            kept.file.write_bytes(small_picture(tab.page, kept.width, kept.height, MOST_BYTES))
