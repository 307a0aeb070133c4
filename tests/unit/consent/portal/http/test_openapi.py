"""The OpenAPI document is that of the route table, and whole."""

from __future__ import annotations

import json
import re

from consent.portal.answers import HTML
from consent.portal.http.bounds import STATUS
from consent.portal.http.openapi import document
from consent.portal.routes import ROUTES
from tests.support.portal import SaidGate, SaidRecord, portal_client, said_state


def test_document_has_every_address_and_every_answer() -> None:
    """With all statuses, and the media type of each."""
    answer = portal_client(SaidGate(said_state()), SaidRecord(None)).get("/openapi.json")
    found = answer.json()
    assert found["openapi"].startswith("3.1")
    assert set(found["paths"]) == {route.path.replace(":path}", "}") for route in ROUTES}
    for route in ROUTES:
        operation = found["paths"][route.path.replace(":path}", "}")]["get"]
        assert {"200", "404", "503"} | {str(status) for status in STATUS.values()} <= set(operation["responses"])
        assert list(operation["responses"]["200"]["content"]) == [route.media]
        other = "text/html; charset=utf-8" if route.media == HTML else "application/problem+json"
        assert list(operation["responses"]["404"]["content"]) == [other]
    ids = [path["get"]["operationId"] for path in found["paths"].values()]
    assert len(ids) == len(set(ids))


def test_examples_fit_their_patterns_and_references_lead_somewhere() -> None:
    """Whoever makes a client of it finds every struct."""
    found = document(list(ROUTES), "https://sensors.ribera.example")
    assert found["servers"] == [{"url": "https://sensors.ribera.example"}]
    for route in ROUTES:
        for parameter in route.parameters:
            assert re.fullmatch(parameter.pattern, parameter.example), parameter.name
    for reference in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found)):
        assert reference in found["components"]["schemas"]
    assert "GpcSupport" in found["components"]["schemas"]
