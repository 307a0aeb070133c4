"""What the OpenAPI document allows and what it does not, asked of the portal: no fault, no status or media type undeclared.

Source of the cases: schemathesis, which draws parameters that fit the document, and those that do not, and other methods.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

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

from consent.portal.answers import HTML
from consent.portal.app import make_app
from consent.portal.routes import ROUTES
from consent.public_messages import FlowServed, PublicFlows
from tests.support.checkout import ROOT
from tests.support.policy_folder import load_policies
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_head, said_site, said_state

POLICIES = load_policies(ROOT / "policies")
BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
DECLARED = [status_code_conformance, content_type_conformance, response_schema_conformance]


def schema(gate: SaidGate, record: SaidRecord) -> schemathesis.BaseSchema:
    """Return the document of a portal that stands on both, as the portal gives it."""
    return schemathesis.openapi.from_asgi("/openapi.json", make_app(said_site(gate, record)))


def gate(*, away: bool = False) -> SaidGate:
    """Return a gate with some numbers."""
    flows = [FlowServed(flow=flow, asked=0, permitted=0, days=[], bundles=0, records=0, last_ms=0) for flow in POLICIES.flows]
    return SaidGate(said_state(), says_flows=PublicFlows(day="2026-11-28", flows=flows), away=away)


def routes(*, with_parameters: bool = False) -> list[str]:
    """Return the addresses as the document has them; all, or those to which something can be said."""
    return [
        route.path.replace(":path}", "}") for route in ROUTES if not with_parameters or route.parameters or route.media == HTML
    ]


def ask(schema: schemathesis.BaseSchema, path: str, mode: GenerationMode, check: Callable[[Case[Any]], None]) -> None:
    """Ask an address with parameters that fit the document, or that do not."""
    operation = schema[path]["GET"]

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

    ask(schema(gate(), SaidRecord(POLICIES, said_head())), path, mode, check)


@pytest.mark.parametrize("path", routes())
def test_portal_alone_answers_as_it_declares(path: str) -> None:
    """Without gate and record nothing fails but what is declared to: 503."""

    def check(case: Case[Any]) -> None:
        response = case.call_and_validate(checks=DECLARED)
        assert response.status_code < 500 or response.status_code == 503

    ask(schema(gate(away=True), SaidRecord(None)), path, GenerationMode.POSITIVE, check)


@pytest.mark.parametrize("path", routes())
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method_is_taken(path: str, method: str) -> None:
    """405, with what is."""
    client = portal_client(gate(), SaidRecord(POLICIES, said_head()))
    answer = client.request(method, re.sub("{[^}]*}", "a", path))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
