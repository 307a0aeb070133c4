"""Forms as a browser sends them: only our own are taken, once, and what became of them is told truly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from consent.citizen_messages import Mine, Nobody, RequestOutcome, SessionOpened, SessionsEnded, SignInChallenge
from consent.portal.answers import Answer, Field, Form, NoSuchPage, Page, Route, SeeOther, Who
from consent.portal.app import make_app
from consent.portal.gates.citizen import OutcomeUnknownError, SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.pages.offline import OfflineView
from consent.portal.routes import ROUTES
from consent.portal.sessions.cookies import GUARD, SENT, SESSION
from consent.portal.sessions.store import WebSessions
from consent.portal.sessions.taking import HANDLING_S
from consent.portal.sessions.tries import OF_ONE_CODE
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import (
    FROM_HERE,
    HTTPS,
    NOW_MS,
    SESSION_ENDS_MS,
    TOKEN,
    SaidGate,
    SaidHome,
    SaidRecord,
    form_on,
    said_head,
    said_site,
    said_state,
    send_form,
)

POLICIES = load_policies(ROOT / "policies")
OPENED = SessionOpened(token=TOKEN, kind="passkey", ends_ms=SESSION_ENDS_MS)
DONE = RequestOutcome(is_done=True, method="consent.less", time_ms=NOW_MS, log_indices=[41])
NOT_DONE = RequestOutcome(is_done=False, method="", time_ms=0, log_indices=[])


async def show(site: Any, visit: Any, parameters: Any) -> Answer:
    """Answer with a page that has the forms of every own page."""
    return Page("unknown.html", _Shown())


class _Shown:
    kind = "not-done"

    class again:  # noqa: N801  as the view's field is called
        """A form to fill in."""

        path = ""
        request = ""
        values = {"word": "", "code": ""}  # noqa: RUF012  nobody changes it


async def take(site: Any, visit: Any, parameters: Any, form: Form) -> Answer | SeeOther:
    """Do what the form's word says."""
    token = "" if visit.signed_in is None else visit.signed_in.token
    if form["word"] in ("less", "twice"):
        await site.citizens.ask("session.end", Mine(), SessionsEnded, session=token, request=form.request)
    if form["word"] == "twice":
        await site.citizens.ask("session.challenge", Nobody(), SignInChallenge)
    if form["word"] == "wrong":
        return Page("offline.html", OfflineView(), 422)
    if form["word"] == "nothing":
        raise NoSuchPage
    if form["word"] == "fault":
        raise RuntimeError("Garden Row 7")
    return SeeOther(visit.url("/rules"), opens=OPENED if form["word"] == "come" else None, closes=form["word"] == "go")


FIELDS = (Field("word", "[a-z]*", longest=10, is_required=True), Field("code", is_code=True))
TESTED = (
    Route("/claim-like", show, "of a stranger", form=take, fields=FIELDS),
    Route("/my/word", show, "of a person", who=Who.SIGNED_IN, form=take, fields=FIELDS),
    *ROUTES,
)


def client(home: SaidHome | None = None, *, is_in: bool = True, a_minute: int = 0) -> TestClient:
    """Return a client of a portal with two more addresses."""
    site = said_site(SaidGate(said_state()), SaidRecord(POLICIES, said_head()), home=home)
    sessions = WebSessions(None, lambda: NOW_MS)
    site.config.__class__
    if a_minute:
        import msgspec

        from dataclasses import replace

        site = replace(site, config=msgspec.structs.replace(site.config, requests_per_minute=a_minute))
    made = TestClient(make_app(site, sessions, TESTED), HTTPS, raise_server_exceptions=False, follow_redirects=False)
    if is_in:
        made.cookies.set(SESSION, sessions.open(OPENED))
    return made
