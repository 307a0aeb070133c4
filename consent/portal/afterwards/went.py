"""`/my/went`: everything that left with something of the household in it, by who got it, newest first, each with its proof.

The gateway finds it by the household's own marks in the record and tells what the opening of each release still says. What is no
longer kept there has lost its recipient too, and is listed by itself. A release has to be deleted by whoever got it after as many
days as the household's answer allowed: the latest of them is shown, counted from the day on which it left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from consent.core.disclosure import DAY_MS, Identity
from consent.core.explain.phrases import Phrases
from consent.core.policies.policy import PolicySet
from consent.messages import RecordTold, ReleaseTold
from consent.portal.afterwards.own import releases_of
from consent.portal.afterwards.paging import PAGE, Leaf, leaf_of
from consent.portal.answers import BYTES, Answer, NoSuchPage, Page, Parameter, Route, Who, file_of
from consent.portal.my.telling import gate_now_ms
from consent.portal.pages.check import NUMBER
from consent.portal.site import Site
from consent.portal.visit import Visit

FIRST_ROWS: Final = 5
"""Of each recipient the page of all shows so many."""
ROWS: Final = 50
UNKNOWN: Final = "-"
"""Stands for the recipient where it is no longer kept."""
_LATEST_MS: Final = 253_402_300_799_999
_RETENTION: Final = "retention"


@dataclass(frozen=True, slots=True)
class WentRow:
    """A release that held something of the household.

    Attributes:
        when: When it was written down, which is before it is sent.
        flows: Titles of the uses of data, each once.
        observed: What was told, as titles; both are empty where that is no longer kept.
        begin: Of what it tells, from when; empty likewise.
        end: Until when.
        figures: In how many figures or records the household is.
        alone: In how many of these nobody else is.
        state: `received`, `sent`, `waiting` or `taken-back`: a key of `went.state`.
        taken_back: The number by which it was taken back; None where it was not.
        delete_by: By when whoever got it has to delete it; empty where nobody got it, or it is not known any more.
        is_due: Whether that day has come.
        has_proof: Whether the record can already prove it.
    """

    index: int
    when: str
    flows: tuple[str, ...]
    observed: str
    begin: str
    end: str
    figures: int
    alone: int
    state: str
    taken_back: int | None
    delete_by: str
    is_due: bool
    has_proof: bool


@dataclass(frozen=True, slots=True)
class WentTo:
    """What one recipient got.

    Attributes:
        id: As rules and addresses name it; ``UNKNOWN`` where it is no longer kept.
        title: Empty likewise.
    """

    id: str
    title: str
    leaf: Leaf[WentRow]


@dataclass(frozen=True, slots=True)
class WentView:
    """What the page shows.

    Attributes:
        total: How often something left, all recipients together, and was not taken back.
        is_one: Only one recipient's is shown, by pages.
    """

    total: int
    recipients: tuple[WentTo, ...]
    is_one: bool


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page: the newest of every recipient, or all of one.

    Raises: NoSuchPage: nothing of the household went to that one.
    """
    releases = (await releases_of(site, visit)).releases
    by_recipient: dict[str, list[ReleaseTold]] = {}
    for release in reversed(releases):
        name = UNKNOWN if release.recipient is UNSET else release.recipient
        by_recipient.setdefault(name, []).append(release)
    asked = parameters.get("to", "")
    if asked and asked not in by_recipient:
        raise NoSuchPage
    shown = [asked] if asked else sorted(by_recipient, key=lambda name: (name == UNKNOWN, -by_recipient[name][0].log_index))
    now_ms = await gate_now_ms(site)
    size, page = (ROWS, parameters.get("page", "")) if asked else (FIRST_ROWS, "")
    return Page("went.html", WentView(
        total=sum(release.taken_back is None for release in releases),
        recipients=tuple([_went_to(site, visit, name, leaf_of(by_recipient[name], page, size), now_ms) for name in shown]),
        is_one=bool(asked),
    ))  # fmt: skip


