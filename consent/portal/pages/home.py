"""`/`: what is sensed here, the only ways out, and how far each gate is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consent.portal.answers import Answer, Page, Route
from consent.portal.site import Site
from consent.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class HomeView:
    """What the page shows."""

    place: str


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page."""
    policies = site.record.policies
    return Page("home.html", HomeView("" if policies is None else policies.city.name))


ROUTES = (Route("/", show, "What is sensed here"),)
