"""The route table: every address of the portal, what answers it, and what it takes. The OpenAPI document is made from it."""

from __future__ import annotations

from typing import Final

from consent.portal.afterwards import export, history, live, readings, receipts, went
from consent.portal.answers import Route
from consent.portal.asking import confirm, fine, question
from consent.portal.http.openapi import described
from consent.portal.joining import claim, entrance, letter
from consent.portal.my import done, erase, keys, overview
from consent.portal.my import home as household
from consent.portal.pages import balance, check, entry, files, flows, home, ideas, offline, paper, places, register, rules, signs
from consent.portal.sessions import outcome

_PAGES: Final[tuple[Route, ...]] = (
    *home.ROUTES,
    *places.ROUTES,
    *signs.ROUTES,
    *flows.ROUTES,
    *balance.ROUTES,
    *rules.ROUTES,
    *check.ROUTES,
    *entry.ROUTES,
    *ideas.ROUTES,
    *paper.ROUTES,
    *register.ROUTES,
    *files.ROUTES,
    *offline.ROUTES,
    *outcome.ROUTES,
    *claim.ROUTES,
    *entrance.ROUTES,
    *letter.ROUTES,
    *household.ROUTES,
    *keys.ROUTES,
    *erase.ROUTES,
    *receipts.ROUTES,
    *went.ROUTES,
    *live.ROUTES,
    *readings.ROUTES,
    *history.ROUTES,
    *export.ROUTES,
    *overview.ROUTES,
    *done.ROUTES,
    *question.ROUTES,  # `/my/<flow>` matches every address with one part more: these come last
    *fine.ROUTES,
    *confirm.ROUTES,
)
ROUTES: Final[tuple[Route, ...]] = (*_PAGES, described(_PAGES))
