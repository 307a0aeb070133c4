"""Takes a form: from our own page alone, of whoever may send it, once; and tells truly what became of it.

What a handler changed is known from what it asked of the gateway: where that did not answer, or anything failed after it was
asked, the page says that nobody knows yet (``outcome``), and never that nothing was changed.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from consent.messages import Parameters, Result
from consent.portal.answers import Answer as PageAnswer
from consent.portal.answers import Content, FilledForm, NoSuchPage, Page, Route, SeeOther, Who
from consent.portal.gates.citizen import CitizenGate, OutcomeUnknownError, SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.http import cookies
from consent.portal.http.forms import TOKEN_FIELD, MisfitError, is_from_here, is_token, read_form, request_of, values_of
from consent.portal.http.visitors import visitor_of
from consent.portal.responding import RETRY_AFTER, ErrorView, error_response, respond
from consent.portal.sessions.incoming import Incoming, incoming, parameters_of
from consent.portal.sessions.outcome import SENT_PATH, OutcomeView
from consent.portal.sessions.sent import CarriedOut, SentForms
from consent.portal.sessions.store import WebSessions
from consent.portal.sessions.tries import Tries
from consent.portal.site import Site
from consent.portal.visit import SentForm

BODY_S: Final = 5.0
HANDLING_S: Final = 9.0
"""So long a form may take to come, and to be carried out; with the page's frame, less than its connection may last."""

R = TypeVar("R", bound=Result)


@dataclass(slots=True)
class WatchedGate:
    """The citizens' door, as one form's handler uses it.

    Attributes:
        has_sent: Whether a change was sent that nobody has refused: it holds, or may.
    """

    gate: CitizenGate
    has_sent: bool = False

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """Return the gateway's answer; see ``CitizenGate``."""
        before, self.has_sent = self.has_sent, self.has_sent or bool(request)
        try:
            return await self.gate.ask(method, params, kind, session=session, request=request)
        except (GateAwayError, GateRefusedError, SessionEndedError):
            self.has_sent = before
            raise


