"""`/paper/letter`: the letter of a sensor, for A4, its code filled in by hand: who asks, why, and that nothing need be done.

The crew's own sheet of cards has the codes; this page knows none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from consent.portal.answers import Answer, Page, Route
from consent.portal.sensors.qr_code import qr_code
from consent.portal.site import Site
from consent.portal.visit import Visit

_GROUPS: Final = 3
_SIGNS: Final = 4


@dataclass(frozen=True, slots=True)
class LetterView:
    """What the letter shows.

    Attributes:
        claim_address: Where the code is used, as people type it; empty where the portal does not know its own address.
        qr: The same; None likewise.
        boxes: For each group of the code, its empty boxes.
    """

    claim_address: str
    qr: Markup | None
    boxes: tuple[range, ...] = (range(_SIGNS),) * _GROUPS


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the letter."""
    address = site.config.address.rstrip("/")
    if not address:
        return Page("letter.html", LetterView("", None))
    claim = f"{address}/claim"
    return Page("letter.html", LetterView(claim.removeprefix("https://"), qr_code(claim, visit.text("letter", "qr"))))


ROUTES = (Route("/paper/letter", show, "The letter of a sensor, to be printed and its code filled in by hand"),)
