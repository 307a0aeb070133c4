"""Who asks: the language, and on a page of the visitor's own the session that its cookie opens, with what guards its forms.

A page that anyone may read looks at no cookie, and sets none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import Response

from consent.core.languages import LANGUAGES
from consent.portal.answers import NoSuchPage, Route
from consent.portal.http import cookies
from consent.portal.http.forms import token_of
from consent.portal.sessions.sent import SentForms
from consent.portal.sessions.store import WebSessions
from consent.portal.site import Site
from consent.portal.visit import Unanswered, Visit, language_of

_PRIVACY: Final = "sec-gpc"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request to a route.

    Attributes:
        visit: Who reads.
        cookies: Those of ours that it brought, by name.
        new_guard: The cookie that the answer sets, where the visitor has none that guards a form.
    """

    visit: Visit
    cookies: Mapping[str, str]
    new_guard: str = ""

    @property
    def session(self) -> str:
        """The value of the session's cookie; empty where it opens none."""
        return self.cookies.get(cookies.SESSION, "") if self.visit.signed_in is not None else ""

    @property
    def secrets(self) -> Iterator[str]:
        """The cookies under which the visitor's forms may have been made."""
        if self.session:
            yield self.session
        if cookies.GUARD in self.cookies:
            yield self.cookies[cookies.GUARD]

    def guard(self, response: Response) -> Response:
        """Return a response with the cookie that it has to set."""
        if self.new_guard:
            response.headers.append("set-cookie", cookies.guard_cookie(self.new_guard))
        return response


def incoming(site: Site, sessions: WebSessions, sent: SentForms, route: Route, request: Request) -> Incoming:
    """Return who asks for a route."""
    visit = visit_of(site, request)
    if not route.is_own:
        return Incoming(visit, {})
    brought = cookies.cookies_of(request.headers.raw)
    signed_in = sessions.find(brought[cookies.SESSION]) if cookies.SESSION in brought else None
    new_guard = "" if signed_in is not None or cookies.GUARD in brought else cookies.new_secret()
    secret = brought[cookies.SESSION] if signed_in is not None else brought.get(cookies.GUARD, new_guard)
    number = brought.get(cookies.SENT, "")
    unanswered = Unanswered(number, sent.find(signed_in.token, number)) if number and signed_in is not None else None
    visit = replace(visit, signed_in=signed_in, form_token=token_of(secret), unanswered=unanswered)
    return Incoming(visit, brought, new_guard)


def visit_of(site: Site, request: Request) -> Visit:
    """Return who reads, as far as anyone may know."""
    policies = site.record.policies
    languages = LANGUAGES if policies is None else policies.city.languages
    query = request.query_params
    language, is_chosen = language_of(query.get("lang", ""), request.headers.get("accept-language", ""), languages)
    pairs = tuple((name, value) for name, value in query.multi_items() if name != "lang")
    try:
        zone = ZoneInfo("UTC" if policies is None else policies.city.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    asks_for_privacy = request.headers.get(_PRIVACY, "").strip() == "1"
    return Visit(language, request.url.path, pairs, is_chosen, zone, site.config, asks_for_privacy=asks_for_privacy)


def parameters_of(route: Route, request: Request) -> dict[str, str]:
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