async def proof(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the proof that a release of the household stands in the record.

    Raises: NoSuchPage: nothing of the household was in that number, or no checkpoint holds it yet.
    """
    index = int(parameters["index"])
    if all(release.log_index != index for release in (await releases_of(site, visit)).releases):
        raise NoSuchPage
    found = site.record.proof(index)
    if found is None:
        raise NoSuchPage
    return file_of(found, BYTES, f"{index}.tlog-proof")


def _went_to(site: Site, visit: Visit, name: str, leaf: Leaf[ReleaseTold], now_ms: int) -> WentTo:
    policies = site.record.policies
    known = policies.recipients.get(name) if policies else None
    title = "" if name == UNKNOWN else (visit.title(known.title) or name if known else name)
    rows = tuple([_row(site, visit, release, now_ms) for release in leaf.rows])
    return WentTo(name, title, Leaf(rows, leaf.number, leaf.pages, leaf.total))


def _row(site: Site, visit: Visit, release: ReleaseTold, now_ms: int) -> WentRow:
    records: Sequence[RecordTold] = [] if release.records is UNSET else release.records
    due_ms = _delete_by_ms(site.record.policies, release, records)
    return WentRow(
        index=release.log_index,
        when=visit.moment(release.time_ms),
        flows=_titles(visit, site.record.policies, "flows", (record.flow for record in records)),
        observed=_listed(visit, _titles(visit, site.record.policies, "properties", (record.property for record in records))),
        begin=visit.moment(min(record.window_ms[0] for record in records)) if records else "",
        end=visit.moment(max(record.window_ms[1] for record in records)) if records else "",
        figures=len(records),
        alone=sum(record.identity != "aggregate" for record in records),
        state=_state(release),
        taken_back=release.taken_back,
        delete_by=visit.date(due_ms) if due_ms is not None else "",
        is_due=due_ms is not None and due_ms <= now_ms,
        has_proof=site.record.proof(release.log_index) is not None,
    )


def _state(release: ReleaseTold) -> str:
    if release.taken_back is not None:
        return "taken-back"
    return "received" if release.under_way is UNSET else release.under_way


def _delete_by_ms(policies: PolicySet | None, release: ReleaseTold, records: Sequence[RecordTold]) -> int | None:
    """Return when the last of a release has to be deleted; None where it never left, or that is not known any more."""
    days = [_kept_days(policies, record) for record in records if _RETENTION in record.disclosure]
    if not days or release.taken_back is not None:
        return None
    return min(release.time_ms + max(days) * DAY_MS, _LATEST_MS)


def _kept_days(policies: PolicySet | None, record: RecordTold) -> int:
    """Return for how many days a record may be kept: a figure about homes, for as few as the rules permit anywhere."""
    days = int(record.disclosure[_RETENTION])
    if policies is None or record.identity != Identity.AGGREGATE.label or record.flow not in policies.flows:
        return days
    is_by_consent = policies.rests_on_consent(policies.flows[record.flow])
    return min(days, policies.least_retention_days[record.flow]) if is_by_consent else days


def _titles(visit: Visit, policies: PolicySet | None, table: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return titles by the rules in force, each once; the id where these have none."""
    known = {} if policies is None else getattr(policies, table)
    return tuple([visit.title(known[name].title) or name if name in known else name for name in dict.fromkeys(names)])


def _listed(visit: Visit, titles: Sequence[str]) -> str:
    return Phrases(visit.language).listed(titles) if titles else ""


_TO: Final = Parameter("to", r"[a-z0-9-]{1,64}", "city-energy", is_in_query=True)
_INDEX: Final = Parameter("index", NUMBER, "0")

ROUTES: Final = (
    Route("/my/went", show, "Who got what of the household", parameters=(_TO, PAGE), needs_gate=True, who=Who.SIGNED_IN),
    Route(
        "/my/went/{index}/proof",
        proof,
        "The proof that a release stands in the record",
        BYTES,
        (_INDEX,),
        needs_gate=True,
        who=Who.SIGNED_IN,
    ),
)
