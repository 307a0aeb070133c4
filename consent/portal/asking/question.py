"""`/my/<flow>`: may this be told of your home? What one should know first, own readings, and three answers of one size.

None is chosen already, but a *no* where the browser asks for privacy (`Sec-GPC: 1`). Less than now is saved as it is sent, by the
session alone; more goes on to ``confirm``, where a passkey signs. What was offered when the page was made is compared with what
is offered when the answer comes (``offers.mark_of``): another *yes* than the one that was read is shown anew, and never saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consent.portal.answers import Answer, FilledForm, FormField, Page, Parameter, Route, SeeOther, Who
from consent.portal.asking.asked import FLOW, AskedQuestion, asked_of, is_alone
from consent.portal.asking.offers import OfferView, mark_of, offer_view, offer_views
from consent.portal.asking.preview import OwnView, own_readings
from consent.portal.asking.saving import answered_before, pause_one, save_offer, say_no, wrong_of
from consent.portal.asking.terms import BeforeView, before_answering
from consent.portal.gates.public import GateRefusedError
from consent.portal.my.telling import CAN_END, from_when, gate_now_ms, scope_title, signed_in, state_of
from consent.portal.site import Site
from consent.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class QuestionView:
    """What the page shows.

    Attributes:
        is_alone: A yes tells of the home by itself, rather than in figures.
        lead: What a yes would let leave, in one sentence.
        state: How it stands, as a key of `my.state`; `since` says since when, empty where nothing was said.
        now: What the reader's own limits come to, where the word in force is neither yes nor less; else None.
        is_held_back: Somebody else of the home permits less.
        rests: Until when nobody asks again; empty where nothing rests.
        by_paper: The session was opened by a paper code, which says no more than now.
        waits: Until when the session's passkey says no more than now; empty where it may.
        counts_from: From when on a yes given now counts.
        mark: Of what is offered.
        wrong: What kept the answer from being saved, as a key of `question.wrong`; empty where nothing did.
        said: `same` where the answer was in force already.
    """

    flow: str
    title: str
    is_alone: bool
    lead: str
    before: BeforeView
    own: OwnView
    offers: tuple[OfferView, ...]
    state: str
    since: str
    now: OfferView | None
    is_held_back: bool
    rests: str
    by_paper: bool
    waits: str
    counts_from: str
    can_stop: bool
    is_paused: bool
    asks_for_privacy: bool
    mark: str
    wrong: str
    said: str


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page of a question."""
    asked = await asked_of(site, visit, parameters["flow"])
    return Page("question.html", await _view(site, visit, asked, said=parameters.get("said", "")))


async def answer(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Save an answer, or say why it was not."""
    asked = await asked_of(site, visit, parameters["flow"])
    word = form["answer"]
    wrong = "none"
    try:
        if word == "no":
            return await say_no(site, visit, asked, form.request)
        if word == "pause":
            return await pause_one(site, visit, asked, form.request)
        offer = asked.offer(word) if word else None
        if offer is not None and form["mark"] == mark_of(asked):
            return await save_offer(site, visit, asked, offer, form.request)
        wrong = "changed" if word else "none"
    except GateRefusedError as error:
        wrong = wrong_of(error)
        asked = await asked_of(site, visit, parameters["flow"])
    before = await answered_before(site, visit, form.request)
    return before or Page("question.html", await _view(site, visit, asked, wrong=wrong), status=422)


async def _view(site: Site, visit: Visit, asked: AskedQuestion, *, wrong: str = "", said: str = "") -> QuestionView:
    row, shown, yes = asked.shown.row, asked.shown, asked.offer("yes")
    state = state_of(row)
    return QuestionView(
        flow=asked.flow.id,
        title=scope_title(visit, asked.policies, asked.flow.id),
        is_alone=is_alone(asked),
        lead="" if yes is None else yes.text,
        before=await before_answering(site, visit, asked),
        own=await own_readings(site, visit, asked),
        offers=offer_views(visit, asked),
        state=state,
        since=visit.date(row.since_ms) if row.since_ms and row.own else "",
        now=offer_view(visit, asked, shown.now) if shown.now is not None and state == "fine" else None,
        is_held_back=row.held_back_by_another,
        rests=visit.date(row.rests_until_ms) if row.rests_until_ms else "",
        by_paper=signed_in(visit).kind == "paper",
        waits=visit.moment(shown.yes_from_ms) if shown.yes_from_ms else "",
        counts_from=from_when(visit, shown.counts_from_ms, await gate_now_ms(site)),
        can_stop=row.own in CAN_END,
        is_paused=state == "paused",
        asks_for_privacy=visit.asks_for_privacy,
        mark=mark_of(asked),
        wrong=wrong,
        said=said,
    )


ROUTES = (
    Route(
        "/my/{flow}",
        show,
        "A question to one's own home, with its answers",
        parameters=(FLOW, Parameter("said", "same", "same", is_in_query=True)),
        needs_gate=True,
        who=Who.SIGNED_IN,
        form=answer,
        fields=(FormField("answer", "yes|less|no|pause", 5), FormField("mark", "[0-9a-f]{16}", 16)),
    ),
)
