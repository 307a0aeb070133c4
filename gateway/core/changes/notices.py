"""Notices: a household is told two weeks before an answer of theirs runs out, so that nobody finds out by its end.

What was told is known by the messages themselves, so nothing else is stored; after a start all that ends soon is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from consent.core.consents.records import Consent
from consent.core.lifecycle import expiry
from consent.core.lifecycle.notifications import MessageKind
from consent.core.outcome import NEVER_MS
from gateway.core.state import State

LOOKED_AT: Final = 2000
"""Of so many households a piece looks at the consents: some milliseconds on a small machine."""
TOLD_AT_ONCE: Final = 200
"""So many messages are left in a piece."""


def tell_of_endings(state: State, now_ms: int) -> None:
    """Leave a message about each consent that ends within ``expiry.NOTICE_MS``, once."""
    for _ in telling(state, lambda: now_ms):
        pass


def telling(state: State, now_ms: Callable[[], int]) -> Iterator[None]:
    """Do what ``tell_of_endings`` does, for some households in each piece.

    Args:
        state: Changed in place, between two pieces by anybody.
        now_ms: The gateway's clock.
    """
    if now_ms() < state.notices_next_ms:
        return
    state.notices_next_ms = NEVER_MS  # whoever permits something meanwhile makes it earlier, as each piece does
    book = state.registry.book
    everybody = book.subjects()
    for first in range(0, len(everybody), LOOKED_AT):
        some, now = everybody[first : first + LOOKED_AT], now_ms()
        for number, (subject, consent) in enumerate(list(expiry.ending(book, now, some)), 1):
            if subject in state.registry.subjects:
                _tell(state, subject, consent, now)
            if number % TOLD_AT_ONCE == 0:
                yield
        next_ms = expiry.next_notice_ms(book, now, some)
        state.notices_next_ms = min(state.notices_next_ms, NEVER_MS if next_ms is None else next_ms)
        if first + LOOKED_AT < len(everybody):
            yield


def _tell(state: State, subject: bytes, consent: Consent, now_ms: int) -> None:
    notice_ms = expiry.notice_at_ms(consent) or 0
    told = state.registry.subjects[subject].messages
    if not any((one.kind, one.scope) == (MessageKind.EXPIRES_SOON, consent.scope) and one.time_ms >= notice_ms for one in told):
        state.registry.tell(subject, MessageKind.EXPIRES_SOON, now_ms, consent.scope)
