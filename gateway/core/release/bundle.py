"""A release tick: closes ended windows, packs one bundle per recipient, accounts for it, seals it and logs it.

Step 11 of the path of a batch. What leaves first is a part of a publication, if one is due: figures about subjects leave in
nothing else (``gateway.core.release.publication``). Any other bundle has two phases: ended windows of a recipient become
figures about no subject or the totals of single ones (``gateway.core.figures``), then these and outbox rows are packed
(``gateway.core.release.draft``), as many as there is room for; the rest stays in windows and outbox as it was. A bundle is
formed only for a recipient whose sink is connected and has nothing in flight for it, so that even after days of outage a consent
change acts on all that waits. Every check is made again here, with the plans now in force.
Nothing leaves before the commit that holds the bundle and its log entry is durable; ``gateway.app`` ensures that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from consent.core.disclosure import DAY_MS, Identity
from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import ReleasePayload
from gateway.core.effects import OutboxRow
from gateway.core.figures.close import close
from gateway.core.figures.table import ClosedAs, Conditions, Totals
from gateway.core.inflight import ReadyBundle
from gateway.core.journal import Close, ClosedWindow, FixedGuard, PublishFrom
from gateway.core.ledger import LedgerMove
from gateway.core.public.bundle import bundle_tally
from gateway.core.release.draft import Draft, PackedWindow, pack
from gateway.core.release.entry import prepare_entry
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.guarding import compute_guard, conditions_of, guard_of
from gateway.core.release.publication import form_publication, next_due
from gateway.core.release.records import epoch_day, read_row
from gateway.core.state import State
from gateway.core.windows.guards import GuardKey
from gateway.core.windows.windows import Window

ROWS_BYTES = 100 * 1024
"""How much of the outbox to read for one bundle: a record takes more space in the bundle than in its outbox row."""


def advance_watermark(state: State, now_ms: int, lateness_ms: int) -> None:
    """Advance the watermark: windows end by the gateway's clock, and only once the inbound queue is drained.

    Nor while a change of policies is on its way to everybody: at the end of a window the last reading of each counter becomes the
    baseline of the next, and nobody's may that the change is about to remove.

    Recipients that have come to have flows of a kind get publications of it from now on.
    """
    state.windows.recount()
    state.publications.begin(state.policies, now_ms, lambda *begun: state.journal.note(PublishFrom(*begun)))
    if state.drained and state.is_settled:
        state.windows.advance((now_ms - lateness_ms) // 60_000 * 60_000)


def form_bundle(
    state: State,
    recipient: str,
    rows: Sequence[tuple[int, bytes]],
    now_ms: int,
    form: BundleFormat,
    guards: Mapping[GuardKey, frozenset[bytes]] | None = None,
) -> ReadyBundle | None:
    """Form the next bundle of a recipient, and log it: a part of a publication where one is due, else from windows and records.

    Args:
        state: Changed in place; the commit under way gets the bundle and its entry.
        recipient: Its sink must be connected and idle.
        rows: The recipient's oldest outbox rows: (number, content).
        now_ms: The gateway's clock.
        form: The format of the recipient's bundles.
        guards: Those that were computed before, of what is as it was then; totals that rest on any other wait. None computes
            at once whatever is needed.
    Returns: The bundle, to be sent once committed; None where nothing may leave now.
    """
    if not state.is_settled:
        return None
    if (due := next_due(state, recipient)) is not None:
        return form_publication(state, due, now_ms, form)
    conditions = conditions_of(state, now_ms)
    closed = (_unless_told(state, one) for one in close(_formable(state, recipient, guards), conditions))
    draft = pack(state, recipient, form, closed, rows, conditions)
    bundle = _log(state, draft, now_ms) if draft.records else None
    _settle(state, draft, bundle, conditions, guards or {})
    if bundle is None:
        _drop_day_keys(state)
    return bundle


def form_records(
    state: State, recipient: str, rows: Sequence[tuple[int, bytes]], now_ms: int, form: BundleFormat
) -> ReadyBundle | None:
    """Form a bundle of a recipient of single records alone, and log it, though windows or publications wait.

    Args:
        state: As for ``form_bundle``, and the others too.
        recipient: Its sink must be connected and idle.
        rows: Any of the recipient's outbox rows, (number, content): the first for which there is no room ends the bundle.
        now_ms: The gateway's clock.
        form: The format of the recipient's bundles.
    Returns: The bundle, to be sent once committed; None where none of them may leave.
    """
    if not state.is_settled:
        return None
    conditions = conditions_of(state, now_ms)
    draft = pack(state, recipient, form, (), rows, conditions)
    bundle = _log(state, draft, now_ms) if draft.records else None
    _settle(state, draft, bundle, conditions, {})
    return bundle


def _ended(state: State, recipient: str) -> Iterator[Window]:
    """Yield the ended windows of a recipient; of a guarded quantity, once their day has ended."""
    policies = state.policies
    for window in state.windows.ended():
        if policies.flows[window.cohort.flow].recipient == recipient:
            key = guard_of(state.windows, window.cohort, window.start_ms)
            if key is None or key.day_ms + DAY_MS <= state.windows.watermark_ms:
                yield window


def _unless_told(state: State, one: ClosedAs) -> ClosedAs:
    """Return what a window was closed as; nothing of it is to leave where its rest would tell what somebody had who has left."""
    if not isinstance(one, Totals):
        return one
    key = guard_of(state.windows, one.window.cohort, one.window.start_ms)
    guard = None if key is None else state.windows.guards.get(key)
    return Totals(one.window, is_told=guard is not None and guard.has_left)


def _formable(state: State, recipient: str, guards: Mapping[GuardKey, frozenset[bytes]] | None) -> Iterator[Window]:
    """Yield the ended windows of a recipient up to the first whose guard is still to be computed."""
    for window in _ended(state, recipient):
        key = _lacking_guard(state, window)
        if guards is not None and key is not None and key not in guards:
            return
        yield window


def next_guard(state: State, recipient: str) -> GuardKey | None:
    """Return the guard that the next totals of a recipient wait for; None where it stands, or there need be none."""
    window = next(_ended(state, recipient), None)
    return None if window is None else _lacking_guard(state, window)


def has_ended(state: State, recipient: str) -> bool:
    """Return whether anything of a recipient's windows may leave or end now."""
    return next(_ended(state, recipient), None) is not None


