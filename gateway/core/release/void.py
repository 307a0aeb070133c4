"""Voiding: undoes a bundle of which no byte has been sent; what it held returns to the open windows and tables, and the outbox.

The draw of a publication is gone with its bundle: who is still there is drawn anew.

Every change of policies, consents, residents or devices first voids the ready bundles, so that nothing that is about to change
leaves; a `void` entry in the log records it. A bundle that was sent is final.
"""

from __future__ import annotations

from hashlib import sha256

from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import VoidPayload
from gateway.core.journal import Void
from gateway.core.state import State


def void_unsent(state: State, now_ms: int) -> None:
    """Void every bundle of which no byte has been sent, since it may hold what is about to change."""
    for recipient in list(state.inflight.ready):
        void_bundle(state, recipient, now_ms)


def void_bundle(state: State, recipient: str, now_ms: int) -> None:
    """Void a recipient's bundle of which no byte has been sent; its contributions and records return to windows and outbox."""
    bundle = state.inflight.void(recipient)
    part = VoidPayload(bundle.index).part(sha256(bundle.content).digest())
    state.log.append_entry(Kind.VOID, now_ms, [part])
    state.journal.note(Void(bundle.index))
    for window in bundle.windows:
        state.windows.put_back(window)
    for table in bundle.tables:
        state.windows.put_back_table(table)
    if bundle.publication is not None:
        state.publications.void(bundle.publication)
    state.windows.guards.void(bundle.index)
    for row in bundle.outbox:
        state.outbox.put_back(row)
    if bundle.tally is not None:
        state.public.take_back(bundle.tally)
    for move in bundle.moved:
        state.ledger.move(move.target, move.source, move.n)
    state.ledger.move("bundles.ready", "bundles.voided", 1)
