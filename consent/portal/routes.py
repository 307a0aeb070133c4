"""The route table: every address of the portal, what answers it, and what it takes. The OpenAPI document is made from it."""

from __future__ import annotations

from typing import Final

from consent.portal.answers import Route
from consent.portal.pages import balance, flows, home, rules

ROUTES: Final[tuple[Route, ...]] = (*home.ROUTES, *flows.ROUTES, *balance.ROUTES, *rules.ROUTES)