@dataclass(frozen=True, slots=True)
class FormDesk:
    """Where forms are handed in.

    Attributes:
        sent: Those that were not answered.
        tries: How often a way in may be tried.
        carried_out: Those that were.
    """

    site: Site
    sessions: WebSessions
    sent: SentForms
    tries: Tries
    carried_out: CarriedOut = field(default_factory=CarriedOut)

    async def take(self, route: Route, request: Request) -> Response:
        """Return the response to a form that was sent to a route."""
        comes = incoming(self.site, self.sessions, self.sent, route, request)
        return comes.guard(await self._taken(route, request, comes))

    async def _taken(self, route: Route, request: Request, comes: Incoming) -> Response:
        if not is_from_here(dict(request.headers.raw), _origins(self.site, request)):
            return await self._error(route, comes, "foreign", 403)
        if route.who is Who.SIGNED_IN and comes.visit.signed_in is None:
            return to_come_in(comes)
        try:
            parameters = parameters_of(route, request)
            async with asyncio.timeout(BODY_S):
                sent = read_form(await request.body())
            if not is_token(sent.get(TOKEN_FIELD, ""), comes.secrets):
                return await self._error(route, comes, "foreign", 403)
            form = FilledForm(values_of(sent, route.fields), request_of(sent), self.site.now_ms())
        except NoSuchPage as missing:
            return await error_response(self.site, comes.visit, route, ErrorView("missing", missing.what), 404)
        except MisfitError:
            return await self._error(route, comes, "form", 422)
        except (TimeoutError, ClientDisconnect):
            return await self._error(route, comes, "slow", 503)
        if wait_s := self._wait_s(route, request, form):
            response = await self._error(route, comes, "often", 429)
            response.headers["retry-after"] = str(math.ceil(wait_s))
            return response
        if comes.visit.signed_in is not None and self.carried_out.is_another(comes.visit.signed_in.token, _again(comes, form)):
            return await self._error(route, comes, "refused", 409)
        return await self._carried_out(route, comes, parameters, form)

    def _wait_s(self, route: Route, request: Request, form: FilledForm) -> float:
        """Return how long to wait before a way in may be tried again."""
        codes = [form[field.name] for field in route.fields if field.is_code]
        if route.who is Who.SIGNED_IN and not any(codes):
            return 0.0
        return self.tries.wait_s(visitor_of(request.scope, trusts_proxy=self.site.config.trusts_proxy), codes)

    async def _carried_out(self, route: Route, comes: Incoming, parameters: Mapping[str, str], form: FilledForm) -> Response:
        assert route.form is not None
        visit, gate = comes.visit, WatchedGate(self.site.citizens)
        try:
            async with asyncio.timeout(HANDLING_S):
                found = await route.form(replace(self.site, citizens=gate), visit, parameters, form)
            if gate.has_sent and visit.signed_in is not None:
                self.carried_out.keep(visit.signed_in.token, _again(comes, form))
            return await self._answered(route, comes, found)
        except OutcomeUnknownError:
            return await self._unknown(route, comes, form)
        except SessionEndedError:
            return self.end(comes)
        except NoSuchPage as missing:
            failed = ErrorView("missing", missing.what), 404
        except GateRefusedError:
            failed = ErrorView("refused"), 409
        except (GateAwayError, TimeoutError):
            if not gate.has_sent:
                return await self._unsent(route, comes, form)
            return await self._unknown(route, comes, form)
        except Exception:
            if not gate.has_sent:
                raise
            logging.getLogger(__name__).exception("a form failed after it was sent on")
            return await self._unknown(route, comes, form)
        if gate.has_sent:
            return await self._unknown(route, comes, form)
        return await error_response(self.site, visit, route, *failed)

    async def _answered(self, route: Route, comes: Incoming, found: PageAnswer | SeeOther) -> Response:
        if isinstance(found, SeeOther):
            return self._see_other(comes, found)
        assert isinstance(found, Page | Content), "a form is answered by a page"
        return await respond(self.site, comes.visit, route, found)

    def _see_other(self, comes: Incoming, found: SeeOther) -> Response:
        assert re.match(r"/(?![/\\])", found.path), "it leads to this site"
        if found.opens is not None and not found.opens.token:  # told once already, to a browser that never heard it
            return to_come_in(comes)
        response = Response(status_code=303, headers={"location": found.path, "cache-control": "no-store"})
        if found.opens is not None:
            before = comes.cookies.get(cookies.SESSION, "")
            value = self.sessions.open(found.opens, before)
            seconds = (found.opens.ends_ms - self.site.now_ms()) // 1000
            response.headers.append("set-cookie", cookies.session_cookie(value, seconds))
        elif found.closes:
            self._close(comes, response)
        if cookies.SENT in comes.cookies:
            response.headers.append("set-cookie", cookies.ended_cookie(cookies.SENT))
        return response

    def end(self, comes: Incoming) -> Response:
        """Return where a visitor goes on whose session the gateway knows no more."""
        response = to_come_in(comes)
        self._close(comes, response)
        return response

    def _close(self, comes: Incoming, response: Response) -> None:
        if cookies.SESSION in comes.cookies:
            self.sessions.end(comes.cookies[cookies.SESSION])
        response.headers.append("set-cookie", cookies.ended_cookie(cookies.SESSION))

    # what became of it

    async def _unsent(self, route: Route, comes: Incoming, form: FilledForm) -> Response:
        """Return the page that says that nothing was changed, with the form to send again."""
        view = OutcomeView("unsent", _again(comes, form))
        response = await respond(self.site, comes.visit, route, Page("unknown.html", view, 503))
        response.headers.update(RETRY_AFTER)
        return response

    async def _unknown(self, route: Route, comes: Incoming, form: FilledForm) -> Response:
        """Return the page that claims nothing; of whoever is signed in it goes on by itself to where the gateway is asked."""
        visit, again = comes.visit, _again(comes, form)
        if visit.signed_in is None:
            return await respond(self.site, visit, route, Page("unknown.html", OutcomeView("unknown", again), 504))
        self.sent.keep(visit.signed_in.token, again)
        page = Page("unknown.html", OutcomeView("asking", None), 504, goes_to=visit.url(SENT_PATH))
        response = await respond(self.site, visit, route, page)
        response.headers.append("set-cookie", cookies.sent_cookie(form.request))
        return response

    async def _error(self, route: Route, comes: Incoming, kind: str, status: int) -> Response:
        return await error_response(self.site, comes.visit, route, ErrorView(kind), status)


def to_come_in(comes: Incoming) -> Response:
    """Return where a visitor goes who has to come in first, and from where back to the page."""
    visit = comes.visit
    path = visit.url("/in", next=visit.path) if visit.path.startswith("/my") else visit.url("/in")
    return Response(status_code=303, headers={"location": path, "cache-control": "no-store"})


def _again(comes: Incoming, form: FilledForm) -> SentForm:
    return SentForm(comes.visit.url(comes.visit.path, **dict(comes.visit.query)), form.values, form.request, form.received_ms)


def _origins(site: Site, request: Request) -> list[str]:
    """Return what a browser calls this site: as it was asked, and as the configuration has it."""
    return [f"{request.url.scheme}://{request.headers.get('host', '')}", *([site.config.address] if site.config.address else [])]
