"""What the OpenAPI document allows and what it does not, asked of the portal: no fault, no status or media type undeclared.

Source of the cases: schemathesis, which draws parameters that fit the document, and those that do not. To draw one takes longer
than to answer it, so that each is asked of every portal, and by everybody, that it concerns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from consent.citizen_messages import SessionOpened, SignInChallenge
from consent.messages import Hex, Parameters, Result, plain
from consent.portal.answers import HTML
from consent.portal.app import make_app
from consent.portal.http.cookies import SESSION
from consent.portal.http.forms import token_of
from consent.portal.routes import ROUTES
from consent.portal.sessions.store import WebSessions
from consent.public_messages import FlowServed, PublicFlows
from tests.support.checkout import ROOT
from tests.support.own_home import said_home
from tests.support.own_portal import names_in
from tests.support.policy_folder import load_policies
from tests.support.portal import (
    FROM_HERE,
    NOW_MS,
    SESSION_ENDS_MS,
    TOKEN,
    SaidGate,
    SaidHome,
    SaidRecord,
    portal_client,
    said_head,
    said_site,
    said_state,
)
from tests.support.questions import asked_home

POLICIES = load_policies(ROOT / "policies")
BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
R = TypeVar("R", bound=Result)
STREAM = "/my/readings/live"
"""It has no end; tests/unit/consent/portal/afterwards asks it."""
OWN = [route.path for route in ROUTES if route.is_own and route.path != STREAM]
FORMS = [route.path for route in ROUTES if route.form is not None]
DECLARED = [status_code_conformance, content_type_conformance, response_schema_conformance]
FORM_DECLARED = [content_type_conformance, status_code_conformance]
HERE = {"host": "testserver"}


Check = Callable[[Case[Any]], None]
"""Asks a portal with a case, and looks at the answer."""


def portal(home: SaidHome | None = None, sessions: WebSessions | None = None, *, alone: bool = False) -> ASGIApp:
    """Return a portal with everything in order, or without gate and record."""
    record = SaidRecord(None) if alone else SaidRecord(POLICIES, said_head())
    return make_app(said_site(gate(away=alone), record, home=home), sessions)


@dataclass
class OwnHome(SaidHome):
    """A citizens' door at which nobody asks with the session of another than the one who is signed in."""

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """As the protocol has it."""
        if session not in ("", TOKEN):
            raise AssertionError("a session that is nobody's here")
        return await super().ask(method, params, kind, session=session, request=request)


def home() -> SaidHome:
    """Return the door of a household with questions, sensors and ways in; what it is not told to say, it is away for."""
    challenge = SignInChallenge(challenge=Hex(bytes(32)), relying_party="localhost")
    return OwnHome({**said_home().says, **asked_home().says, "session.challenge": challenge})


HOME_NAMES = {name for said in said_home().says.values() for name in names_in(plain(said))}
"""What names that household, or something of it."""


def gate(*, away: bool = False) -> SaidGate:
    """Return a gate with some numbers."""
    flows = [FlowServed(flow=flow, asked=0, permitted=0, days=[], bundles=0, records=0, last_ms=0) for flow in POLICIES.flows]
    return SaidGate(said_state(), says_flows=PublicFlows(day="2026-11-28", flows=flows), away=away)


def routes(*, with_parameters: bool = False) -> list[str]:
    """Return the addresses as the document has them; all, or those to which something can be said."""
    return [
        route.path.replace(":path}", "}") for route in ROUTES if not with_parameters or route.parameters or route.media == HTML
    ]


def ask(path: str, mode: GenerationMode, checks: Sequence[Check], method: str = "GET") -> None:
    """Ask an address with parameters that fit the document, as the portal gives it, or that do not; each check gets each case."""
    operation = schemathesis.openapi.from_asgi("/openapi.json", portal())[path][method]

    @BOUNDED
    @given(operation.as_strategy(generation_mode=mode))
    def asked(case: Case[Any]) -> None:
        for check in checks:
            check(case)

    asked()


