"""`/my/erase`: everything that is held of the home is erased, place by place; confirmed by a passkey or the paper code.

Only everything can be erased, and not the readings of some days: what has left cannot be told apart by them any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from consent.citizen_messages import ActProved
from consent.messages import SubjectErased
from consent.portal.answers import Answer, FilledForm, FormField, Page, Route, SeeOther, Who
from consent.portal.gates.public import GateRefusedError
from consent.portal.joining.passkey_form import ASSERTION, PasskeyAsked
from consent.portal.joining.refusals import reason_of
from consent.portal.my.acts import OF_ACTS, UNANSWERED, home_of, is_by_passkey, proof_wanted, proved_by
from consent.portal.site import Site
from consent.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class ErasedHome:
    """What was erased.

    Attributes:
        log_index: The number in the record that says so.
        pieces: How many pieces of what auditors may see were deleted.
        on_their_way: Numbers of what was being handed over just then.
        is_scrubbed: Whether the disk was written anew; else it had no room, and is as soon as it has.
    """

    log_index: int
    pieces: int
    on_their_way: tuple[int, ...]
    is_scrubbed: bool


@dataclass(frozen=True, slots=True)
class EraseView:
    """What the page shows.

    Attributes:
        people: How many speak for the home.
        sensors: How many sensors it has.
        by_passkey: Whether the session can ask for a passkey.
        proof: What a passkey is asked for, once the person goes on.
        erased: What came of it; None before.
        wrong: Why it was not taken; a sentence of the part `passkey`.
    """

    people: int = 0
    sensors: int = 0
    by_passkey: bool = False
    proof: PasskeyAsked | None = None
    erased: ErasedHome | None = None
    wrong: str = ""


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with what would be erased, and what cannot be."""
    return await _before(site, visit)


async def take(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Ask for the passkey, or erase."""
    try:
        return await _STEPS[form["how"]](site, visit, form)
    except GateRefusedError as error:
        return await _before(site, visit, wrong=reason_of(error, OF_ACTS))


async def _ask(site: Site, visit: Visit, form: FilledForm) -> Answer:
    return await _before(site, visit, await proof_wanted(site, visit, "household.erase"))


async def _by_passkey(site: Site, visit: Visit, form: FilledForm) -> Answer:
    proved = proved_by(form)
    return await _before(site, visit, wrong=UNANSWERED) if proved is None else await _erase(site, visit, form, proved)


async def _by_paper(site: Site, visit: Visit, form: FilledForm) -> Answer:
    if not form["code"].strip():
        return await _before(site, visit, wrong="paper-wrong")
    return await _erase(site, visit, form, ActProved(paper_code=form["code"]))


async def _nothing(site: Site, visit: Visit, form: FilledForm) -> Answer:
    return await _before(site, visit)


_STEPS: Final[Mapping[str, Callable[[Site, Visit, FilledForm], Awaitable[Answer]]]] = {
    "ask": _ask,
    "passkey": _by_passkey,
    "paper": _by_paper,
    "": _nothing,
}


async def _erase(site: Site, visit: Visit, form: FilledForm, proved: ActProved) -> Answer:
    """Erase; the answer shows what came of it, since no session is left that could show another page."""
    done = await site.citizens.ask("home.erase", proved, SubjectErased, session=visit.token, request=form.request)
    erased = ErasedHome(done.log_index, done.parts_deleted, tuple(done.handed_over), done.scrubbed)
    return Page("my_erase.html", EraseView(erased=erased))


async def _before(site: Site, visit: Visit, proof: PasskeyAsked | None = None, wrong: str = "") -> Page:
    home = await home_of(site, visit)
    view = EraseView(len(home.residents), len(home.devices), is_by_passkey(visit), proof, wrong=wrong)
    return Page("my_erase.html", view, 422 if wrong else 200)


ROUTES = (
    Route(
        "/my/erase",
        show,
        "Erase everything of the home",
        needs_gate=True,
        who=Who.SIGNED_IN,
        form=take,
        fields=(FormField("how", "ask|passkey|paper"), FormField("code", longest=60, is_code=True), *ASSERTION),
    ),
)
