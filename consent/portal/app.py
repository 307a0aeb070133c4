"""The web application: takes each request through its route to a page, to bytes or to a form's desk; what fails is a page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from consent.core.languages import LANGUAGES
from consent.portal.answers import HTML, EventStream, LargeContent, NoSuchPage, Page, Route, Who
from consent.portal.frame import city_frame
from consent.portal.gates.citizen import SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.http.bounds import PAGE_PRICE, SENDING, STATUS, Refusal, RequestGuard
from consent.portal.http.compression import Gzip
from consent.portal.http.event_stream import streamed
from consent.portal.http.headers import SafeHeaders
from consent.portal.http.static_files import STATIC, serve_static
from consent.portal.http.visitors import Rates
from consent.portal.rendering import render
from consent.portal.responding import RETRY_AFTER, ErrorView, error_response, page_response, problem_response, respond
from consent.portal.routes import ROUTES
from consent.portal.sessions.incoming import Incoming, incoming, parameters_of, visit_of
from consent.portal.sessions.sent import SentForms
from consent.portal.sessions.store import WebSessions
from consent.portal.sessions.taking import FormDesk, to_come_in
from consent.portal.sessions.tries import Tries
from consent.portal.site import Site
from consent.portal.visit import Visit, language_of

BURST_S = 15
"""A visitor may ask at once what is otherwise for so long."""
LARGE_AT_ONCE: Final = 4
"""So many answers that may be large, of 16 MiB at most, are held at once: a registry of a million homes fits a small machine."""


def make_app(site: Site, sessions: WebSessions | None = None, routes: tuple[Route, ...] = ROUTES) -> ASGIApp:
    """Return the application of a portal, behind all its bounds but those on connections.

    Args:
        sessions: Who is signed in; None: nobody, and who comes in is remembered in memory alone.
        routes: The addresses.
    """
    few = asyncio.Semaphore(LARGE_AT_ONCE)
    a_minute = site.config.requests_per_minute
    sessions = sessions or WebSessions(None, site.now_ms)
    desk = FormDesk(site, sessions, SentForms(site.now_ms), Tries(time.monotonic, is_bound=a_minute > 0))
    served = [StarletteRoute(route.path, _endpoint(desk, route, few), methods=_methods(route)) for route in routes]
    served.append(StarletteRoute(f"{STATIC}/{{name}}", _static(site), methods=["GET"]))
    pages = Starlette(routes=served, exception_handlers={404: _not_found(site), 500: _failed(site)})
    pages.router.redirect_slashes = False  # it would lead to whatever host the request names
    rates = Rates(a_minute * PAGE_PRICE, a_minute * PAGE_PRICE * BURST_S // 60, time.monotonic)
    guard = RequestGuard(
        pages,
        _refuse(site, routes),
        rates,
        site.config.trusts_proxy,
        takes_form=_takes_form(routes),
    )
    return SafeHeaders(Gzip(guard))


def _takes_form(routes: tuple[Route, ...]) -> Callable[[str], bool]:
    """Return whether an address takes a form: the first route that it fits decides."""
    known = [(compile_path(route.path)[0], route.form is not None) for route in routes]
    return lambda path: next((takes for pattern, takes in known if pattern.match(path)), False)


def _methods(route: Route) -> list[str]:
    return ["GET"] if route.form is None else ["GET", SENDING]


def _endpoint(desk: FormDesk, route: Route, few: asyncio.Semaphore) -> Callable[[Request], Awaitable[ASGIApp]]:
    async def answer(request: Request) -> ASGIApp:
        if request.method == SENDING:
            return await desk.take(route, request)
        comes = incoming(desk.site, desk.sessions, desk.sent, route, request)
        if route.who is Who.SIGNED_IN and comes.visit.signed_in is None:
            return to_come_in(comes) if route.media == HTML else _locked()
        return await _shown(desk, route, request, comes, few)

    return answer


async def _shown(desk: FormDesk, route: Route, request: Request, comes: Incoming, few: asyncio.Semaphore) -> ASGIApp:
    site, visit = desk.site, comes.visit
    try:
        found = await route.handler(site, visit, parameters_of(route, request))
        if isinstance(found, LargeContent):
            return _large(site, visit, route, found, few)
        if isinstance(found, EventStream):
            return streamed(found)
        return comes.guard(await respond(site, visit, route, found))
    except NoSuchPage as missing:
        return await error_response(site, visit, route, ErrorView("missing", missing.what), 404)
    except GateRefusedError:
        return await error_response(site, visit, route, ErrorView("missing"), 404)
    except SessionEndedError:
        return desk.end(comes) if route.media == HTML else _locked()
    except GateAwayError:
        response = await error_response(site, visit, route, ErrorView("away"), 503)
        response.headers.update(RETRY_AFTER)
        return response


def _locked() -> Response:
    """Return what a program is told that asks for a household's data without its session."""
    response = problem_response(401)
    response.headers["www-authenticate"] = "Cookie"
    return response


def _static(site: Site) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        found = serve_static(request)
        return found or await error_response(site, visit_of(site, request), None, ErrorView("missing"), 404)

    return answer


def _large(site: Site, visit: Visit, route: Route, found: LargeContent, few: asyncio.Semaphore) -> ASGIApp:
    """Return what answers with a large file: readers who take their time hold back others of such files, and fill no memory."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async with few:
            try:
                response = await respond(site, visit, route, await found.make())
            except NoSuchPage as missing:
                response = await error_response(site, visit, route, ErrorView("missing", missing.what), 404)
            except GateRefusedError:
                response = await error_response(site, visit, route, ErrorView("missing"), 404)
            except SessionEndedError:
                response = _locked()
            except GateAwayError:
                response = await error_response(site, visit, route, ErrorView("away"), 503)
                response.headers.update(RETRY_AFTER)
            await response(scope, receive, send)

    return answer


# what goes wrong


def _not_found(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, _: Exception) -> Response:
        return await error_response(site, visit_of(site, request), None, ErrorView("missing"), 404)

    return answer


def _failed(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, _: Exception) -> Response:
        return page_response(Page("errors.html", ErrorView("failed"), 500), visit_of(site, request), city_frame(site))

    return answer


def _refuse(site: Site, routes: tuple[Route, ...]) -> Callable[[Scope, Refusal], Response]:
    """Return what answers a request that is out of bounds, at no more cost than a look-up."""
    bodies: dict[tuple[str, Refusal], bytes] = {}
    files = tuple(compile_path(route.path)[0] for route in routes if route.media != HTML)

    def refuse(scope: Scope, refusal: Refusal) -> Response:
        status = STATUS[refusal]
        if any(file.match(scope["path"]) for file in files):
            return problem_response(status)
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
