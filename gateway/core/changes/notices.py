"""Notices: a household is told two weeks before an answer of theirs runs out, so that nobody finds out by its end.

What was told is known by the messages themselves, so nothing else is stored; after a start all that ends soon is looked at once.
"""

from __future__ import annotations

from consent.core.lifecycle import expiry
from consent.core.lifecycle.notifications import MessageKind
from consent.core.outcome import NEVER_MS
from gateway.core.state import State


def tell_of_endings(state: State, now_ms: int) -> None:
    """Leave a message about each consent that ends within ``expiry.NOTICE_MS``, once."""
    if now_ms < state.notices_next_ms:
        return
    book = state.registry.book
    for subject, consent in list(expiry.ending(book, now_ms)):
        notice_ms = expiry.notice_at_ms(consent) or 0
        told = state.registry.subjects[subject].messages
        if not any(
            (one.kind, one.scope) == (MessageKind.EXPIRES_SOON, consent.scope) and one.time_ms >= notice_ms for one in told
        ):
            state.registry.tell(subject, MessageKind.EXPIRES_SOON, now_ms, consent.scope)
    next_ms = expiry.next_notice_ms(book, now_ms)
    state.notices_next_ms = NEVER_MS if next_ms is None else next_ms
