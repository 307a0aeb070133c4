"""Who asks, as far as pages differ by it; sessions and cookies are tested as a browser has them (`test_taking`)."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from consent.portal.answers import NoSuchPage, Page, Parameter, Route
from consent.portal.http.cookies import GUARD, SESSION
from consent.portal.http.forms import token_of
from consent.portal.routes import ROUTES
from consent.portal.sessions.incoming import incoming, parameters_of
from consent.portal.sessions.sent import SentForms
from consent.portal.sessions.store import WebSessions
from tests.support.portal import NOW_MS, SaidGate, SaidRecord, said_site, said_state

SITE = said_site(SaidGate(said_state()), SaidRecord(None))


def request(path: str, headers: dict[str, str] | None = None, **found: str) -> Request:
    """Return a request whose path has these parameters."""
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": raw, "path_params": found}
    return Request({**scope, "scheme": "https", "server": ("x", 443)})


def route(path: str) -> Route:
    """Return a route of the portal."""
    return next(one for one in ROUTES if one.path == path)


@pytest.mark.parametrize(("said", "asks"), [("1", True), (" 1", True), ("0", False), ("true", False), ("", False)])
def test_browser_that_asks_for_privacy_is_heard(said: str, asks: bool) -> None:
    """`Sec-GPC: 1`, on every page."""
    sessions, sent = WebSessions(None, lambda: NOW_MS), SentForms(lambda: NOW_MS)
    for path in ("/", "/my"):
        comes = incoming(SITE, sessions, sent, route(path), request(path, {"sec-gpc": said}))
        assert comes.visit.asks_for_privacy is asks


def test_page_that_takes_no_form_knows_nobody() -> None:
    """Whatever cookie is sent along; one with a form has a token, of the cookie that it sets or finds."""
    sessions, sent = WebSessions(None, lambda: NOW_MS), SentForms(lambda: NOW_MS)
    cookie = {"cookie": f"{GUARD}={'a' * 43}; {SESSION}={'b' * 43}"}
    plain = incoming(SITE, sessions, sent, route("/rules"), request("/rules", cookie))
    assert (plain.visit.form_token, plain.new_guard, list(plain.secrets)) == ("", "", [])
    known = incoming(SITE, sessions, sent, route("/claim"), request("/claim", cookie))
    assert (known.visit.form_token, known.new_guard, known.visit.signed_in) == (token_of("a" * 43), "", None)
    fresh = incoming(SITE, sessions, sent, route("/claim"), request("/claim"))
    assert fresh.visit.form_token == token_of(fresh.new_guard)


def test_parameter_that_does_not_fit_is_absent_or_leads_nowhere() -> None:
    """In a query, and in a path."""

    async def show(*_: object) -> Page:
        raise AssertionError

    one = Route("/a/{n}", show, "", parameters=(Parameter("n", "[0-9]", "1"), Parameter("q", "x", "x", is_in_query=True)))
    assert parameters_of(one, request("/a/1", n="1")) == {"n": "1"}
    for wrong in (request("/a/11", n="11"), request("/a/1\n", n="1")):
        with pytest.raises(NoSuchPage):
            parameters_of(one, wrong)
