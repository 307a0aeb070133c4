"""The life of consents: the steps that a resident may take, each of which makes the next record.

``grant``, ``refuse``, ``pause`` and ``withdraw`` look at the book and the policies and return a record, unsigned; it counts
once it has been signed, logged and applied to the ``Book``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from consent.core.book import Book, applying
from consent.core.decide import standing
from consent.core.disclosure import BOTTOM, Disclosure
from consent.core.notice import FlowTerms, notice_of
from consent.core.policy import LegalBasis, PolicySet
from consent.core.records import PURPOSE_PREFIX, Consent, Status
from consent.errors import ConsentError

__all__ = ["Book", "grant", "pause", "refuse", "withdraw"]

_SPENT: Final = (Status.REFUSED, Status.WITHDRAWN)


def grant(
    book: Book,
    policies: PolicySet,
    *,
    subject: bytes,
    resident: bytes,
    scope: str,
    limits: Disclosure,
    now_ms: int,
    channel: str,
    expiry_ms: int | None = None,
) -> Consent:
    """Make the record by which a resident permits a flow, or every flow of `purpose:<id>`, up to some limits.

    It is a renewal, and the limits count as in force all along, where the same limits hold already.

    Raises: ConsentError: the scope, the limits or the expiry cannot be granted.
    """
    terms = _terms_for_consent(policies, scope)
    _check_limits(policies, limits)
    if expiry_ms is not None and expiry_ms <= now_ms:
        raise ConsentError("the consent would end before it begins")
    record = _record(subject, resident, scope, terms, now_ms, channel)
    since_ms = _in_force_since(book, policies, record, limits)
    return replace(
        record,
        limits=limits,
        status=Status.GIVEN if since_ms is None else Status.RENEWED,
        since_ms=_anew_since(book, record) if since_ms is None else since_ms,
        expiry_ms=expiry_ms,
    )


def refuse(book: Book, policies: PolicySet, *, subject: bytes, resident: bytes, scope: str, now_ms: int, channel: str) -> Consent:
    """Make the record by which a resident says no to what was never permitted.

    Raises: ConsentError: there is no such scope, or it was permitted before and must be withdrawn.
    """
    terms = _terms_for_consent(policies, scope)
    if any(consent.status not in _SPENT for consent in _touched(book, subject, resident, scope)):
        raise ConsentError(f"`{scope}` was permitted before: withdraw it instead")
    return replace(_record(subject, resident, scope, terms, now_ms, channel), status=Status.REFUSED)


def pause(book: Book, *, subject: bytes, resident: bytes, scope: str, now_ms: int, channel: str) -> Consent:
    """Make the record by which a resident stops a scope until the next grant.

    Raises: ConsentError: nothing in the scope is permitted.
    """
    touched = _touched(book, subject, resident, scope)
    if not any(consent.permits for consent in touched):
        raise ConsentError(f"nothing in `{scope}` is permitted that could be paused")
    return replace(_stop(touched, subject, resident, scope, now_ms, channel), status=Status.PAUSED)


def withdraw(book: Book, *, subject: bytes, resident: bytes, scope: str, now_ms: int, channel: str) -> Consent:
    """Make the record by which a resident takes back what was permitted; it needs no policy to still name the scope.

    Raises: ConsentError: nothing was said about the scope, or all of it is withdrawn or refused already.
    """
    touched = _touched(book, subject, resident, scope)
    if not touched:
        raise ConsentError(f"nothing was said about `{scope}` that could be withdrawn")
    if all(consent.status in _SPENT for consent in touched):
        raise ConsentError(f"`{scope}` is already {touched[0].status.value.lower()}")
    return replace(_stop(touched, subject, resident, scope, now_ms, channel), status=Status.WITHDRAWN)


def _stop(touched: list[Consent], subject: bytes, resident: bytes, scope: str, now_ms: int, channel: str) -> Consent:
    """Return a record that ends what was said before it: it took force no earlier than that did, wherever the clock stands."""
    record = _record(subject, resident, scope, _told(touched, scope), now_ms, channel)
    return replace(record, since_ms=max([now_ms, *(consent.since_ms for consent in touched)]))


def _record(subject: bytes, resident: bytes, scope: str, terms: tuple[FlowTerms, ...], now_ms: int, channel: str) -> Consent:
    """Return a record that permits nothing yet."""
    return Consent(
        subject=subject,
        resident=resident,
        scope=scope,
        limits=BOTTOM,
        status=Status.REQUESTED,
        notice=notice_of(terms),
        time_ms=now_ms,
        since_ms=now_ms,
        expiry_ms=None,
        channel=channel,
        signature=b"",
        terms=terms,
    )


def _terms_for_consent(policies: PolicySet, scope: str) -> tuple[FlowTerms, ...]:
    terms = policies.terms_for(scope)
    if not terms:
        raise ConsentError(f"there is no flow or purpose `{scope}`")
    if policies.purposes[terms[0].purpose].legal_basis is not LegalBasis.CONSENT:
        raise ConsentError(f"`{scope}` rests on a public task and takes no consent")
    return terms


def _check_limits(policies: PolicySet, limits: Disclosure) -> None:
    if limits.is_bottom:
        raise ConsentError("these limits permit nothing: refuse or withdraw instead")
    for name, step in limits.precision:
        if name not in policies.properties:
            raise ConsentError(f"there is no observed property `{name}`")
        if step not in policies.properties[name].ladder:
            raise ConsentError(f"`{step:f}` is no step of the ladder of `{name}`")


def _in_force_since(book: Book, policies: PolicySet, record: Consent, limits: Disclosure) -> int | None:
    """Return since when the same limits have been in force for the whole scope of a record; None if they are not."""
    entries = book.entries(record.subject, record.resident)
    since_ms = 0
    for terms in record.terms:
        flow = policies.flows[terms.flow]
        consent = applying(entries, flow)
        if consent is None or consent.scope != record.scope or consent.limits != limits:
            return None
        if standing(policies, flow, consent, record.time_ms):
            return None
        since_ms = max(since_ms, consent.since_ms)
    return since_ms


def _anew_since(book: Book, record: Consent) -> int:
    """Return from when on a new consent counts: after every stop before it, even where the clock stood or was set back."""
    touched = _touched(book, record.subject, record.resident, record.scope)
    return max([record.time_ms, *(stop.since_ms + 1 for stop in touched if not stop.permits)])


def _touched(book: Book, subject: bytes, resident: bytes, scope: str) -> list[Consent]:
    """Return what a resident's records say about a scope: its own first, then those of wider or narrower scope."""
    consents = [entry.consent for entry in book.entries(subject, resident)]
    purpose = scope.removeprefix(PURPOSE_PREFIX) if scope.startswith(PURPOSE_PREFIX) else None
    own = [consent for consent in consents if consent.scope == scope]
    others = [
        consent
        for consent in consents
        if consent.scope != scope
        and any(terms.flow == scope or (purpose is not None and terms.purpose == purpose) for terms in consent.terms)
    ]
    return own + others


def _told(touched: list[Consent], scope: str) -> tuple[FlowTerms, ...]:
    """Return the terms that the resident was last told for a scope."""
    if touched[0].scope == scope:
        return touched[0].terms
    by_flow = {terms.flow: terms for consent in touched for terms in consent.terms}
    chosen = [terms for flow, terms in by_flow.items() if flow == scope or scope == f"{PURPOSE_PREFIX}{terms.purpose}"]
    return tuple(sorted(chosen, key=lambda terms: terms.flow))
