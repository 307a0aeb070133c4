"""`/offline`: the one page that a browser keeps, and shows where no other can be had; see `static/sw.js`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consent.portal.answers import Answer, Page, Route
from consent.portal.site import Site
from consent.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class OfflineView:
    """The page shows nothing that could be out of date."""


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page."""
    return Page("offline.html", OfflineView(), is_of_any_time=True)


ROUTES = (Route("/offline", show, "You are offline: the page that a browser keeps"),)
