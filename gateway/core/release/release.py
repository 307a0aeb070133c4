"""A release tick: close windows, draw records from the outbox, make one bundle per recipient, log it; void it if need be.

Step 11 of the path of a batch. A bundle is formed only for a recipient whose sink is connected and has nothing under way, so that
days of outage leave consent changes free to act. Every check is made again here, with the plans in force at this instant. Nothing
leaves before the commit that holds the bundle and its log entry is durable; of that the application takes care.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from consent.core.canonical import disclosure_map
from consent.core.disclosure import Disclosure
from gateway.audit.log import canonical
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Part, label, labels_file, opening_salt, subject_label_key
from gateway.audit.log.payloads import EncodedContribution, ReleasePayload, ReleaseRecord, VoidPayload, encode_contribution
from gateway.core.effects import BundleRow, OutboxRow
from gateway.core.journal import Close, ClosedWindow, Void
from gateway.core.ledger import LedgerMove
from gateway.core.plans import Terms, least_terms
from gateway.core.pseudonyms import handle
from gateway.core.release.bundle import Seal
from gateway.core.release.closing import Closing, Member, TermsOf, close_aggregate, close_each, figure, pairs_of
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
from gateway.core.state import ReadyBundle, SentBundle, State
from gateway.core.windows.windows import Cohort, Window
from gateway.recipient.records import Record, encode_record

ROWS_BYTES = 100 * 1024
"""How much of the outbox to look at for one bundle: a record takes up more room there than in its outbox row."""


@dataclass(slots=True)
class _Stood:
    """One contributor's part in a record: what its part of the opening says."""

    record: int
    contributor: bytes
    terms: Terms
    pairs: int


@dataclass(slots=True)
class _Draft:
    """A bundle in the making."""

    recipient: str
    seal: Seal
    left_bytes: int
    full: bool = False
    """Something was left for the next bundle, for want of room."""
    records: list[bytes] = field(default_factory=list)
    listed: list[ReleaseRecord] = field(default_factory=list)
    stood: list[_Stood] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    moved: list[LedgerMove] = field(default_factory=list)

    def has_room(self, records: Sequence[bytes]) -> bool:
        """Say whether these records may go in, all of them; if not, the bundle is full."""
        self.full = self.full or sum(map(self.seal.record_bytes, records)) > self.left_bytes
        return not self.full

    def add(self, encoded: bytes, cohort: Cohort, span: tuple[int, int], pairs: int) -> int:
        """Put a record in; return its number in the bundle."""
        self.left_bytes -= self.seal.record_bytes(encoded)
        self.records.append(encoded)
        level = (cohort.time, cohort.space, cohort.step)
        what = (cohort.identity, cohort.observed_property, cohort.statistic)
        self.listed.append(ReleaseRecord(cohort.flow, level, cohort.cell, span, pairs, *what))
        return len(self.records) - 1


