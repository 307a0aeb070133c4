"""Makes the response of an answer: a page with its frame, bytes, or what says that something went wrong; and how each is kept."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

from consent.portal.answers import GOES_S, HTML, PROBLEM, Content, Page, Route
from consent.portal.frame import PageFrame, city_frame, frame_of
from consent.portal.http.headers import WITH_FORMS
from consent.portal.rendering import render
from consent.portal.site import Site
from consent.portal.visit import Visit

RETRY_AFTER: Final = {"retry-after": "5"}


@dataclass(frozen=True, slots=True)
class ErrorView:
    """What the error page shows.

    Attributes:
        kind: `missing`, `away`, `failed`, `foreign`, `form`, `refused`, or a ``Refusal``: a table of the part `errors`.
        what: For `missing`, what there is none of.
    """

    kind: str
    what: str = ""


async def respond(site: Site, visit: Visit, route: Route | None, answer: Page | Content) -> Response:
    """Return the response of an answer."""
    is_own = route is not None and route.is_own
    if isinstance(answer, Content):
        headers = {"cache-control": "no-store" if is_own else _kept(answer.keep_s), **answer.headers}
        return Response(answer.body, answer.status, headers, answer.media)
    frame = city_frame(site) if answer.is_of_any_time else await frame_of(site, visit)
    return page_response(answer, visit, frame, is_own=is_own)


def page_response(page: Page, visit: Visit, frame: PageFrame, *, is_own: bool = False) -> Response:
    """Return the response of a page.

    Args:
        is_own: It holds something of the visitor's alone, or a form: it is kept nowhere, and passes its address on to this site.
    """
    headers = {"content-language": visit.language, "vary": "Accept-Language"}
    headers["cache-control"] = "no-store" if is_own else _kept(page.keep_s)
    if is_own:
        headers["referrer-policy"] = WITH_FORMS
    if page.goes_to:
        headers["refresh"] = f"{GOES_S}; url={page.goes_to}"
    return Response(render(page, visit, frame), page.status, headers, HTML)


async def error_response(site: Site, visit: Visit, route: Route | None, view: ErrorView, status: int) -> Response:
    """Return what says that something went wrong: a page where a page was asked for."""
    if route is not None and route.media != HTML:
        return problem_response(status)
    return await respond(site, visit, route, Page("errors.html", view, status))


def problem_response(status: int) -> Response:
    """Return what is said to a program that asked for data."""
    body = msgspec.json.encode({"title": HTTPStatus(status).phrase, "status": status})
    return Response(body, status, {"cache-control": "no-cache"}, PROBLEM)


def _kept(seconds: int) -> str:
    return f"public, max-age={seconds}" if seconds else "no-cache"