def _lacking_guard(state: State, window: Window) -> GuardKey | None:
    """Return the guard that a window's totals rest on, where nothing of it has been formed yet."""
    if window.cohort.identity == Identity.AGGREGATE.label:
        return None
    key = guard_of(state.windows, window.cohort, window.start_ms)
    return None if key is None or state.windows.guards.get(key) is not None else key


def _guards(
    state: State, draft: Draft, conditions: Conditions, found: Mapping[GuardKey, frozenset[bytes]]
) -> dict[GuardKey, frozenset[bytes]]:
    """Return the guards that a draft's totals rest on; those of which nothing has been formed yet are found, or computed."""
    guards: dict[GuardKey, frozenset[bytes]] = {}
    for packed in draft.windows:
        window = packed.row.window
        key = guard_of(state.windows, window.cohort, window.start_ms) if packed.packed else None
        if key is not None and key not in guards:
            held = state.windows.guards.get(key)
            if held is not None:
                guards[key] = held.excluded
            else:
                guards[key] = found[key] if key in found else compute_guard(state, key, conditions)
    return guards


def _settle(
    state: State,
    draft: Draft,
    bundle: ReadyBundle | None,
    conditions: Conditions,
    found: Mapping[GuardKey, frozenset[bytes]],
) -> None:
    """Account for a draft: remove from windows and outbox what has left them, and record in the bundle what a void returns."""
    ledger, closed = state.ledger, list[ClosedWindow]()
    guards = {} if bundle is None else _guards(state, draft, conditions, found)
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
        fixed = [FixedGuard(*key, sorted(excluded)) for key, excluded in guards.items()]
        state.journal.note(Close(-1 if bundle is None else bundle.index, closed, fixed))
    if bundle is not None:
        for key, excluded in guards.items():
            state.windows.guards.rest_on(key, excluded, bundle.index)
        bundle.windows, bundle.outbox, bundle.moved = windows, outbox, moved
        ledger.add("bundles.formed")
        ledger.add("bundles.ready")


def _take_out(state: State, packed: PackedWindow, closed: list[ClosedWindow]) -> Window:
    """Remove from a window members that are in the bundle or no longer allowed; return the part that is in the bundle."""
    window = packed.row.window
    left = packed.row.members.keys() - set(packed.packed)
    gone = [contributor for contributor in packed.looked_at if contributor not in left]
    closed.append(ClosedWindow(window.cohort, window.start_ms, window.end_ms, gone, list(packed.packed)))
    return state.windows.take_out(window, packed.packed, gone)


def _log(state: State, draft: Draft, now_ms: int) -> ReadyBundle:
    """Seal and log a draft, and have it committed."""
    index, recipient = state.log.size, draft.recipient
    content = draft.form.seal(draft.records, index)
    payload = ReleasePayload(recipient, tuple(draft.listed))
    entry = prepare_entry(payload, draft.bases, state.registry.subjects, index, state.identity.random_bytes)
    state.log.append_prepared(Kind.RELEASE, now_ms, entry, bundle_sha256=sha256(content).digest())
    subjects = frozenset(contributor for basis in draft.bases for contributor in basis.terms)
    tally = bundle_tally(payload, now_ms, draft.hours)
    state.public.add(tally)
    bundle = ReadyBundle(index, recipient, content, subjects=subjects, full=draft.full, tally=tally)
    state.inflight.add(bundle, state.policies.recipients[recipient].sink)
    return bundle


def discard_rows(state: State, recipient: str, rows: Sequence[tuple[int, bytes]]) -> None:
    """Account for records whose recipient the policies no longer name: they never leave."""
    for number, content in rows:
        state.ledger.move("pairs.waiting", "pairs.withheld_at_release.no-recipient", len(read_row(content)))
        state.outbox.take_out(number, recipient)


def bundle_sent(state: State, recipient: str) -> None:
    """Record that the first byte of a recipient's bundle has been sent to its sink: from now on it is final."""
    state.windows.guards.sent(state.inflight.hand_over(recipient))
    state.ledger.move("bundles.ready", "bundles.sent", 1)


def bundle_acknowledged(state: State, index: int) -> None:
    """Record that a bundle was acknowledged upstream: delete it, and the day keys that are no longer needed."""
    state.inflight.acknowledge(index)
    state.ledger.move("bundles.sent", "bundles.acknowledged", 1)
    _drop_day_keys(state)


def _drop_day_keys(state: State) -> None:
    """Delete the pseudonym keys of days whose totals are all acknowledged."""
    if state.inflight or not state.is_settled:  # what is still open may be of flows that are gone
        return
    flows = state.policies.flows
    needed = set()
    for window in state.windows:
        flow = flows[window.cohort.flow]
        needed.add((flow.recipient, flow.purpose, epoch_day(window.start_ms)))
    for domain in state.domain_keys.domains():
        if (domain.recipient, domain.purpose, domain.epoch_day) not in needed:
            state.domain_keys.drop(domain)
