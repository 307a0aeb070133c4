"""Records of consent as they enter: each is logged, signed if it rests on the gateway's word, stored, and told to its subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consent.core.consents.records import Consent, Status, encode, signing_bytes
from consent.core.lifecycle import expiry
from consent.core.lifecycle.notifications import MessageKind
from consent.core.outcome import NEVER_MS
from gateway.audit.log.entries import Kind
from gateway.core.state import State

TOLD: Final = {
    Status.REQUESTED: MessageKind.ASKED,
    Status.EXPIRED: MessageKind.EXPIRED,
    Status.INVALIDATED: MessageKind.INVALIDATED,
    Status.REVOKED: MessageKind.REVOKED,
}
"""What a subject is notified of, since none of its residents did it."""


def enter(state: State, consent: Consent, now_ms: int, told: Mapping[Status, MessageKind] = TOLD) -> int:
    """Log and enter a record; an unsigned one rests on the gateway's word, and gets the log key's signature."""
    if not consent.signature:
        consent = consent.signed(state.log.signer.sign_bytes(signing_bytes(consent)))
    data = encode(consent)
    index = state.log.append_entry(Kind.CONSENT if consent.permits else Kind.WITHDRAWAL, now_ms, state.log.one_part(data))
    state.registry.keep_consent(consent, index, data)
    if consent.permits and consent.expiry_ms is not None:
        state.expires_next_ms = min(state.expires_next_ms, consent.expiry_ms)
        state.notices_next_ms = min(state.notices_next_ms, expiry.notice_at_ms(consent) or NEVER_MS)
    if consent.status in told:
        state.registry.tell(consent.subject, told[consent.status], now_ms, consent.scope)
    return index
