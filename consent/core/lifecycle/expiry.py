"""Consents that end by themselves: expired by their own date, or no longer covering what the policies now ask.

``decide`` withholds from that very moment; the records made here document it for later readers, and make it permanent:
a clock set back or terms changed back do not revive an ended consent, only a new grant does. They rest on nobody's word:
an auditor recomputes each from the consent that it ends, the policies, and the time of its log entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from consent.core.consents.book import Book, BookEntry, applying
from consent.core.consents.records import GATEWAY, Consent
from consent.core.disclosure import DAY_MS
from consent.core.lifecycle.actor import Actor, is_purpose
from consent.core.lifecycle.transitions import Transition, admits
from consent.core.policies.policy import PolicySet

NOTICE_MS: Final = 14 * DAY_MS
"""How long before its end a consent's residents are told of it."""


def expired(book: Book, now_ms: int, subjects: Iterable[bytes] | None = None) -> Iterator[Consent]:
    """Make the records of consents that have expired: all, or those of some subjects."""
    voices = None if subjects is None else book.voices(subjects)
    for speaker, entry in _holding(book, Transition.EXPIRE, now_ms, lambda consent: _ends_before(consent, now_ms + 1), voices):
        yield speaker.stop(Transition.EXPIRE, entry.consent.scope, [entry.consent])


def ending(book: Book, now_ms: int, subjects: Iterable[bytes] | None = None) -> Iterator[tuple[bytes, Consent]]:
    """Yield (subject, consent) of every consent that holds and ends within ``NOTICE_MS``, and was made before that began.

    Args:
        subjects: Of whom; None: of all.
    """

    def concerned(consent: Consent) -> bool:
        notice_ms = notice_at_ms(consent)
        return notice_ms is not None and notice_ms <= now_ms < notice_ms + NOTICE_MS

    voices = None if subjects is None else book.voices(subjects)
    for speaker, entry in _holding(book, Transition.EXPIRE, now_ms, concerned, voices):
        yield speaker.subject, entry.consent


def next_notice_ms(book: Book, now_ms: int, subjects: Iterable[bytes] | None = None) -> int | None:
    """Return when the next consent begins to end, later than now: of all, or of some subjects; None where none does."""
    next_ms: int | None = None

    def concerned(consent: Consent) -> bool:
        notice_ms = notice_at_ms(consent)
        return notice_ms is not None and now_ms < notice_ms and (next_ms is None or notice_ms < next_ms)

    voices = None if subjects is None else book.voices(subjects)
    for _, entry in _holding(book, Transition.EXPIRE, now_ms, concerned, voices):
        next_ms = notice_at_ms(entry.consent)
    return next_ms


def notice_at_ms(consent: Consent) -> int | None:
    """Return when a consent's end is announced; None of one that does not end, or was made when it would have been."""
    notice_ms = None if consent.expiry_ms is None else consent.expiry_ms - NOTICE_MS
    return None if notice_ms is None or notice_ms <= consent.time_ms else notice_ms


def next_expiry_ms(book: Book, subjects: Iterable[bytes] | None = None) -> int | None:
    """Return when the first of the consents that still hold expires: of all, or of some subjects; None where none does."""
    next_ms: int | None = None

    def concerned(consent: Consent) -> bool:
        return _ends_before(consent, next_ms)

    voices = None if subjects is None else book.voices(subjects)
    for _, entry in _holding(book, Transition.EXPIRE, 0, concerned, voices):
        next_ms = entry.consent.expiry_ms
    return next_ms


def _ends_before(consent: Consent, time_ms: int | None) -> bool:
    """Return whether a consent ends by its own date before a time; None: ever."""
    return consent.expiry_ms is not None and (time_ms is None or consent.expiry_ms < time_ms)


