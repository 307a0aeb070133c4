"""Voiding: undoes a bundle of which no byte has been sent; what it held returns to the open windows and the outbox.

Every change of policies, consents, residents or devices first voids the ready bundles, so that nothing that is about to change
leaves; a `void` entry in the log records it. A bundle that was sent is final.
"""

from __future__ import annotations

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
    state.log.append_entry(Kind.VOID, now_ms, state.log.one_part(VoidPayload(bundle.index).encode()))
    state.journal.note(Void(bundle.index))
    for window in bundle.windows:
        state.windows.put_back(window)
    for row in bundle.outbox:
        state.outbox.put_back(row)
    for move in bundle.moved:
        state.ledger.move(move.target, move.source, move.n)
    state.ledger.move("bundles.ready", "bundles.voided", 1)
