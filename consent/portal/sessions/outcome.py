"""What became of a form whose answer did not come: the page asks the gateway by the request's id, and claims nothing before.

`/my/sent` is led to by the page that says so, and leads to itself until the gateway answers. `/my/session` ends the visitor's
session, or makes it last longer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from consent.citizen_messages import Mine, RequestNamed, RequestOutcome, SessionNamed, SessionOpened, SessionsEnded
from consent.messages import Hex
from consent.portal.answers import PLAIN, Answer, Content, FilledForm, FormField, Page, Route, SeeOther, Who
from consent.portal.gates.citizen import OutcomeUnknownError
from consent.portal.gates.public import GateAwayError
from consent.portal.site import Site
from consent.portal.visit import SentForm, Visit

SENT_PATH: Final = "/my/sent"
SESSION_PATH: Final = "/my/session"
_ANSWERS: Final = "consent."
"""How the methods begin whose entries have a page `/my/done/<n>`."""


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """What the page shows.

    Attributes:
        kind: `unsent`: nothing was changed, since the gate was not reached; `unknown`: nobody knows yet, and it can be sent again
            under the same id, which changes nothing twice; `asking`: nobody knows yet, and the page asks; `done`; `not-done`.
        again: The form, to be sent again under the same id.
        at: When it was done, in words.
        done: Where more of it is told.
    """

    kind: Literal["unsent", "unknown", "asking", "done", "not-done"]
    again: SentForm | None
    at: str = ""
    done: str = ""


async def show_sent(site: Site, visit: Visit, _parameters: Mapping[str, str]) -> Answer:
    """Answer what became of what the visitor sent last."""
    assert visit.signed_in is not None
    if visit.unanswered is None:
        return Content(b"", PLAIN, 303, headers={"location": visit.url("/my")})
    try:
        outcome = await site.citizens.ask(
            "request.outcome",
            RequestNamed(request=Hex.parse(visit.unanswered.request)),
            RequestOutcome,
            session=visit.signed_in.token,
        )
    except GateAwayError:
        return Page("unknown.html", OutcomeView("asking", None), goes_to=visit.url(SENT_PATH))
    if not outcome.is_done:
        return Page("unknown.html", OutcomeView("not-done", visit.unanswered.form))
    has_page = outcome.log_indices and outcome.method.startswith(_ANSWERS)
    done = visit.url(f"/my/done/{outcome.log_indices[0]}" if has_page else "/my")
    return Page("unknown.html", OutcomeView("done", None, visit.moment(outcome.time_ms), done))


async def show_session(_site: Site, visit: Visit, _parameters: Mapping[str, str]) -> Answer:
    """Lead whoever opens the address of the form to their own page."""
    return Content(b"", PLAIN, 303, headers={"location": visit.url("/my")})


async def take_session(site: Site, visit: Visit, _parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """End the session, or make it last longer.

    It ends here whatever the gateway says, since whoever leaves a shared computer cannot wait: there it ends by itself.
    """
    assert visit.signed_in is not None
    token = visit.signed_in.token
    if form["act"] == "extend":
        opened = await site.citizens.ask("session.extend", Mine(), SessionOpened, session=token, request=form.request)
        return SeeOther(visit.url("/my"), opens=opened)
    with contextlib.suppress(GateAwayError, OutcomeUnknownError):
        await site.citizens.ask("session.end", SessionNamed(), SessionsEnded, session=token, request=form.request)
    return SeeOther(visit.url("/in", done="ended"), closes=True)


ROUTES: Final = (
    Route(SENT_PATH, show_sent, "What became of what was sent last", statuses=(303,), who=Who.SIGNED_IN),
    Route(
        SESSION_PATH,
        show_session,
        "The session: ends it, or makes it last longer",
        statuses=(303,),
        who=Who.SIGNED_IN,
        form=take_session,
        fields=(FormField("act", "end|extend", is_required=True),),
    ),
)
