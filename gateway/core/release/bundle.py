"""A release tick: closes ended windows, packs one bundle per recipient, accounts for it, seals it and logs it.

Step 11 of the path of a batch, in two phases: all ended windows of a recipient become figures or are suppressed
(``gateway.core.figures``), then figures and outbox rows are packed (``gateway.core.release.draft``). A bundle is formed only for
a recipient whose sink is connected and has nothing in flight for it, so that even after days of outage a consent change acts on
all that waits. Every check is made again here, with the plans now in force. Nothing leaves before the commit that holds the
bundle and its log entry is durable; ``gateway.app`` ensures that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from consent.core.canonical import disclosure_map
from consent.core.disclosure import Disclosure
from gateway.audit.log import canonical
from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Part, label, labels_file, opening_salt, subject_label_key
from gateway.audit.log.payloads import EncodedContribution, ReleasePayload, encode_contribution
from gateway.core.effects import OutboxRow
from gateway.core.figures.close import close
from gateway.core.figures.table import Conditions, TermsOf
from gateway.core.inflight import ReadyBundle
from gateway.core.journal import Close, ClosedWindow
from gateway.core.ledger import LedgerMove
from gateway.core.plans import least_terms
from gateway.core.registry import Subject
from gateway.core.release.draft import Draft, PackedWindow, pack
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.records import epoch_day, read_row
from gateway.core.state import State
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window

ROWS_BYTES = 100 * 1024
"""How much of the outbox to read for one bundle: a record takes more space in the bundle than in its outbox row."""


def advance_watermark(state: State, now_ms: int, lateness_ms: int) -> None:
    """Advance the watermark: windows end by the gateway's clock, and only once the inbound queue is drained."""
    state.windows.recount()
    if state.drained:
        state.windows.advance((now_ms - lateness_ms) // 60_000 * 60_000)


def form_bundle(
    state: State, recipient: str, rows: Sequence[tuple[int, bytes]], now_ms: int, form: BundleFormat
) -> ReadyBundle | None:
    """Form the next bundle of a recipient from ended windows and waiting records, and log it.

    Args:
        state: Changed in place; the commit under way gets the bundle and its entry.
        recipient: Its sink must be connected and idle.
        rows: The recipient's oldest outbox rows: (number, content).
        now_ms: The gateway's clock.
        form: The format of the recipient's bundles.
    Returns: The bundle, to be sent once committed; None where nothing may leave now.
    """
    flows = state.policies.flows
    conditions = Conditions(state.policies, _terms_in_force(state, now_ms), state.windows.whole_since_ms)
    ended = [window for window in state.windows.ended() if flows[window.cohort.flow].recipient == recipient]
    draft = pack(state, recipient, form, close(ended, conditions), rows, conditions)
    bundle = _log(state, draft, now_ms) if draft.records else None
    _settle(state, draft, bundle)
    if bundle is None:
        _drop_day_keys(state)
    return bundle


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


def _settle(state: State, draft: Draft, bundle: ReadyBundle | None) -> None:
    """Account for a draft: remove from windows and outbox what has left them, and record in the bundle what a void returns."""
    ledger, closed = state.ledger, list[ClosedWindow]()
    windows, outbox, moved = list[Window](), list[OutboxRow](), list[LedgerMove]()
    for packed in draft.windows:
        taken = _take_out(state, packed, closed)
        ledger.move("pairs.open", "pairs.withdrawn", packed.row.withdrawn)
        for reason, pairs in packed.row.suppressed.items():
            ledger.move("pairs.open", f"pairs.suppressed.{reason}", pairs)
        moved.append(LedgerMove("pairs.open", "pairs.aggregated", taken.pairs()))
        ledger.move(*moved[-1])
        if taken.members:
            windows.append(taken)
    for row in draft.rows:
        state.outbox.take_out(row.number, draft.recipient)
        ledger.move("pairs.waiting", "pairs.withheld_at_release.withdrawn", row.withheld)
        moved.append(LedgerMove("pairs.waiting", "pairs.released", row.released))
        ledger.move(*moved[-1])
        outbox.append(OutboxRow(row.number, draft.recipient, row.content))
    if closed:
        state.journal.note(Close(-1 if bundle is None else bundle.index, closed))
    if bundle is not None:
        bundle.windows, bundle.outbox, bundle.moved = windows, outbox, moved
        ledger.add("bundles.formed")
        ledger.add("bundles.ready")


def _take_out(state: State, packed: PackedWindow, closed: list[ClosedWindow]) -> Window:
    """Remove from a window members that are in the bundle or no longer allowed; return the part that is in the bundle."""
    window = packed.row.window
    left = packed.row.members.keys() - set(packed.packed)
    gone = [contributor for contributor in window.members if contributor not in left]
    closed.append(ClosedWindow(window.cohort, window.start_ms, window.end_ms, gone, list(packed.packed)))
    return state.windows.take_out(window, packed.packed, gone)


def _log(state: State, draft: Draft, now_ms: int) -> ReadyBundle:
    """Seal and log a draft, and have it committed.

    The subjects' parts of the opening follow the bundle's, each under a salt that is lost with the subject's secret.
    """
    index, recipient = state.log.size, draft.recipient
    content = draft.form.seal(draft.records, index)
    subjects = {contributor: state.registry.subjects[contributor] for basis in draft.bases for contributor in basis.terms}
    keys = [subject_label_key(subject.secret, subject.label_generation) for subject in subjects.values()]
    labels = labels_file([label(key, index) for key in keys], state.identity.random_bytes)
    parts = state.log.one_part(ReleasePayload(recipient, tuple(draft.listed)).encode())
    parts += _subject_parts(draft, subjects, index)
    state.log.append_entry(Kind.RELEASE, now_ms, parts, bundle_sha256=sha256(content).digest(), labels=labels)
    sink = state.policies.recipients[recipient].sink
    bundle = ReadyBundle(index, recipient, content, subjects=frozenset(subjects), full=draft.full)
    state.inflight.add(bundle, sink)
    return bundle


def _subject_parts(draft: Draft, subjects: Mapping[bytes, Subject], index: int) -> Iterator[Part]:
    """Yield the parts of the opening that state what each subject's contribution to each record rests on."""
    encoded: dict[Disclosure, bytes] = {}
    for basis in draft.bases:
        for (contributor, least), pairs in zip(basis.terms.items(), basis.pairs, strict=True):
            salt = opening_salt(subjects[contributor].secret, index, basis.record)
            left = pairs
            for terms in least.several or (least,):
                if terms.disclosure not in encoded:
                    encoded[terms.disclosure] = canonical.encode(disclosure_map(terms.disclosure))
                contribution = EncodedContribution(
                    basis.record,
                    contributor,
                    encoded[terms.disclosure],
                    terms.policy_entry,
                    terms.consent_entries,
                    left,
                    terms.profile,
                    terms.zone,
                )
                yield Part(salt, encode_contribution(contribution))
                left = 0  # counted once, with the first of a subject's devices


def discard_rows(state: State, recipient: str, rows: Sequence[tuple[int, bytes]]) -> None:
    """Account for records whose recipient the policies no longer name: they never leave."""
    for number, content in rows:
        state.ledger.move("pairs.waiting", "pairs.withheld_at_release.no-recipient", len(read_row(content)))
        state.outbox.take_out(number, recipient)


def bundle_sent(state: State, recipient: str) -> None:
    """Record that the first byte of a recipient's bundle has been sent to its sink: from now on it is final."""
    state.inflight.hand_over(recipient)
    state.ledger.move("bundles.ready", "bundles.sent", 1)


def bundle_acknowledged(state: State, index: int) -> None:
    """Record that a bundle was acknowledged upstream: delete it, and the day keys that are no longer needed."""
    state.inflight.acknowledge(index)
    state.ledger.move("bundles.sent", "bundles.acknowledged", 1)
    _drop_day_keys(state)


def _drop_day_keys(state: State) -> None:
    """Delete the pseudonym keys of days whose totals are all acknowledged."""
    if state.inflight:
        return
    flows = state.policies.flows
    needed = set()
    for window in state.windows:
        flow = flows[window.cohort.flow]
        needed.add((flow.recipient, flow.purpose, epoch_day(window.start_ms)))
    for domain in state.domain_keys.domains():
        if (domain.recipient, domain.purpose, domain.epoch_day) not in needed:
            state.domain_keys.drop(domain)