def signed_in() -> tuple[WebSessions, str]:
    """Return the sessions of a portal, and the cookie of the one that is open."""
    sessions = WebSessions(None, lambda: NOW_MS)
    return sessions, sessions.open(SessionOpened(token=TOKEN, kind="passkey", ends_ms=SESSION_ENDS_MS))


def in_order() -> Check:
    """With everything in order there is no server error at all."""
    app = portal(home())

    def check(case: Case[Any]) -> None:
        case.call_and_validate(app=app, checks=[not_a_server_error, *DECLARED])

    return check


def portal_alone() -> Check:
    """Without gate and record nothing fails but what is declared to: 503."""
    app = portal(alone=True)

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(app=app, checks=DECLARED)
        assert response.status_code < 500 or response.status_code == 503, "without gate and record"

    return check


def own_page() -> Check:
    """To whoever is signed in, with their own session alone; 503 where the door is away for it."""
    sessions, cookie = signed_in()
    app, headers = portal(home(), sessions), {"cookie": f"{SESSION}={cookie}"}

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(app=app, checks=DECLARED, headers=headers, allow_redirects=False)
        assert response.status_code < 500 or response.status_code == 503, "to whoever is signed in"
        assert "no-store" in str(response.headers["cache-control"]) or response.status_code >= 400

    return check


def stranger() -> Check:
    """Whatever they ask, the door is not even asked."""
    said = home()
    app = portal(said)

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(app=app, checks=[not_a_server_error, *DECLARED], allow_redirects=False)
        assert response.status_code in (303, 401), "to a stranger"
        assert not [name for name in HOME_NAMES if name in response.text]
        assert said.asked == []

    return check


@pytest.mark.parametrize("path", routes())
def test_portal_answers_what_is_declared_as_it_declares(path: str) -> None:
    """In order and alone; an own page to whoever is signed in too, and of a household nothing to a stranger."""
    is_own = path in OWN
    checks = [in_order(), portal_alone(), *([own_page()] if is_own else ())]
    ask(path, GenerationMode.POSITIVE, [*checks, *([stranger()] if is_own and path.startswith("/my") else ())])


@pytest.mark.parametrize("path", dict.fromkeys([*routes(with_parameters=True), *OWN]))
def test_portal_answers_what_is_not_declared_as_it_declares(path: str) -> None:
    """In order; an own page to whoever is signed in too."""
    ask(path, GenerationMode.NEGATIVE, [in_order(), *([own_page()] if path in OWN else ())])


def foreign_form() -> Check:
    """Another site's changes nothing."""
    (sessions, cookie), said = signed_in(), home()
    app, headers = portal(said, sessions), {**HERE, "cookie": f"{SESSION}={cookie}", "origin": "https://evil.example"}

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(app=app, checks=FORM_DECLARED, headers=headers, allow_redirects=False)
        assert 400 <= response.status_code < 500 or response.status_code in (503, 504), "another site's"
        assert said.asked == []

    return check


def our_form() -> Check:
    """One of our own is taken or not, by what it holds; the case's is made one."""
    sessions, cookie = signed_in()
    app, headers = portal(home(), sessions), {**HERE, "cookie": f"{SESSION}={cookie}", **FROM_HERE}

    def check(case: Case[Any]) -> None:
        if isinstance(case.body, dict):
            case.body = {**case.body, "form": token_of(cookie)}
        response = case.call_and_validate(app=app, checks=FORM_DECLARED, headers=headers, allow_redirects=False)
        assert response.status_code < 500 or response.status_code in (503, 504), "one of our own"

    return check


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_form_answers_as_it_declares(path: str, mode: GenerationMode) -> None:
    """One of another site, and one of our own."""
    ask(path, mode, [foreign_form(), our_form()], "POST")


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A client of a portal that keeps nothing of what it was asked."""
    return portal_client(gate(), SaidRecord(POLICIES, said_head()))


@pytest.mark.parametrize("path", routes())
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method_is_taken(path: str, method: str, client: TestClient) -> None:
    """405, with what is."""
    if method == "POST" and path in FORMS:
        return
    answer = client.request(method, re.sub("{[^}]*}", "0", path))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST" if path in FORMS else "GET, HEAD")
