"""Pictures of a household's own pages, in every state through which ``tests.support.own_states`` walks.

Such a state is reached by what people do, and many follow a form, so that each is taken as it comes: width, colours and paper are
changed in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from tests.shots.taken import A4, Shot, taken
from tests.support.own_city import own_city
from tests.support.own_states import own_states
from tests.support.resident import resident
from tests.support.watched import DESK, PHONE

HEIGHT: Final = 800
STATE: Final = "own"
"""What these pictures are filed under."""
_CURVE: Final = (
    *(0.4, 0.3, 0.3, 0.3, 0.3, 0.5, 1.1, 1.6, 1.2, 0.8, 0.7, 0.8),
    *(1.2, 1.3, 0.9, 0.7, 0.7, 0.9, 1.5, 2.1, 2.4, 2.0, 1.3, 0.7),
)
"""How much of its usual hour a home uses, by hour of the day."""
_PRINTED: Final = ("claim-looked", "invite-code", "keys-kept", "receipt-print")


def walked(browser: Browser, folder: Path) -> Iterator[tuple[str, Page]]:
    """Go through the states, in a city of which two days' figures have left.

    Args:
        folder: An empty one.
    """
    with (
        own_city(folder, households=1, curve=_CURVE) as city,
        resident(browser, city.origin, timezone_id="Europe/Madrid") as ana,
        resident(browser, city.origin) as rui,
    ):
        city.day("2026-05-05", "2026-05-06T05:00:00Z")
        city.day("2026-05-06", "2026-05-07T05:00:00Z")
        for state in own_states(city, ana, rui, city.letters[0]):
            yield state, ana.page


def own_pictures(browser: Browser, city: Path, folder: Path) -> Iterator[Shot]:
    """Take all of them; yield each as soon as it is there.

    Args:
        city: An empty folder.
        folder: Where the pictures go.
    """
    for state, page in walked(browser, city):
        for width in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                yield taken(page, folder, Shot(f"own-{state}-{width}-{theme}.png", STATE, state, f"{width} {theme}"))
        page.emulate_media(color_scheme="light")
        if state in _PRINTED:
            page.emulate_media(media="print")
            page.set_viewport_size({"width": A4[0], "height": A4[1]})
            yield taken(page, folder, Shot(f"own-{state}-print.png", STATE, state, "print"))
            page.emulate_media(media="screen")
        page.set_viewport_size({"width": PHONE, "height": HEIGHT})
