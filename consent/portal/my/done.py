"""`/my/done/<n>`: does it hold? Since when, how long it took, its number in the record, and what was under way.

Times, numbers and words are the gateway's (`question.list`); how long it took, and which bundles had left, is what this portal
remembers of a moment ago (``portal.recent``), and is left out once it is forgotten: the receipt names the bundles for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from consent.citizen_messages import MineIn, QuestionRow, Questions
from consent.core.consents.records import PURPOSE_PREFIX
from consent.core.policies.policy import PolicySet
from consent.portal.answers import Answer, NoSuchPage, Page, Parameter, Route, Who
from consent.portal.my.telling import CAN_END, IN_FORCE, from_when, gate_of, recipient_title, scope_title, signed_in, state_of
from consent.portal.recent import RecentChange
from consent.portal.site import Site
from consent.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class ChangedAnswer:
    """What holds now of one use of data.

    Attributes:
        state: A key of `my.state`.
        number: Of its entry; ``receipt`` is the same, as addresses have it.
        ends: When it ends by itself; empty where it does not.
        can_stop: Whether there is something left to take back.
    """

    flow: str
    title: str
    icon: str
    state: str
    text: str
    recipient: str
    number: str
    receipt: int
    ends: str
    can_stop: bool
    permits: bool
    is_held_back: bool


@dataclass(frozen=True, slots=True)
class DoneView:
    """What the page shows.

    Attributes:
        time: Since when it is in force, to the second; ``day`` its date.
        took_ms: How long it took; 0 where that is forgotten.
        counts_from: From when on figures take it into account; empty where that is not to be said.
        is_remembered: Whether it is known what was under way.
        under_way: Numbers of the bundles that had left, as written and as addresses have them.
    """

    time: str
    day: str
    took_ms: int
    answers: tuple[ChangedAnswer, ...]
    counts_from: str
    is_remembered: bool
    under_way: tuple[tuple[str, int], ...]


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page.

    Raises: NoSuchPage: nothing of the reader's that is in force stands under the number.
    """
    session, number = signed_in(visit), int(parameters["number"])
    found = await site.citizens.ask("question.list", MineIn(language=visit.language), Questions, session=session.token)
    recent, policies = site.recent.of(session, number), site.record.policies
    numbers = {number} if recent is None else {change.log_index for change in recent.answer.changes}
    rows = [row for row in found.flows if row.log_index in numbers]
    if policies is None or (not rows and recent is None):
        raise NoSuchPage
    return Page("done.html", _view(visit, policies, rows, recent))


def _view(visit: Visit, policies: PolicySet, rows: Sequence[QuestionRow], recent: RecentChange | None) -> DoneView:
    time_ms = max((row.since_ms for row in rows), default=0) if recent is None else recent.answer.time_ms
    gone = sorted({index for change in recent.answer.changes for index in change.handed_over}) if recent is not None else []
    counts_from_ms = recent.counts_from_ms if recent is not None else 0
    return DoneView(
        time=visit.time(time_ms, seconds=True),
        day=visit.date(time_ms),
        took_ms=0 if recent is None else recent.took_ms,
        answers=tuple(_answers(visit, policies, rows, recent)),
        counts_from=from_when(visit, counts_from_ms, time_ms)
        if counts_from_ms and any(row.own in IN_FORCE for row in rows)
        else "",
        is_remembered=recent is not None,
        under_way=tuple((visit.number(index), index) for index in gone),
    )


def _answers(
    visit: Visit, policies: PolicySet, rows: Sequence[QuestionRow], recent: RecentChange | None
) -> Iterator[ChangedAnswer]:
    """Yield what holds now; of what the rules ask no more, what the gateway answered when it was changed."""
    for row in rows:
        yield ChangedAnswer(
            flow=row.flow,
            title=scope_title(visit, policies, row.flow),
            icon=gate_of(row),
            state=state_of(row),
            text=row.text,
            recipient=recipient_title(visit, policies, row.flow),
            number=visit.number(row.log_index),
            receipt=row.log_index,
            ends=visit.date(row.expiry_ms) if row.expiry_ms is not None and row.own in CAN_END else "",
            can_stop=row.own in CAN_END,
            permits=row.own in IN_FORCE,
            is_held_back=row.held_back_by_another,
        )
    told = {row.log_index for row in rows}
    for change in recent.answer.changes if recent is not None else ():
        if change.log_index not in told:
            told.add(change.log_index)
            flow = "" if change.scope.startswith(PURPOSE_PREFIX) else change.scope
            yield ChangedAnswer(
                flow=flow if flow in policies.flows else "",
                title=scope_title(visit, policies, change.scope),
                icon="gate-shut",
                state="replaced",
                text="",
                recipient=recipient_title(visit, policies, flow),
                number=visit.number(change.log_index),
                receipt=change.log_index,
                ends="",
                can_stop=False,
                permits=False,
                is_held_back=False,
            )


ROUTES = (
    Route(
        "/my/done/{number}",
        show,
        "What came of an answer: since when it holds, and what was under way",
        parameters=(Parameter("number", "[0-9]{1,15}", "2418"),),
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
)
