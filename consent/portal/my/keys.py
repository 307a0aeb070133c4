"""`/my/keys`: the passkeys, sessions and paper code by which one comes in; ended by a session alone, added with a proof.

A new passkey takes two steps where there is an earlier one: the browser makes it, and the earlier one signs that it may be; the
gate holds the new one in memory in between. Where all are lost, the paper code takes the earlier one's place and is used up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from consent.citizen_messages import (
    CredentialRecorded,
    HomeShown,
    Mine,
    PaperMade,
    PasskeyAdded,
    PasskeyNamed,
    PasskeyShown,
    RegistrationChallenge,
    SessionNamed,
    SessionsEnded,
    SessionShown,
)
from consent.messages import Hex, Parameters
from consent.portal.answers import Answer, FilledForm, FormField, Page, Parameter, Route, SeeOther, Who
from consent.portal.gates.public import GateRefusedError
from consent.portal.joining.passkey_form import PASSKEY_FIELDS, PasskeyAsked, assertion_of, registration_of
from consent.portal.joining.refusals import reason_of
from consent.portal.my.acts import (
    OF_ACTS,
    UNANSWERED,
    UNSHOWN,
    home_of,
    is_by_passkey,
    proof_wanted,
    proved_by,
)
from consent.portal.my.telling import gate_now_ms
from consent.portal.site import Site
from consent.portal.visit import Visit

_NAME: Final = "[0-9a-f]{32}|[0-9a-f]{64}"
_DONE: Final = Parameter("done", "added|ended|closed", "added", is_in_query=True)


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey.

    Attributes:
        name: By which the record names it, in hexadecimal.
        how: How it came to be; see ``Enrolment``.
        used: When it last answered; empty: never.
        yes_from: From when on it can say yes, where that is still to come; else empty.
    """

    name: str
    since: str
    how: str
    log_index: int
    used: str
    yes_from: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session, by its name."""

    name: str
    kind: str
    since: str
    until: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class KeysView:
    """What the page shows: one thing to do next where there is one, else every way in.

    Attributes:
        step: `make` a passkey; `prove` it, or `replace` the paper code, by an earlier one; `kept`: a new paper code, shown this
            once. Empty: every way in.
        asked: What a browser is asked for.
        by_passkey: Whether the session was opened by a passkey, which an earlier one can then be asked for.
        paper_code: The new one.
        yes_from: As in ``PasskeyRow``, of a passkey just made.
        paper_since: When the paper code was made; empty: there is none.
        wrong: Why something was not taken; a sentence of the part `passkey`.
        done: As the parameter, or ``UNSHOWN``.
    """

    step: str = ""
    asked: PasskeyAsked | None = None
    by_passkey: bool = False
    paper_code: str = ""
    yes_from: str = ""
    passkeys: tuple[PasskeyRow, ...] = ()
    sessions: tuple[SessionRow, ...] = ()
    paper_since: str = ""
    wrong: str = ""
    done: str = ""


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with every way in."""
    return await _ways(site, visit, done=parameters.get("done", ""))


