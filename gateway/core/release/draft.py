"""Drafts: the outcomes of ended windows and the outbox rows of one recipient, packed into one bundle as far as there is room.

Nothing of the gateway is changed here except that pseudonym domains are opened: a draft states what became of each window and
row, and ``gateway.core.release.bundle`` accounts for it. Windows are packed by their end, then outbox rows by their number, and
whatever comes after the first record that does not fit stays as it is, for the next bundle. But no place tells whose a record
is: which of a window's members are looked at and fit is random, and so is the order of the records in the end.

A draft looks at no more than ``MOST_LOOKED_AT`` members of windows, so that forming it holds nothing up for long, however many
wait: more than fit in a bundle, so that its end comes from the room.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from msgspec import UNSET, UnsetType

from consent.core.disclosure import Identity
from gateway.audit.log.payloads import CITY_OWNED, ReleaseRecord
from gateway.core.figures.table import ClosedAs, Conditions, Figure, Row, Suppressed, Totals, stand
from gateway.core.figures.values import figure
from gateway.core.pseudonyms import handle
from gateway.core.public.bundle import note_reading
from gateway.core.public.tally import HourTally
from gateway.core.release.entry import Basis
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.order import random_order, random_some
from gateway.core.release.records import (
    Waiting,
    encode_row,
    epoch_day,
    figure_record,
    own_record,
    read_row,
    single_record,
    unlinked_record,
)
from gateway.core.state import State
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort
from gateway.recipient.records import Record

MOST_LOOKED_AT: Final = 1000
"""A bundle holds some 700 records."""


@dataclass(frozen=True, slots=True)
class PackedWindow:
    """What a draft made of an ended window.

    Attributes:
        row: Those of its members that were looked at and may stand in it.
        packed: Which of them are in the bundle: all, some or none.
        looked_at: All that were; the others stay as they are.
    """

    row: Row
    packed: Sequence[bytes]
    looked_at: Collection[bytes]


@dataclass(frozen=True, slots=True)
class PackedRow:
    """What a draft made of an outbox row.

    Attributes:
        content: What returns to the outbox if the bundle is voided: the readings that are in the bundle.
        released: How many readings are in the bundle.
        withheld: How many readings may no longer leave.
    """

    number: int
    content: bytes
    released: int
    withheld: int


@dataclass(slots=True)
class Draft:
    """A bundle that is being packed.

    Attributes:
        records: Encoded in the recipient's form.
        listed: What the release entry states about each record.
        bases: What the records about subjects rest on.
        full: Something was left for the next bundle, for want of room, or since enough was looked at.
        looked_at: At how many members of windows.
        hours: By hour, the readings of the city's own sensors that leave one by one.
    """

    recipient: str
    form: BundleFormat
    records: list[bytes] = field(default_factory=list)
    listed: list[ReleaseRecord] = field(default_factory=list)
    bases: list[Basis] = field(default_factory=list)
    windows: list[PackedWindow] = field(default_factory=list)
    rows: list[PackedRow] = field(default_factory=list)
    full: bool = False
    looked_at: int = 0
    hours: dict[int, HourTally] = field(default_factory=dict)
    _bytes: int = 0

    def has_room(self, records: Sequence[bytes]) -> bool:
        """Return whether these records all fit; if not, the bundle is marked as full."""
        needed_bytes = self._bytes + sum(map(len, records))
        self.full = self.full or needed_bytes > self.form.capacity(len(self.records) + len(records))
        return not self.full

    def add(self, encoded: bytes, cohort: Cohort, span: tuple[int, int], terms: Mapping[bytes, Terms], pairs: list[int]) -> None:
        """Add a record.

        Args:
            encoded: The record in the recipient's form.
            cohort: The cohort, for its level and cell.
            span: Start and end of its time.
            terms: The terms of each contributor in it.
            pairs: How many pairs each has contributed, in the same order.
        """
        level = (cohort.time, cohort.space, cohort.step)
        what = (cohort.identity, cohort.observed_property, cohort.statistic)
        if not cohort.public:
            self.bases.append(Basis(len(self.records), terms, pairs))
        owner: Literal["city"] | UnsetType = CITY_OWNED if cohort.public else UNSET  # as `decide` has seen to
        self.listed.append(ReleaseRecord(cohort.flow, level, cohort.cell, span, sum(pairs), *what, owner))
        self.records.append(encoded)
        self._bytes += len(encoded)

    def shuffle(self, random_bytes: Callable[[int], bytes]) -> None:
        """Put the records in random order, and number what they rest on accordingly."""
        order = random_order(len(self.records), random_bytes)
        place = {former: number for number, former in enumerate(order)}
        self.records = [self.records[former] for former in order]
        self.listed = [self.listed[former] for former in order]
        moved = [replace(basis, record=place[basis.record]) for basis in self.bases]
        self.bases = sorted(moved, key=lambda basis: basis.record)


def pack(
    state: State,
    recipient: str,
    form: BundleFormat,
    outcomes: Iterable[ClosedAs],
    rows: Iterable[tuple[int, bytes]],
    conditions: Conditions,
) -> Draft:
    """Pack one bundle, until something does not fit.

    Args:
        state: Supplies subjects' secrets, pseudonym domains, random record ids and the random order.
        recipient: The recipient of the bundle.
        form: The format of the recipient's bundles.
        outcomes: The outcomes of its ended windows; those after the last that it takes are not asked for.
        rows: Its oldest outbox rows: (number, content).
        conditions: The terms and policies in force.
    """
    draft = Draft(recipient, form)
    for outcome in outcomes:
        if draft.looked_at >= MOST_LOOKED_AT:
            draft.full = True
        if draft.full:
            break
        draft.windows.append(_pack_outcome(state, draft, outcome, conditions))
        draft.looked_at += len(draft.windows[-1].looked_at)
    for number, content in rows:
        if draft.full:
            break
        packed = _pack_row(draft, number, content, conditions)
        if packed is not None:
            draft.rows.append(packed)
    draft.shuffle(state.identity.random_bytes)
    return draft


def _pack_outcome(state: State, draft: Draft, outcome: ClosedAs, conditions: Conditions) -> PackedWindow:
    match outcome:
        case Suppressed(row):
            return PackedWindow(row, (), row.window.members)
        case Figure(row):
            packed = tuple(row.members) if _pack_figure(draft, outcome, conditions) else ()
            return PackedWindow(row, packed, row.window.members)
        case Totals(window, is_told):
            looked_at = random_some(window.members, MOST_LOOKED_AT - draft.looked_at, state.identity.random_bytes)
            row = stand(window, conditions, looked_at)
            if is_told:
                row = row.suppress("told")
            packed = _pack_totals(draft, row, _own_records(state, draft.recipient, row, conditions))
            draft.full = draft.full or len(looked_at) < len(window.members)
            return PackedWindow(row, packed, looked_at)


def _pack_figure(draft: Draft, outcome: Figure, conditions: Conditions) -> bool:
    """Add a window's single figure, if it fits."""
    row = outcome.row
    retention_days = min(terms.disclosure.retention_days for terms in row.members.values())
    record = figure_record(row.window, outcome.value, len(row.members), retention_days, conditions.policies)
    return _pack_members(draft, record, row, row.members)


