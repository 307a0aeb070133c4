"""The OpenAPI document of the portal, made from its route table and the structs that routes answer with.

Every status that an address may answer with is declared, with its media type: what is absent (404), what is out of bounds (405,
413, 414, 429, 431), and that the gate or the portal cannot answer just now (503).

Source: OpenAPI Specification 3.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from consent.messages import JsonObject
from consent.portal.answers import HTML, JSON, PROBLEM, Answer, Content, Parameter, Route
from consent.portal.http.bounds import STATUS
from consent.portal.site import Site
from consent.portal.visit import Visit

OPENAPI_PATH: Final = "/openapi.json"
_LANGUAGE: Final = Parameter("lang", "(en|es|pt)", "es", is_in_query=True)
_PAGE: Final = {"schema": {"type": "string"}}
_PROBLEM: Final = {
    "type": "object",
    "required": ["title", "status"],
    "properties": {"title": {"type": "string"}, "status": {"type": "integer"}},
}
_DESCRIPTIONS: Final = {404: "There is nothing at this address", 503: "The gate does not answer, or too much is asked at once"}
_KEPT_S: Final = 3600


def described(pages: Sequence[Route]) -> Route:
    """Return the route of the document that describes these routes and itself."""

    async def show(site: Site, _visit: Visit, _parameters: Mapping[str, str]) -> Answer:
        return Content(msgspec.json.encode(document([*pages, route], site.config.address)), JSON, keep_s=_KEPT_S)

    route = Route(OPENAPI_PATH, show, "This document", JSON)
    return route


def document(routes: Sequence[Route], address: str = "") -> JsonObject:
    """Return the document.

    Args:
        address: How people reach the portal; empty where that is not known.
    """
    structs = [route.says for route in routes if route.says is not None]
    schemas, components = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    of = dict(zip(structs, schemas, strict=True))
    found: JsonObject = {
        "openapi": "3.1.1",
        "info": {
            "title": "Sluice: what is sensed here, and what becomes of it",
            "version": "1",
            "description": "Public pages and data. Nothing here changes anything, sets a cookie or asks who reads.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "paths": {route.path.replace(":path}", "}"): {"get": _operation(route, of)} for route in routes},
        "components": {"schemas": {**components, "Problem": _PROBLEM}},
    }
    if address:
        found["servers"] = [{"url": address}]
    return found


def _operation(route: Route, schemas: Mapping[type[msgspec.Struct], Any]) -> JsonObject:
    parameters = route.parameters if route.media != HTML else (*route.parameters, _LANGUAGE)
    schema = {"type": "string"} if route.says is None else schemas[route.says]
    content: JsonObject = {route.media: {} if route.media == JSON and route.says is None else {"schema": schema}}
    answers: JsonObject = {"200": {"description": route.summary, "content": content}}
    wrong = {HTML: _PAGE} if route.media == HTML else {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status in sorted({404, 503, *STATUS.values()}):
        answers[str(status)] = {"description": _DESCRIPTIONS.get(status, HTTPStatus(status).phrase), "content": wrong}
    for status in route.statuses:
        answers[str(status)] = {"description": HTTPStatus(status).phrase}
    return {
        "operationId": _operation_id(route.path),
        "summary": route.summary,
        "parameters": [_parameter(parameter) for parameter in parameters],
        "responses": answers,
    }


def _parameter(parameter: Parameter) -> JsonObject:
    schema = dict(parameter.schema())
    example = schema.pop("example")
    return {
        "name": parameter.name,
        "in": "query" if parameter.is_in_query else "path",
        "required": not parameter.is_in_query,
        "schema": schema,
        "example": example,
    }


def _operation_id(path: str) -> str:
    words = path.replace(":path}", "}").translate(str.maketrans("/{}.-", "     ")).split()
    return "_".join(words) or "home"