@dataclass(frozen=True, slots=True)
class Lapse:
    """A consent that ends, or a part of it, because something other than what was agreed to is now asked.

    Attributes:
        speaker: Whose it is.
        consent: The consent.
        scope: What ends: the consent's own scope, or one flow of the purpose that it is about.
        flows: The flows that it no longer permits.
    """

    speaker: Actor
    consent: Consent
    scope: str
    flows: tuple[str, ...]


def invalidated(book: Book, policies: PolicySet, now_ms: int, subjects: Iterable[bytes] | None = None) -> Iterator[Consent]:
    """Make the records that end consents to something other than what is now asked: all, or those of some subjects."""
    for lapse in lapses(book, policies, now_ms, subjects):
        yield lapse.speaker.stop(Transition.INVALIDATE, lapse.scope, [lapse.consent])


def lapses(book: Book, policies: PolicySet, now_ms: int, subjects: Iterable[bytes] | None = None) -> Iterator[Lapse]:
    """Find the consents to something other than what is now asked: all, or those of some subjects.

    Where only some flows of a purpose ask more, only these end, each by itself; consents to what is no longer asked at all
    stay as they are.
    """
    known: dict[int, tuple[str, ...]] = {}  # the book holds equal terms once, so their identity is a quick key

    def changed_of(consent: Consent) -> tuple[str, ...]:
        if id(consent.terms) not in known:
            known[id(consent.terms)] = _asking_more(policies, consent)
        return known[id(consent.terms)]

    voices = book if subjects is None else book.voices(subjects)
    for speaker, entry in _holding(book, Transition.INVALIDATE, now_ms, changed_of, voices):
        consent = entry.consent
        changed = changed_of(consent)
        if not is_purpose(consent.scope) or len(changed) == len(consent.terms):
            yield Lapse(speaker, consent, consent.scope, changed)
            continue
        entries = book.entries(speaker.subject, speaker.resident)
        for terms in consent.terms:
            if terms.flow in changed and _same(applying(entries, terms.flow, terms.purpose), consent):
                yield Lapse(speaker, consent, terms.flow, (terms.flow,))


def unsure(book: Book, now_ms: int) -> Iterator[Consent]:
    """Make the records that end every consent that still holds, for when later changes are unknown."""
    for speaker, entry in _holding(book, Transition.INVALIDATE, now_ms):
        yield speaker.stop(Transition.INVALIDATE, entry.consent.scope, [entry.consent])


def _holding(
    book: Book,
    step: Transition,
    now_ms: int,
    concerned: Callable[[Consent], object] | None = None,
    voices: Iterable[tuple[bytes, bytes, tuple[BookEntry, ...]]] | None = None,
) -> Iterator[tuple[Actor, BookEntry]]:
    """Yield every consent that counts and may end by itself, with its actor; only of those that are concerned.

    Args:
        voices: As ``Book.__iter__`` yields them: whose consents to look at; None for everybody's.
    """
    for subject, resident, entries in book if voices is None else voices:
        for entry in entries:
            if concerned is not None and not concerned(entry.consent):
                continue
            if admits(step, entry.consent.status) and _counts(entries, entry.consent):
                yield Actor(book, subject, resident, now_ms, GATEWAY), entry


def _asking_more(policies: PolicySet, consent: Consent) -> tuple[str, ...]:
    """Return the flows of a consent that now ask for something other than it covers."""
    return tuple([terms.flow for terms in consent.terms if _asks_more(policies, consent, terms.flow)])


def _asks_more(policies: PolicySet, consent: Consent, flow_id: str) -> bool:
    present, agreed = policies.terms.get(flow_id), consent.terms_of(flow_id)
    return present is not None and agreed is not None and not present.asks_no_more_than(agreed)


def _counts(entries: tuple[BookEntry, ...], consent: Consent) -> bool:
    """Return whether no later consent or refusal about its purpose overrules a consent to a flow."""
    return is_purpose(consent.scope) or any(
        _same(applying(entries, terms.flow, terms.purpose), consent) for terms in consent.terms
    )


def _same(consent: Consent | None, other: Consent) -> bool:
    return consent is not None and consent.scope == other.scope
