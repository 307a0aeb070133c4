"""What the OpenAPI document allows and what it does not, asked of the portal: no fault, no status or media type undeclared.

Source of the cases: schemathesis, which draws parameters that fit the document, and those that do not, and other methods.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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


def schema(
    gate: SaidGate, record: SaidRecord, home: SaidHome | None = None, sessions: WebSessions | None = None
) -> schemathesis.BaseSchema:
    """Return the document of a portal that stands on them, as the portal gives it."""
    return schemathesis.openapi.from_asgi("/openapi.json", make_app(said_site(gate, record, home=home), sessions))


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


def ask(
    schema: schemathesis.BaseSchema, path: str, mode: GenerationMode, check: Callable[[Case[Any]], None], method: str = "GET"
) -> None:
    """Ask an address with parameters that fit the document, or that do not."""
    operation = schema[path][method]

    @BOUNDED
    @given(operation.as_strategy(generation_mode=mode))
    def asked(case: Case[Any]) -> None:
        check(case)

    asked()


@pytest.mark.parametrize(
    ("path", "mode"),
    [(path, GenerationMode.POSITIVE) for path in routes()]
    + [(path, GenerationMode.NEGATIVE) for path in routes(with_parameters=True)],
)
def test_portal_answers_as_it_declares(path: str, mode: GenerationMode) -> None:
    """With everything in order there is no server error at all."""

    def check(case: Case[Any]) -> None:
        case.call_and_validate(checks=[not_a_server_error, *DECLARED])

    ask(schema(gate(), SaidRecord(POLICIES, said_head()), home()), path, mode, check)


@pytest.mark.parametrize("path", routes())
def test_portal_alone_answers_as_it_declares(path: str) -> None:
    """Without gate and record nothing fails but what is declared to: 503."""

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(checks=DECLARED)
        assert response.status_code < 500 or response.status_code == 503

    ask(schema(gate(away=True), SaidRecord(None)), path, GenerationMode.POSITIVE, check)


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_own_page_answers_as_it_declares(path: str, mode: GenerationMode) -> None:
    """To whoever is signed in, with their own session alone; 503 where the door is away for it."""
    sessions = WebSessions(None, lambda: NOW_MS)
    cookie = sessions.open(SessionOpened(token=TOKEN, kind="passkey", ends_ms=SESSION_ENDS_MS))

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(checks=DECLARED, headers={"cookie": f"{SESSION}={cookie}"}, allow_redirects=False)
        assert response.status_code < 500 or response.status_code == 503
        assert "no-store" in str(response.headers["cache-control"]) or response.status_code >= 400

    ask(schema(gate(), SaidRecord(POLICIES, said_head()), home(), sessions), path, mode, check)


@pytest.mark.parametrize("path", [path for path in OWN if path.startswith("/my")])
def test_stranger_is_told_nothing_of_a_household(path: str) -> None:
    """Whatever they ask, the door is not even asked."""
    said = home()

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(checks=[not_a_server_error, *DECLARED], allow_redirects=False)
        assert response.status_code in (303, 401)
        assert not [name for name in HOME_NAMES if name in response.text]
        assert said.asked == []

    ask(schema(gate(), SaidRecord(POLICIES, said_head()), said), path, GenerationMode.POSITIVE, check)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("guarded", [True, False], ids=["ours", "foreign"])
def test_form_answers_as_it_declares(path: str, mode: GenerationMode, guarded: bool) -> None:
    """One of our own is taken or not, by what it holds; another site's changes nothing."""
    sessions, said = WebSessions(None, lambda: NOW_MS), home()
    cookie = sessions.open(SessionOpened(token=TOKEN, kind="passkey", ends_ms=SESSION_ENDS_MS))
    headers = {
        "host": "testserver",
        "cookie": f"{SESSION}={cookie}",
        **(FROM_HERE if guarded else {"origin": "https://evil.example"}),
    }

    def check(case: Case[Any]) -> None:
        if guarded and isinstance(case.body, dict):
            case.body = {**case.body, "form": token_of(cookie)}
        checks = [content_type_conformance, status_code_conformance]
        response = case.call_and_validate(checks=checks, headers=headers, allow_redirects=False)
        assert response.status_code < 500 or response.status_code in (503, 504)
        if not guarded:
            assert response.status_code >= 400
            assert said.asked == []

    ask(schema(gate(), SaidRecord(POLICIES, said_head()), said, sessions), path, mode, check, "POST")


@pytest.mark.parametrize("path", routes())
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method_is_taken(path: str, method: str) -> None:
    """405, with what is."""
    if method == "POST" and path in FORMS:
        return
    client = portal_client(gate(), SaidRecord(POLICIES, said_head()))
    answer = client.request(method, re.sub("{[^}]*}", "0", path))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST" if path in FORMS else "GET, HEAD")
