"""`/my/history`: everything that was ever answered by the person who reads, and every way in of the home, with numbers.

Answers are the reader's own: of another person's nobody but that person sees more than that they hold something back. Ways in are
those of all people of the home, so that nobody can come to speak for it unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from consent.citizen_messages import EnrolmentShown, HomeShown
from consent.core.consents.records import CHANNELS
from consent.messages import ConsentShown
from consent.portal.afterwards.own import consents_of
from consent.portal.afterwards.paging import PAGE, Leaf, leaf_of
from consent.portal.answers import Answer, Page, Route, Who
from consent.portal.my.acts import home_of
from consent.portal.my.telling import scope_title
from consent.portal.site import Site
from consent.portal.visit import Visit

ROWS: Final = 50
_WHAT: Final = ("passkey", "paper", "ended")
_WITH_LIMITS: Final = ("Given", "Renewed")
"""Statuses of answers that may be a yes, less precisely."""
_HOW: Final = ("letter", "invitation", "recovery", "counter", "passkey")


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """Something that stands in the record about the household.

    Attributes:
        what: In a sentence.
        how: How it was given, or came to be; empty where it only ended.
        has_receipt: Whether it is an answer, of which there is a receipt.
    """

    index: int
    time: str
    what: str
    how: str
    has_receipt: bool


@dataclass(frozen=True, slots=True)
class HistoryView:
    """What the page shows.

    Attributes:
        leaf: The rows of this page, newest first.
        counter: How many ways in were made at the counter.
        others: How many are of other people of the home.
    """

    leaf: Leaf[HistoryRow]
    counter: int
    others: int


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page."""
    said, home = await consents_of(site, visit), await home_of(site, visit)
    own = [row for row in said.history if bytes(row.resident) == bytes(home.resident)]
    rows = sorted([*_answers(site, visit, own), *_ways_in(visit, home)], key=lambda row: -row.index)
    return Page("history.html", HistoryView(
        leaf=leaf_of(rows, parameters.get("page", ""), ROWS),
        counter=sum(each.how == "counter" for each in home.enrolments),
        others=sum(not each.is_own for each in home.enrolments),
    ))  # fmt: skip


def _answers(site: Site, visit: Visit, said: list[ConsentShown]) -> Iterator[HistoryRow]:
    policies = site.record.policies
    for row in said:
        channel = row.channel if row.channel in CHANNELS else "other"
        title = row.scope if policies is None else scope_title(visit, policies, row.scope)
        less = "-less" if row.limits and row.status in _WITH_LIMITS else ""
        yield HistoryRow(
            index=row.log_index,
            time=_moment(visit, row.time_ms),
            what=visit.text("history", f"said.{row.status}{less}", title=title),
            how=visit.text("history", f"channel.{channel}"),
            has_receipt=True,
        )


def _ways_in(visit: Visit, home: HomeShown) -> Iterator[HistoryRow]:
    for each in home.enrolments:
        whose = "own" if each.is_own else "other"
        assert each.what in _WHAT
        yield HistoryRow(
            index=each.log_index,
            time=_moment(visit, each.time_ms),
            what=visit.text("history", f"{whose}.{each.what}"),
            how=_how(visit, each),
            has_receipt=False,
        )


def _how(visit: Visit, each: EnrolmentShown) -> str:
    return visit.text("history", f"how.{each.how}") if each.how in _HOW else ""


def _moment(visit: Visit, at_ms: int) -> str:
    return f"{visit.date(at_ms)}, {visit.time(at_ms, seconds=True)}"


ROUTES: Final = (
    Route(
        "/my/history",
        show,
        "Every answer, and every way to come in, with numbers",
        parameters=(PAGE,),
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
)
