"""`/in`: a passkey lets its person in, by script; `/in/paper`: a paper code does without, and tells less and never more.

The gate is asked for a challenge when the page is shown: it holds for some minutes, and a page that was left open says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consent.citizen_messages import Nobody, PaperTyped, SessionOpened, SignIn, SignInChallenge
from consent.portal.answers import AFTERWARDS, Answer, FilledForm, FormField, Page, Parameter, Route, SeeOther
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.joining.passkey_form import ASSERTION, PasskeyAsked, assertion_of
from consent.portal.joining.refusals import reason_of
from consent.portal.site import Site
from consent.portal.visit import Visit

_PAPER_SYMBOLS: Final = re.compile(r"[0-9A-Za-z]{16}")
OF_PASSKEY: Final = frozenset({"passkey-refused", "passkey-unknown", "challenge-old", "too-many", "no-address"})
OF_PAPER: Final = frozenset({"paper-wrong", "too-many"})
_DONE: Final = Parameter("done", "left|ended|erased|claimed", "ended", is_in_query=True)
"""What the visitor did before: left the home, ended the session, erased everything, or used a code."""
_FORWARD: Final = FormField(AFTERWARDS.name, AFTERWARDS.pattern)
FORGOTTEN: Final = "forgotten"
"""The gate was asked again under the same id after its start: it does not know the session's secret any more."""


@dataclass(frozen=True, slots=True)
class EntranceView:
    """What the pages show.

    Attributes:
        passkey: What a browser is asked for; None on the page for the paper code, and where none can answer.
        forward: The page that the visitor wanted to see; empty: the first of their own.
        wrong: Why something was not taken; a table of the part `in`. Empty: nothing.
        done: As the parameter.
        kind: By what the visitor is in already; empty: they are not.
        is_away: Whether the gate does not answer, so that nobody can come in just now.
    """

    is_paper: bool
    passkey: PasskeyAsked | None = None
    forward: str = ""
    wrong: str = ""
    done: str = ""
    kind: str = ""
    is_away: bool = False


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page that asks for a passkey."""
    return await _page(site, visit, parameters.get("next", ""), done=parameters.get("done", ""))


async def take(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Open a session for whom the passkey is of."""
    assertion = assertion_of(form)
    if assertion is None:
        return await _page(site, visit, form["next"], "passkey-missing")
    try:
        asked = SignIn(assertion=assertion)
        opened = await site.citizens.ask("session.open", asked, SessionOpened, request=form.request)
    except GateRefusedError as error:
        return await _page(site, visit, form["next"], reason_of(error, OF_PASSKEY))
    if not opened.token:
        return await _page(site, visit, form["next"], FORGOTTEN)
    return SeeOther(visit.url(form["next"] or "/my"), opens=opened)


async def show_paper(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page that takes a paper code."""
    return _paper_page(visit, parameters.get("next", ""))


async def take_paper(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Open a session for whom the paper code is of."""
    code = re.sub(r"[\s-]", "", form["code"])
    if not _PAPER_SYMBOLS.fullmatch(code):
        return _paper_page(visit, form["next"], "paper-form")
    try:
        asked = PaperTyped(code=code)
        opened = await site.citizens.ask("session.paper", asked, SessionOpened, request=form.request)
    except GateRefusedError as error:
        return _paper_page(visit, form["next"], reason_of(error, OF_PAPER))
    if not opened.token:
        return _paper_page(visit, form["next"], FORGOTTEN)
    return SeeOther(visit.url(form["next"] or "/my"), opens=opened)


async def _page(site: Site, visit: Visit, forward: str, wrong: str = "", done: str = "") -> Page:
    """Return the page with a new challenge; without one where the gate is away, or knows no address for passkeys."""
    try:
        said = await site.citizens.ask("session.challenge", Nobody(), SignInChallenge)
    except GateRefusedError as error:
        return _shown(visit, EntranceView(False, None, forward, wrong or reason_of(error, OF_PASSKEY), done, _kind(visit)))
    except GateAwayError:  # what came before is said all the same: whoever has left wants to know
        return Page("in.html", EntranceView(False, None, forward, wrong, done, _kind(visit), is_away=True), 200 if done else 503)
    passkey = PasskeyAsked.to_sign(said.challenge, said.relying_party)
    return _shown(visit, EntranceView(False, passkey, forward, wrong, done, _kind(visit)))


def _paper_page(visit: Visit, forward: str, wrong: str = "") -> Page:
    return _shown(visit, EntranceView(True, None, forward, wrong, kind=_kind(visit)))


def _shown(visit: Visit, view: EntranceView) -> Page:
    return Page("in.html", view, 422 if view.wrong else 200)


def _kind(visit: Visit) -> str:
    return "" if visit.signed_in is None else visit.signed_in.kind


ROUTES = (
    Route(
        "/in",
        show,
        "Is it you? Come in with a passkey",
        parameters=(AFTERWARDS, _DONE),
        form=take,
        fields=(_FORWARD, *ASSERTION),
    ),
    Route(
        "/in/paper",
        show_paper,
        "Come in with a paper code",
        parameters=(AFTERWARDS,),
        form=take_paper,
        fields=(FormField("code", longest=60, is_code=True), _FORWARD),
    ),
)
