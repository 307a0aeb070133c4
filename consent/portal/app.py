"""The web application: takes each request through its route to a page or to bytes; what fails becomes a page that says so."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from consent.core.languages import LANGUAGES
from consent.portal.answers import HTML, PROBLEM, Content, LargeContent, NoSuchPage, Page, Route
from consent.portal.frame import PageFrame, city_frame, frame_of
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.http.bounds import PAGE_PRICE, STATUS, Refusal, RequestGuard
from consent.portal.http.compression import Gzip
from consent.portal.http.headers import SafeHeaders
from consent.portal.http.static_files import STATIC, serve_static
from consent.portal.http.visitors import Rates
from consent.portal.rendering import render
from consent.portal.routes import ROUTES
from consent.portal.site import Site
from consent.portal.visit import Visit, language_of

BURST_S = 15
"""A visitor may ask at once what is otherwise for so long."""
_RETRY_AFTER = {"retry-after": "5"}


LARGE_AT_ONCE: Final = 4
"""So many answers that may be large, of 16 MiB at most, are held at once: a registry of a million homes fits a small machine."""


@dataclass(frozen=True, slots=True)
class ErrorView:
    """What the error page shows.

    Attributes:
        kind: `missing`, `away`, `failed`, or a ``Refusal``: a table of the part `errors`.
        what: For `missing`, what there is none of.
    """

    kind: str
    what: str = ""


def make_app(site: Site) -> ASGIApp:
    """Return the application of a portal, behind all its bounds but those on connections."""
    few = asyncio.Semaphore(LARGE_AT_ONCE)
    routes = [StarletteRoute(route.path, _endpoint(site, route, few), methods=["GET"]) for route in ROUTES]
    routes.append(StarletteRoute(f"{STATIC}/{{name}}", _static(site), methods=["GET"]))
    pages = Starlette(routes=routes, exception_handlers={404: _not_found(site), 500: _failed(site)})
    pages.router.redirect_slashes = False  # it would lead to whatever host the request names
    a_minute = site.config.requests_per_minute
    rates = Rates(a_minute * PAGE_PRICE, a_minute * PAGE_PRICE * BURST_S // 60, time.monotonic)
    return SafeHeaders(Gzip(RequestGuard(pages, _refuse(site), rates, site.config.trusts_proxy)))


def _endpoint(site: Site, route: Route, few: asyncio.Semaphore) -> Callable[[Request], Awaitable[ASGIApp]]:
    async def answer(request: Request) -> ASGIApp:
        visit = visit_of(site, request)
        try:
            found = await route.handler(site, visit, _parameters(route, request))
            return (
                _large(site, visit, route, found, few) if isinstance(found, LargeContent) else await _respond(site, visit, found)
            )
        except NoSuchPage as missing:
            return await _error(site, visit, route, ErrorView("missing", missing.what), 404)
        except GateRefusedError:
            return await _error(site, visit, route, ErrorView("missing"), 404)
        except GateAwayError:
            response = await _error(site, visit, route, ErrorView("away"), 503)
            response.headers.update(_RETRY_AFTER)
            return response

    return answer


def _static(site: Site) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return serve_static(request) or await _error(site, visit_of(site, request), None, ErrorView("missing"), 404)

    return answer


def _parameters(route: Route, request: Request) -> dict[str, str]:
    """Return the parameters that fit their patterns.

    Raises: NoSuchPage: one of the path does not.
    """
    if "\n" in request.scope["path"]:  # the router's expressions pass over one at the end
        raise NoSuchPage
    found = {}
    for parameter in route.parameters:
        value = (request.query_params if parameter.is_in_query else request.path_params).get(parameter.name, "")
        if re.fullmatch(parameter.pattern, value):
            found[parameter.name] = value
        elif not parameter.is_in_query:
            raise NoSuchPage
    return found


def visit_of(site: Site, request: Request) -> Visit:
    """Return who reads."""
    policies = site.record.policies
    languages = LANGUAGES if policies is None else policies.city.languages
    query = request.query_params
    language, is_chosen = language_of(query.get("lang", ""), request.headers.get("accept-language", ""), languages)
    pairs = tuple((name, value) for name, value in query.multi_items() if name != "lang")
    try:
        zone = ZoneInfo("UTC" if policies is None else policies.city.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return Visit(language, request.url.path, pairs, is_chosen, zone, site.config)


def _large(site: Site, visit: Visit, route: Route, found: LargeContent, few: asyncio.Semaphore) -> ASGIApp:
    """Return what answers with a large file: readers who take their time hold back others of such files, and fill no memory."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async with few:
            try:
                response = await _respond(site, visit, await found.make())
            except NoSuchPage as missing:
                response = await _error(site, visit, route, ErrorView("missing", missing.what), 404)
            await response(scope, receive, send)

    return answer


async def _respond(site: Site, visit: Visit, answer: Page | Content) -> Response:
    if isinstance(answer, Content):
        headers = {"cache-control": _kept(answer.keep_s), **answer.headers}
        return Response(answer.body, answer.status, headers, answer.media)
    return _page(answer, visit, city_frame(site) if answer.is_of_any_time else await frame_of(site, visit))


def _page(page: Page, visit: Visit, frame: PageFrame) -> Response:
    headers = {"content-language": visit.language, "vary": "Accept-Language", "cache-control": _kept(page.keep_s)}
    return Response(render(page, visit, frame), page.status, headers, HTML)


def _kept(seconds: int) -> str:
    return f"public, max-age={seconds}" if seconds else "no-cache"


# what goes wrong


async def _error(site: Site, visit: Visit, route: Route | None, view: ErrorView, status: int) -> Response:
    """Return what says that something went wrong: a page where a page was asked for."""
    if route is not None and route.media != HTML:
        return _problem(status)
    return await _respond(site, visit, Page("errors.html", view, status))


def _problem(status: int) -> Response:
    body = msgspec.json.encode({"title": HTTPStatus(status).phrase, "status": status})
    return Response(body, status, {"cache-control": "no-cache"}, PROBLEM)


def _not_found(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, _: Exception) -> Response:
        return await _error(site, visit_of(site, request), None, ErrorView("missing"), 404)

    return answer


def _failed(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, _: Exception) -> Response:
        return _page(Page("errors.html", ErrorView("failed"), 500), visit_of(site, request), city_frame(site))

    return answer


def _refuse(site: Site) -> Callable[[Scope, Refusal], Response]:
    """Return what answers a request that is out of bounds, at no more cost than a look-up."""
    bodies: dict[tuple[str, Refusal], bytes] = {}
    files = tuple(compile_path(route.path)[0] for route in ROUTES if route.media != HTML)

    def refuse(scope: Scope, refusal: Refusal) -> Response:
        status = STATUS[refusal]
        if any(file.match(scope["path"]) for file in files):
            return _problem(status)
        accepted = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language"), "")
        policies = site.record.policies
        language, _ = language_of("", accepted[:256], LANGUAGES if policies is None else policies.city.languages)
        body = bodies.get((language, refusal))
        if body is None:
            visit = Visit(language, "")
            body = render(Page("errors.html", ErrorView(refusal), status), visit, city_frame(site)).encode()
            bodies[language, refusal] = body
        return Response(body, status, {"content-language": language, "vary": "Accept-Language"}, HTML)

    return refuse