async def take(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Do what the form says; a refusal is shown above the ways in."""
    try:
        return await _STEPS[form["how"]](site, visit, form)
    except GateRefusedError as error:
        return await _ways(site, visit, reason_of(error, OF_ACTS))


# a new passkey


async def _make(site: Site, visit: Visit, form: FilledForm) -> Answer:
    said = await site.citizens.ask("passkey.challenge", Mine(), RegistrationChallenge, session=visit.token)
    asked = PasskeyAsked.to_make(said.challenge, said.user_handle, said.relying_party, said.exclude)
    return Page("my_keys.html", KeysView("make", asked, is_by_passkey(visit)))


async def _made(site: Site, visit: Visit, form: FilledForm) -> Answer:
    """Take a new passkey: the paper code of its form lets it in at once, else an earlier one has to sign."""
    registration = registration_of(form)
    if registration is None:
        return await _ways(site, visit, UNANSWERED)
    if not form["code"]:
        return Page("my_keys.html", KeysView("prove", await proof_wanted(site, visit, "passkey.add", registration), True))
    added = PasskeyAdded(registration=registration, paper_code=form["code"])
    made = await _change(site, visit, form, "passkey.add", added)
    if not made.paper_code:
        return await _ways(site, visit, done=UNSHOWN)
    yes_from = visit.moment(made.yes_from_ms) if made.yes_from_ms else ""
    return Page("my_keys.html", KeysView("kept", paper_code=made.paper_code, yes_from=yes_from))


async def _proved(site: Site, visit: Visit, form: FilledForm) -> Answer | SeeOther:
    assertion = assertion_of(form)
    if assertion is None:
        return await _ways(site, visit, UNANSWERED)
    await _change(site, visit, form, "passkey.add", PasskeyAdded(proof=assertion))
    return SeeOther(visit.url("/my/keys", done="added"))


# a new paper code


async def _replace(site: Site, visit: Visit, form: FilledForm) -> Answer:
    return Page("my_keys.html", KeysView("replace", await proof_wanted(site, visit, "paper.replace"), True))


async def _replaced(site: Site, visit: Visit, form: FilledForm) -> Answer:
    proved = proved_by(form)
    if proved is None:
        return await _ways(site, visit, UNANSWERED)
    made = await site.citizens.ask("paper.replace", proved, PaperMade, session=visit.token, request=form.request)
    if not made.paper_code:
        return await _ways(site, visit, done=UNSHOWN)
    return Page("my_keys.html", KeysView("kept", paper_code=made.paper_code))


# ends


async def _end_passkey(site: Site, visit: Visit, form: FilledForm) -> Answer | SeeOther:
    if form["name"]:
        await _change(site, visit, form, "passkey.end", PasskeyNamed(passkey=Hex.parse(form["name"])))
    return SeeOther(visit.url("/my/keys", done="ended"))


async def _end_session(site: Site, visit: Visit, form: FilledForm) -> Answer | SeeOther:
    """End the session that the form names; all others where it names none."""
    named = SessionNamed(session=Hex.parse(form["name"])) if form["name"] else SessionNamed(all_others=True)
    await site.citizens.ask("session.end", named, SessionsEnded, session=visit.token, request=form.request)
    return SeeOther(visit.url("/my/keys", done="closed"))


async def _nothing(site: Site, visit: Visit, form: FilledForm) -> Answer:
    return await _ways(site, visit)


_STEPS: Final[Mapping[str, Callable[[Site, Visit, FilledForm], Awaitable[Answer | SeeOther]]]] = {
    "make": _make,
    "made": _made,
    "proved": _proved,
    "replace": _replace,
    "replaced": _replaced,
    "end-passkey": _end_passkey,
    "end-session": _end_session,
    "": _nothing,
}


async def _change(site: Site, visit: Visit, form: FilledForm, method: str, params: Parameters) -> CredentialRecorded:
    return await site.citizens.ask(method, params, CredentialRecorded, session=visit.token, request=form.request)


# every way in


async def _ways(site: Site, visit: Visit, wrong: str = "", done: str = "") -> Page:
    home, now_ms = await home_of(site, visit), await gate_now_ms(site)
    view = KeysView(
        by_passkey=is_by_passkey(visit),
        passkeys=tuple(_passkey(visit, each, now_ms) for each in home.passkeys),
        sessions=tuple(_sessions(visit, home)),
        paper_since=visit.date(home.paper_since_ms) if home.paper_since_ms else "",
        wrong=wrong,
        done=done,
    )
    return Page("my_keys.html", view, 422 if wrong else 200)


def _passkey(visit: Visit, passkey: PasskeyShown, now_ms: int) -> PasskeyRow:
    return PasskeyRow(
        name=passkey.passkey.hex(),
        since=visit.date(passkey.since_ms),
        how=passkey.how,
        log_index=passkey.log_index,
        used=visit.moment(passkey.used_ms) if passkey.used_ms else "",
        yes_from=visit.moment(passkey.yes_from_ms) if passkey.yes_from_ms > now_ms else "",
    )


def _sessions(visit: Visit, home: HomeShown) -> list[SessionRow]:
    """Return the sessions, this one first."""
    return [
        SessionRow(each.session.hex(), each.kind, visit.moment(each.since_ms), visit.moment(each.ends_ms), each.is_this)
        for each in sorted(home.sessions, key=_this_first)
    ]


def _this_first(session: SessionShown) -> tuple[bool, int]:
    return not session.is_this, -session.since_ms


ROUTES = (
    Route(
        "/my/keys",
        show,
        "How one comes in: passkeys, sessions and paper code",
        parameters=(_DONE,),
        needs_gate=True,
        who=Who.SIGNED_IN,
        form=take,
        fields=(
            FormField("how", "make|made|proved|replace|replaced|end-passkey|end-session"),
            FormField("name", _NAME),
            FormField("code", longest=60, is_code=True),
            *PASSKEY_FIELDS,
        ),
    ),
)