def advance(state: State, now_ms: int, lateness_ms: int) -> None:
    """Move the watermark: windows end by the gateway's clock, and only once the inbound queue is drained."""
    state.windows.recount()
    if state.drained:
        state.windows.advance((now_ms - lateness_ms) // 60_000 * 60_000)


def form_bundle(state: State, recipient: str, rows: Sequence[tuple[int, bytes]], now_ms: int, seal: Seal) -> ReadyBundle | None:
    """Form the next bundle of a recipient from ended windows and waiting records, and log it.

    Args:
        state: Changed in place; the commit under way gets the bundle and its entry.
        recipient: Its sink must be connected and idle.
        rows: The oldest outbox rows of this recipient: (number, content).
        now_ms: The gateway's clock.
        seal: Makes the bundle's bytes.
    Returns: The bundle, to be handed to the sink once committed; None where nothing may leave now.
    """
    draft = _Draft(recipient, seal, seal.capacity_bytes)
    terms_of = _terms_in_force(state, now_ms)
    closed: list[ClosedWindow] = []
    for window in state.windows.ended():
        if state.policies.flows[window.cohort.flow].recipient == recipient and not draft.full:
            _draw_window(state, draft, window, terms_of, closed)
    for number, content in rows:
        if draft.full:
            break
        _draw_row(state, draft, number, content, terms_of)
    index = state.log.size if draft.records else -1
    if closed:
        state.journal.note(Close(index, closed))
    if draft.records:
        return _finish(state, draft, index, now_ms)
    _drop_day_keys(state)
    return None


def _terms_in_force(state: State, now_ms: int) -> TermsOf:
    def terms_of(contributor: bytes, cohort: Cohort) -> Terms | None:
        held = [
            target.terms
            for plan in state.by_contributor.get(contributor, ())
            for target in plan.targets()
            if target.cohort == cohort and now_ms < target.terms.expires_ms
        ]
        return least_terms(held)

    return terms_of


def _draw_window(state: State, draft: _Draft, window: Window, terms_of: TermsOf, closed: list[ClosedWindow]) -> None:
    """Close one window into the draft, as far as there is room."""
    policies, whole_since_ms = state.policies, state.windows.whole_since_ms
    cohort = window.cohort
    if cohort.identity == "aggregate":
        closing = close_aggregate(window, terms_of, policies, whole_since_ms)
        drawn = _draw_figure(state, draft, closing)
    else:
        closing = close_each(window, terms_of, policies, whole_since_ms)
        drawn = _draw_each(state, draft, closing)
    left = {m.contributor for m in closing.members[len(drawn) :]}
    _account(state, draft, closing, drawn)
    taken = Window(cohort, window.start_ms, window.end_ms)
    taken.members = {m.contributor: m.contribution for m in drawn}
    if drawn:
        draft.windows.append(taken)
    gone = [contributor for contributor in window.members if contributor not in left]
    closed.append(ClosedWindow(cohort, window.start_ms, window.end_ms, gone, [m.contributor for m in drawn]))
    for contributor in gone:
        del window.members[contributor]
    if not window.members:
        state.windows.remove(window.key)


def _draw_figure(state: State, draft: _Draft, closing: Closing) -> list[Member]:
    """Make a record of the window's one figure; return those that stand in it, nobody where there is no room."""
    members = closing.members
    if not members:
        return []
    assert closing.figure is not None
    retention_days = min(member.terms.disclosure.retention_days for member in members)
    record = figure_record(closing.window, closing.figure, len(members), retention_days, state.policies)
    return members if _stand(draft, record, closing.window, members) else []


def _draw_each(state: State, draft: _Draft, closing: Closing) -> list[Member]:
    """Make a record of each member's own total, under its pseudonym or an id of its own; return those that found room."""
    window, policies = closing.window, state.policies
    purpose = policies.flows[window.cohort.flow].purpose
    drawn: list[Member] = []
    if not closing.members:
        return drawn
    day = epoch_day(window.start_ms)
    pseudonymiser = state.domain_keys.pseudonymiser(draft.recipient, purpose, day, state.identity.start)
    for member in closing.members:
        own = figure(window.cohort, [member.value], policies)
        retention_days = member.terms.disclosure.retention_days
        if window.cohort.identity == "per-record":
            record = unlinked_record(window, own, state.identity.random_bytes(16), retention_days, policies)
        else:
            subject = state.subjects.get(member.contributor)
            secret = member.contributor if subject is None else subject.secret
            pseudonym = pseudonymiser.pseudonym(handle(secret, purpose))
            record = own_record(window, own, pseudonym, pseudonymiser.domain, retention_days, policies)
        if not _stand(draft, record, window, [member]):
            break
        drawn.append(member)
    return drawn


def _stand(draft: _Draft, record: Record, window: Window, members: list[Member]) -> bool:
    """Put the record of some members of a window into the draft, if there is room."""
    encoded = encode_record(record)
    if not draft.has_room([encoded]):
        return False
    number = draft.add(encoded, window.cohort, (window.start_ms, window.end_ms), pairs_of(members))
    if not window.cohort.public:
        draft.stood += [_Stood(number, m.contributor, m.terms, m.contribution.pairs) for m in members]
    return True


def _account(state: State, draft: _Draft, closing: Closing, drawn: list[Member]) -> None:
    ledger = state.ledger
    ledger.move("pairs.open", "pairs.withdrawn", closing.withdrawn)
    for reason, pairs in closing.suppressed.items():
        ledger.move("pairs.open", f"pairs.suppressed.{reason}", pairs)
    aggregated = pairs_of(drawn)
    ledger.move("pairs.open", "pairs.aggregated", aggregated)
    draft.moved.append(LedgerMove("pairs.open", "pairs.aggregated", aggregated))


def _draw_row(state: State, draft: _Draft, number: int, content: bytes, terms_of: TermsOf) -> None:
    """Draw the readings of an outbox row, if there is room for all; those that may no longer leave are accounted and gone."""
    readings = read_row(content)
    kept: list[Waiting] = []
    records: list[bytes] = []
    bases: list[Terms] = []
    for waiting in readings:
        terms = terms_of(waiting.contributor, waiting.cohort)
        if terms is not None and terms.since_ms <= waiting.since_ms:
            kept.append(waiting)
            records.append(encode_record(single_record(waiting, terms, state.policies)))
            bases.append(terms)
    if not draft.has_room(records):
        return
    for waiting, record, terms in zip(kept, records, bases, strict=True):
        place = draft.add(record, waiting.cohort, (waiting.start_ms, waiting.end_ms), 1)
        if not waiting.cohort.public:
            draft.stood.append(_Stood(place, waiting.contributor, terms, 1))
    state.ledger.move("pairs.waiting", "pairs.withheld_at_release.withdrawn", len(readings) - len(kept))
    state.ledger.move("pairs.waiting", "pairs.released", len(kept))
    draft.moved.append(LedgerMove("pairs.waiting", "pairs.released", len(kept)))
    draft.outbox.append(OutboxRow(number, draft.recipient, content if len(kept) == len(readings) else encode_row(kept)))
    state.commit.outbox_done.append(number)
    state.waiting[draft.recipient] -= 1


def _finish(state: State, draft: _Draft, index: int, now_ms: int) -> ReadyBundle:
    """Seal and log the draft. The subjects' parts follow the bundle's, each under a salt that dies with the subject's secret."""
    content = draft.seal.seal(draft.records, index)
    subjects = {stood.contributor: state.subjects[stood.contributor] for stood in draft.stood}
    keys = [subject_label_key(subject.secret, subject.label_generation) for subject in subjects.values()]
    labels = labels_file([label(key, index) for key in keys], state.identity.random_bytes)
    parts = state.one_part(ReleasePayload(draft.recipient, tuple(draft.listed)).encode())
    encoded: dict[Disclosure, bytes] = {}
    for stood in draft.stood:
        salt = opening_salt(subjects[stood.contributor].secret, index, stood.record)
        pairs = stood.pairs
        for terms in stood.terms.several or (stood.terms,):
            disclosure = terms.disclosure
            if disclosure not in encoded:
                encoded[disclosure] = canonical.encode(disclosure_map(disclosure))
            contribution = EncodedContribution(
                stood.record,
                stood.contributor,
                encoded[disclosure],
                terms.policy_entry,
                terms.consent_entries,
                pairs,
                terms.profile,
                terms.zone,
            )
            parts.append(Part(salt, encode_contribution(contribution)))
            pairs = 0  # told once, with the first of a household's devices
    state.append(Kind.RELEASE, now_ms, parts, bundle_sha256=sha256(content).digest(), labels=labels)
    state.ledger.add("bundles.formed")
    state.ledger.add("bundles.ready")
    sink = state.policies.recipients[draft.recipient].sink
    state.commit.bundles.append(BundleRow(index, draft.recipient, sink, content))
    unsent = ReadyBundle(
        index, draft.recipient, content, draft.windows, draft.outbox, draft.moved, frozenset(subjects), draft.full
    )
    state.unsent[draft.recipient] = unsent
    return unsent


def discard_rows(state: State, recipient: str, rows: Sequence[tuple[int, bytes]]) -> None:
    """Account for records whose recipient the policies no longer know: they stay, for good."""
    for number, content in rows:
        state.ledger.move("pairs.waiting", "pairs.withheld_at_release.no-recipient", len(read_row(content)))
        state.commit.outbox_done.append(number)
        state.waiting[recipient] -= 1


def handed_over(state: State, recipient: str) -> None:
    """Take note that the first byte of a recipient's bundle has been handed to its sink: from now on it stands."""
    unsent = state.unsent.pop(recipient)
    state.handed[unsent.index] = SentBundle(recipient, unsent.subjects, unsent.full)
    state.ledger.move("bundles.ready", "bundles.sent", 1)


def acknowledged(state: State, index: int) -> None:
    """Take note that the broker upstream has a bundle: it is forgotten here, and with it the day keys that it used up."""
    state.handed.pop(index)
    state.ledger.move("bundles.sent", "bundles.acknowledged", 1)
    state.commit.bundles_done.append(index)
    _drop_day_keys(state)


def _drop_day_keys(state: State) -> None:
    """Forget the pseudonym keys of days whose totals are all acknowledged."""
    if state.handed or state.unsent:
        return
    flows = state.policies.flows
    needed = set()
    for window in state.windows:
        flow = flows[window.cohort.flow]
        needed.add((flow.recipient, flow.purpose, epoch_day(window.start_ms)))
    for domain in state.domain_keys.domains():
        if (domain.recipient, domain.purpose, domain.epoch_day) not in needed:
            state.domain_keys.drop(domain)


def void(state: State, recipient: str, now_ms: int) -> None:
    """Take back a bundle of which no byte has been handed over: its contributions and records return whence they came."""
    unsent = state.unsent.pop(recipient)
    state.append(Kind.VOID, now_ms, state.one_part(VoidPayload(unsent.index).encode()))
    state.journal.note(Void(unsent.index))
    put_back(state, unsent.windows)
    for row in unsent.outbox:
        state.commit.outbox.append(row)
        state.waiting[row.recipient] += 1
    for move in unsent.moved:
        state.ledger.move(move.target, move.source, move.n)
    state.ledger.move("bundles.ready", "bundles.voided", 1)
    state.commit.bundles_done.append(unsent.index)


def put_back(state: State, windows: Sequence[Window]) -> None:
    """Reopen the windows of a voided bundle, beside what may have stayed of them."""
    for window in windows:
        present = state.windows.open.get(window.key)
        if present is None:
            state.windows.put_back(window)
        else:
            present.members.update(window.members)
