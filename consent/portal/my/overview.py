"""`/my`: what one's home tells the city, question by question; and where *stop everything* and *pause everything* lead.

All of it is the gateway's answer to `question.list`, to the session that asks, and only the reader's own word. Where the browser
asks for privacy (`Sec-GPC: 1`), questions that nobody answered are counted and not shown, until the reader asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consent.citizen_messages import AnswersChanged, LessWanted, MineIn, QuestionRow, Questions
from consent.core.disclosure import DAY_MS
from consent.core.policies.policy import PolicySet
from consent.messages import MessageShown
from consent.portal.answers import Answer, FilledForm, FormField, Page, Parameter, Route, SeeOther, Who
from consent.portal.gates.public import GateRefusedError
from consent.portal.my.telling import (
    CAN_END,
    IN_FORCE,
    SAME,
    gate_of,
    is_unanswered,
    recipient_title,
    scope_title,
    signed_in,
    state_of,
)
from consent.portal.site import Site
from consent.portal.visit import Visit

NOTICE_MS: Final = 14 * DAY_MS
"""So long before an answer ends the page says so."""
_NEWS: Final = 20
_NEWS_ICONS: Final = {
    "resident-joined": "who",
    "resident-left": "who",
    "device-joined": "sensor",
    "asked": "ask",
    "expired": "kept",
    "invalidated": "why",
    "restored": "why",
}
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """A question and the reader's word on it, in a row.

    Attributes:
        state: The key of `my.state`.
        text: What leaves at present, in a sentence.
        since: When the word took force; empty without one.
        ends: When it ends; empty where it does not by itself.
        is_ending: It ends within ``NOTICE_MS``.
        rests: Until when nobody asks again; empty where nothing rests.
    """

    flow: str
    title: str
    icon: str
    state: str
    text: str
    recipient: str
    since: str
    ends: str
    is_ending: bool
    rests: str
    is_asked: bool
    is_held_back: bool
    is_unanswered: bool
    permits: bool
    is_paused: bool


@dataclass(frozen=True, slots=True)
class NewsRow:
    """A message of the gate's to the household."""

    icon: str
    text: str
    when: str


@dataclass(frozen=True, slots=True)
class OverviewView:
    """What the page shows.

    Attributes:
        goes_out: By how many uses of data something goes out on the reader's word.
        unanswered: How many questions the reader never answered.
        hidden: How many of those are not shown, since the browser asks for privacy.
        said: `nothing` or `nothing-paused`: what was just asked for changed nothing; else empty.
    """

    answers: tuple[OwnAnswer, ...]
    goes_out: int
    unanswered: int
    hidden: int
    news: tuple[NewsRow, ...]
    said: str


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page."""
    token = signed_in(visit).token
    found = await site.citizens.ask("question.list", MineIn(language=visit.language), Questions, session=token)
    policies = site.record.policies
    is_hiding = visit.asks_for_privacy and parameters.get("show") != _ALL
    shown = [row for row in found.flows if not (is_hiding and is_unanswered(row))]
    view = OverviewView(
        answers=() if policies is None else tuple(_answers(visit, policies, shown, found.now_ms)),
        goes_out=sum(row.own in IN_FORCE and row.counts == "permits" for row in found.flows),
        unanswered=sum(map(is_unanswered, shown)),
        hidden=len(found.flows) - len(shown),
        news=tuple(_news(visit, found.messages)),
        said=parameters.get("said", ""),
    )
    return Page("overview.html", view)


def _answers(visit: Visit, policies: PolicySet, rows: Sequence[QuestionRow], now_ms: int) -> Iterator[OwnAnswer]:
    for row in rows:
        yield OwnAnswer(
            flow=row.flow,
            title=scope_title(visit, policies, row.flow),
            icon=gate_of(row),
            state=state_of(row),
            text=row.text,
            recipient=recipient_title(visit, policies, row.flow),
            since=visit.moment(row.since_ms) if row.since_ms and row.own in CAN_END else "",
            ends=visit.moment(row.expiry_ms) if row.expiry_ms is not None and row.own in CAN_END else "",
            is_ending=row.expiry_ms is not None and row.own in CAN_END and row.expiry_ms - now_ms <= NOTICE_MS,
            rests=visit.date(row.rests_until_ms) if row.rests_until_ms > now_ms else "",
            is_asked=row.is_asked,
            is_held_back=row.held_back_by_another,
            is_unanswered=is_unanswered(row),
            permits=row.own in IN_FORCE,
            is_paused=state_of(row) == "paused",
        )


def _news(visit: Visit, messages: Sequence[MessageShown]) -> Iterator[NewsRow]:
    """Yield the latest messages, newest first."""
    for message in sorted(messages, key=lambda each: each.time_ms, reverse=True)[:_NEWS]:
        yield NewsRow(_NEWS_ICONS.get(message.kind, "you"), message.text, visit.moment(message.time_ms))


async def stop(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Take back every yes of the reader's, paused ones too, or that of one scope, and go on to what came of it."""
    return await _less(site, visit, form, LessWanted(step="withdraw", scope=form["scope"]), "nothing")


async def pause(site: Site, visit: Visit, parameters: Mapping[str, str], form: FilledForm) -> Answer | SeeOther:
    """Pause every yes of the reader's, or that of one scope, and go on to what came of it."""
    return await _less(site, visit, form, LessWanted(step="pause", scope=form["scope"]), "nothing-paused")


async def _less(site: Site, visit: Visit, form: FilledForm, wanted: LessWanted, if_nothing: str) -> SeeOther:
    session = signed_in(visit)
    asked = site.citizens.ask("consent.less", wanted, AnswersChanged, session=session.token, request=form.request)
    try:
        _, number = await site.recent.timed(session, asked)
    except GateRefusedError as error:
        if error.reason != SAME:
            raise
        number = -1
    return SeeOther(visit.url("/my", said=if_nothing) if number < 0 else visit.url(f"/my/done/{number}"))


_SAID: Final = Parameter("said", "nothing|nothing-paused", "nothing", is_in_query=True)
_SHOW: Final = Parameter("show", _ALL, _ALL, is_in_query=True)
_STOP: Final = "Where everything is stopped; seen, it is the page above"
_PAUSE: Final = "Where everything is paused; seen, it is the page above"
_SCOPE: Final = FormField("scope", r"(purpose:)?[A-Za-z0-9._-]{1,64}", 80)
"""Of a receipt's page, which stops or pauses that one answer."""
ROUTES = (
    Route("/my", show, "What one's own home tells the city", parameters=(_SAID, _SHOW), who=Who.SIGNED_IN, needs_gate=True),
    Route("/my/stop", show, _STOP, who=Who.SIGNED_IN, form=stop, fields=(_SCOPE,), needs_gate=True),
    Route("/my/pause", show, _PAUSE, who=Who.SIGNED_IN, form=pause, fields=(_SCOPE,), needs_gate=True),
)
