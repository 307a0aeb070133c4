"""The OpenAPI document of the portal, made from its route table and the structs that routes answer with.

Every status that an address may answer with is declared, with its media type: what is absent (404), what is out of bounds (405,
413, 414, 415, 429, 431), what takes a session first (303, 401), what becomes of a form (303, 403, 409, 422, 504), and that gate
or portal cannot answer just now (503).

Source: OpenAPI Specification 3.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from consent.messages import JsonObject
from consent.portal.answers import HTML, JSON, PROBLEM, Answer, Content, Parameter, Route, Who
from consent.portal.http.bounds import FORM_MEDIA, STATUS
from consent.portal.http.cookies import SESSION
from consent.portal.http.forms import REQUEST_FIELD, TOKEN_FIELD
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
_SESSION: Final = {"type": "apiKey", "in": "cookie", "name": SESSION, "description": "Of whoever has come in at /claim or /in."}
_GOES_ON: Final = "Another page: where one comes in, or what follows"
_OF_FORMS: Final = {
    **{status: HTTPStatus(status).phrase for status in STATUS.values()},
    403: "It is no form that this visitor's page was given",
    404: "There is nothing at this address",
    409: "It does not fit how things stand",
    422: "The page again, with what is wrong; or a field cannot be so",
    503: "Nothing was sent on, and nothing was changed",
    504: "It was sent on, and nobody knows yet whether it holds",
}


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
            "description": "Public pages and data, and a household's own pages for whoever has come in. What changes anything is "
            "a form of one of these pages, with the token that the page was given.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "paths": {route.path.replace(":path}", "}"): _path(route, of) for route in routes},
        "components": {"schemas": {**components, "Problem": _PROBLEM}, "securitySchemes": {"session": _SESSION}},
    }
    if address:
        found["servers"] = [{"url": address}]
    return found


def _path(route: Route, schemas: Mapping[type[msgspec.Struct], Any]) -> JsonObject:
    operations = {"get": _operation(route, schemas)}
    return operations if route.form is None else {**operations, "post": _form(route)}


def _form(route: Route) -> JsonObject:
    """Return the operation of a form: what it holds, and every status of its answer."""
    fields = {field.name: {"type": "string", "maxLength": field.longest} for field in route.fields}
    guards = {TOKEN_FIELD: {"type": "string"}, REQUEST_FIELD: {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
    required = [*guards, *(field.name for field in route.fields if field.is_required)]
    schema = {"type": "object", "required": required, "properties": {**guards, **fields}}
    found: JsonObject = {
        "operationId": f"send_{_operation_id(route.path)}",
        "summary": f"The form of: {route.summary}",
        "parameters": [_parameter(parameter) for parameter in (*route.parameters, _LANGUAGE)],
        "requestBody": {"required": True, "content": {FORM_MEDIA.decode(): {"schema": schema}}},
        "responses": {
            "200": {"description": "The page again, one step on", "content": {HTML: _PAGE}},
            "303": {"description": _GOES_ON},
            **{str(status): {"description": text, "content": {HTML: _PAGE}} for status, text in sorted(_OF_FORMS.items())},
        },
    }
    return {**found, "security": [{"session": []}]} if route.who is Who.SIGNED_IN else found


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
    security: JsonObject = {}
    if route.who is Who.SIGNED_IN:
        security = {"security": [{"session": []}]}
        answers |= (
            {"303": {"description": _GOES_ON}}
            if route.media == HTML
            else {"401": {"description": "Come in first", "content": wrong}}
        )
    return {
        **security,
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