def _pack_totals(draft: Draft, row: Row, records: Iterator[tuple[bytes, Record]]) -> tuple[bytes, ...]:
    """Add members' own totals, as far as they fit; return whose were added."""
    packed: list[bytes] = []
    for contributor, record in records:
        if not _pack_members(draft, record, row, {contributor: row.members[contributor]}):
            break
        packed.append(contributor)
    return tuple(packed)


def _own_records(state: State, recipient: str, row: Row, conditions: Conditions) -> Iterator[tuple[bytes, Record]]:
    """Yield the record of each member's own total, under its pseudonym or an id of its own."""
    if not row.members:
        return
    window, policies = row.window, conditions.policies
    purpose = policies.flows[window.cohort.flow].purpose
    pseudonymiser = state.domain_keys.pseudonymiser(recipient, purpose, epoch_day(window.start_ms), state.identity.sub_epoch)
    members = list(row.members.items())
    for number in random_order(len(members), state.identity.random_bytes):
        contributor, terms = members[number]
        own = figure(window.cohort, [row.value(contributor)], policies)
        retention_days = terms.disclosure.retention_days
        if window.cohort.identity == Identity.PER_RECORD.label:
            record = unlinked_record(window, own, state.identity.random_bytes(16), retention_days, policies)
        else:
            subject = state.registry.subjects.get(contributor)
            secret = contributor if subject is None else subject.secret
            pseudonym = pseudonymiser.pseudonym(handle(secret, purpose))
            record = own_record(window, own, pseudonym, pseudonymiser.domain, retention_days, policies)
        yield contributor, record


def _pack_members(draft: Draft, record: Record, row: Row, members: Mapping[bytes, Terms]) -> bool:
    """Add the record of some members of a window, if it fits."""
    encoded = draft.form.encode(record)
    if not draft.has_room([encoded]):
        return False
    window = row.window
    pairs = [window.members[contributor].pairs for contributor in members]
    draft.add(encoded, window.cohort, (window.start_ms, window.end_ms), members, pairs)
    return True


def _pack_row(draft: Draft, number: int, content: bytes, conditions: Conditions) -> PackedRow | None:
    """Add the readings of an outbox row that may still leave, if all of them fit."""
    readings = read_row(content)
    kept: list[tuple[Waiting, Terms]] = []
    for waiting in readings:
        terms = conditions.terms_of(waiting.contributor, waiting.cohort)
        if terms is not None and terms.since_ms <= waiting.since_ms:
            kept.append((waiting, terms))
    records = [draft.form.encode(single_record(waiting, terms, conditions.policies)) for waiting, terms in kept]
    if not draft.has_room(records):
        return None
    for (waiting, terms), record in zip(kept, records, strict=True):
        cohort, span_ms = waiting.cohort, (waiting.start_ms, waiting.end_ms)
        draft.add(record, cohort, span_ms, {waiting.contributor: terms}, [1])
        if cohort.public:
            note_reading(draft.hours, cohort, span_ms, waiting.n)
    withheld = len(readings) - len(kept)
    return PackedRow(number, encode_row([waiting for waiting, _ in kept]) if withheld else content, len(kept), withheld)
