"""`/check/<n>`: any number of the record, in words: what stands in it in clear, and what the gate tells of it besides.

The record says of a release neither for whom it was nor what was in it; the gate does, as long as it keeps the opening. Where the
gate is away, the page shows what the record says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consent.core.policies.policy import PolicySet
from consent.portal.answers import Answer, NoSuchPage, Page, Parameter, Route, file_of
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.pages.check import NUMBER, BrowserCheck, browser_check, moment
from consent.portal.record import PublicRecord, RulesChange
from consent.portal.site import Site
from consent.portal.visit import Visit
from consent.portal.ways.words import place_title
from consent.public_messages import EntryTold, PartTold
from gateway.audit.explain.content import SENTENCES
from gateway.audit.log.entries import NO_CONSENT, NO_POLICY, Entry, Kind

MOST_PARTS: Final = 30
"""Of so many kinds of figures in a release the page tells; of the others, how many they are."""
PROOF: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class PartShown:
    """Figures or records of one kind in a release.

    Attributes:
        flow_title: Of the use of data; its id where the rules have none.
        is_flow: The rules in force have that use, so that it has a page.
        statistic: Empty where the values are single readings.
        homes: As in ``PartTold``.
    """

    flow: str
    flow_title: str
    is_flow: bool
    observed: str
    statistic: str
    place: str
    start: str
    end: str
    records: int
    homes: int | None


@dataclass(frozen=True, slots=True)
class EntryView:
    """What the page shows.

    Attributes:
        state: `shown`; `absent`: the record has no such number; `broken`: it has, and the file does not lead to what was signed.
        kind: Its word.
        last: The highest number.
        rules_hash: Of the rules that it rests on; empty where there are none yet.
        rules: The change that put the rules in force that it rests on; None where that has not been read.
        answers: The number of the latest answer; None before the first.
        told: What the gate tells; None where it is away, or is not asked.
        recipient: Title of who got it.
        clear: Each field as it stands in the record.
    """

    state: str
    index: int
    last: int | None
    kind: str = ""
    time: str = ""
    rules_hash: str = ""
    rules: RulesChange | None = None
    rules_time: str = ""
    answers: int | None = None
    deleted: int | None = None
    is_release: bool = False
    told: EntryTold | None = None
    recipient: str = ""
    parts: tuple[PartShown, ...] = ()
    more: int = 0
    clear: tuple[tuple[str, str], ...] = ()
    browser: BrowserCheck | None = None


async def show(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the page of a number; with status 404 where there is no such number."""
    index, head = int(parameters["index"]), site.record.head
    if head is None or index >= head.size:
        return Page("entry.html", EntryView("absent", index, head.size - 1 if head and head.size else None), 404)
    entry = site.record.entry(index)
    if entry is None:
        return Page("entry.html", EntryView("broken", index, head.size - 1, browser=browser_check(visit, head, index)))
    told = await _told(site, entry)
    rules = _rules_of(site.record, entry)
    policies = rules.policies if rules and rules.policies else site.record.policies
    parts = () if told is None else told.parts
    return Page("entry.html", EntryView(
        "shown",
        index,
        head.size - 1,
        kind=entry.kind.word,
        time=moment(visit, entry.time_ms),
        rules_hash="" if entry.policy == NO_POLICY else entry.policy.hex(),
        rules=rules,
        rules_time="" if rules is None else moment(visit, rules.at_ms),
        answers=None if entry.consent_head == NO_CONSENT else entry.consent_head,
        deleted=entry.parts_deleted,
        is_release=entry.kind is Kind.RELEASE,
        told=told,
        recipient="" if told is None else _recipient(visit, policies, told.recipient),
        parts=tuple(_part(visit, policies, site.record.policies, part) for part in parts[:MOST_PARTS]),
        more=max(0, len(parts) - MOST_PARTS),
        clear=tuple(_clear(visit, entry)),
        browser=browser_check(visit, head, index),
    ))  # fmt: skip


async def proof(site: Site, visit: Visit, parameters: Mapping[str, str]) -> Answer:
    """Answer with the proof of a number, as `sluice audit check-proof` reads it."""
    found = site.record.proof(int(parameters["index"]))
    if found is None:
        raise NoSuchPage
    name = f"{parameters['index']}.tlog-proof"
    return file_of(found, PROOF, name)


async def _told(site: Site, entry: Entry) -> EntryTold | None:
    """Return what the gate tells of a release; None of anything else, and where the gate is away or does not know it."""
    if entry.kind is not Kind.RELEASE:
        return None
    try:
        return await site.gate.entry(entry.sequence)
    except (GateAwayError, GateRefusedError):
        return None


def _rules_of(record: PublicRecord, entry: Entry) -> RulesChange | None:
    """Return the latest change, up to an entry, that put in force the rules that the entry names."""
    found = (each for each in reversed(record.changes) if each.sha256 == entry.policy and each.index <= entry.sequence)
    return next(found, None)


def _recipient(visit: Visit, policies: PolicySet | None, name: str) -> str:
    known = policies.recipients.get(name) if policies else None
    return visit.title(known.title) or name if known else name


def _part(visit: Visit, policies: PolicySet | None, in_force: PolicySet | None, part: PartTold) -> PartShown:
    flow = policies.flows.get(part.flow) if policies else None
    observed = policies.properties.get(part.observed_property) if policies else None
    return PartShown(
        flow=part.flow,
        flow_title=visit.title(flow.title) or part.flow if flow else part.flow,
        is_flow=in_force is not None and part.flow in in_force.flows,
        observed=visit.title(observed.title) or part.observed_property if observed else part.observed_property,
        statistic=SENTENCES[visit.language].get(f"how-figured.{part.statistic}", part.statistic),
        place=part.cell if policies is None else place_title(visit, policies, part.cell),
        start=moment(visit, part.from_ms),
        end=moment(visit, part.until_ms),
        records=part.records,
        homes=part.homes,
    )


def _clear(visit: Visit, entry: Entry) -> list[tuple[str, str]]:
    """Return each field of an entry as it stands in the record: hashes in hexadecimal."""
    fields = ((name, getattr(entry, name)) for name in entry.__struct_fields__)
    shown = [(name, value) for name, value in fields if value is not None]
    return [
        (visit.text("entry", f"clear.{name}"), value.word if isinstance(value, Kind) else _written(value))
        for name, value in shown
    ]


def _written(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


_INDEX = Parameter("index", NUMBER, "0")

ROUTES = (
    Route("/check/{index}", show, "One number of the record, in words", parameters=(_INDEX,)),
    Route("/check/{index}/proof", proof, "The proof that it stands in the record", media=PROOF, parameters=(_INDEX,)),
)
