"""The web application: takes each request through its route to a page or to bytes; what fails becomes a page that says so."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute
from starlette.staticfiles import StaticFiles

from consent.core.languages import LANGUAGES
from consent.portal.answers import HTML, Answer, Content, NoSuchPage, Page, Route
from consent.portal.gate import GateAwayError
from consent.portal.icons import icon
from consent.portal.rendering import render
from consent.portal.routes import ROUTES
from consent.portal.site import Site
from consent.portal.visit import Visit, language_of

STATIC = "/static"


@dataclass(frozen=True, slots=True)
class CityView:
    """What header and footer show of the city; empty before policies are in force."""

    name: str
    address: str
    contact: str
    officer: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErrorView:
    """What the error page shows: `missing`, `away` or `failed`, with the keys of the part `errors`."""

    kind: str
    what: str = ""


def make_app(site: Site) -> Starlette:
    """Return the application of a portal."""
    routes: list[StarletteRoute | Mount] = [
        StarletteRoute(route.path, _endpoint(site, route), methods=["GET"]) for route in ROUTES
    ]
    routes.append(Mount(STATIC, StaticFiles(packages=[("consent.portal", "static")])))
    return Starlette(routes=routes, exception_handlers={404: _not_found(site), 405: _not_found(site), 500: _failed(site)})


def _endpoint(site: Site, route: Route) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        visit = visit_of(site, request)
        try:
            return _respond(site, visit, await route.handler(site, visit, _parameters(route, request)))
        except NoSuchPage as missing:
            return _respond(site, visit, Page("errors.html", ErrorView("missing", missing.what), 404))
        except GateAwayError:
            return _respond(site, visit, Page("errors.html", ErrorView("away"), 503))

    return answer


def _parameters(route: Route, request: Request) -> dict[str, str]:
    """Return the parameters that fit their patterns.

    Raises: NoSuchPage: one of the path does not.
    """
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


def _respond(site: Site, visit: Visit, answer: Answer) -> Response:
    if isinstance(answer, Content):
        return Response(answer.body, answer.status, {**answer.headers, "cache-control": _kept(answer.keep_s)}, answer.media)
    page = render(answer, visit, city_view(site), icon)
    headers = {"content-language": visit.language, "vary": "Accept-Language", "cache-control": _kept(answer.keep_s)}
    return Response(page, answer.status, headers, HTML)


def _kept(seconds: int) -> str:
    return f"public, max-age={seconds}" if seconds else "no-cache"


def city_view(site: Site) -> CityView:
    """Return what is shown of the city on every page."""
    if site.record.policies is None:
        return CityView("", "", "", "", LANGUAGES)
    city = site.record.policies.city
    return CityView(city.name, city.address, city.contact, city.data_protection_officer, city.languages)


def _not_found(site: Site) -> Callable[[Request, Exception], Response]:
    return lambda request, _: _respond(site, visit_of(site, request), Page("errors.html", ErrorView("missing", "page"), 404))


def _failed(site: Site) -> Callable[[Request, Exception], Response]:
    return lambda request, _: _respond(site, visit_of(site, request), Page("errors.html", ErrorView("failed"), 500))
