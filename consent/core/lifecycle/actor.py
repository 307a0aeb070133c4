"""The actor: a resident at one moment, with the consents of theirs that count; takes the steps of ``lifecycle``.

It knows that a purpose contains its flows, so that a step for one finds the consents for the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from consent.core.consents.book import Book, applying
from consent.core.consents.records import FIRST, PURPOSE_PREFIX, Consent, record_hash
from consent.core.disclosure import BOTTOM
from consent.core.lifecycle.transitions import LEADS_TO, Transition
from consent.core.policies.notice import FlowTerms, notice_of


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and when and how.

    Attributes:
        book: All consents that count; only read.
        subject: Whose data it is.
        resident: The one among the subject's residents whose consent it is, also where another ends it.
        now_ms: The gateway's clock.
        channel: As in the record.
    """

    book: Book
    subject: bytes
    resident: bytes
    now_ms: int
    channel: str

    def counting(self, scope: str) -> list[Consent]:
        """Return the entries that count for a scope: its own first, then those of each flow in it; none twice.

        Raises: ConsentError: the subject or resident is unknown.
        """
        entries = self.book.entries(self.subject, self.resident)
        flows = {terms.flow: terms.purpose for entry in entries for terms in entry.consent.terms}
        found = [entry.consent for entry in entries if entry.consent.scope == scope and is_purpose(scope)]
        for flow, purpose in flows.items():
            if scope in (flow, PURPOSE_PREFIX + purpose):
                consent = applying(entries, flow, purpose)
                if consent is not None and all(consent.scope != other.scope for other in found):
                    found.append(consent)
        return found

    def next_record(self, step: Transition, scope: str, terms: tuple[FlowTerms, ...]) -> Consent:
        """Return the next record of a scope's chain, with limits that permit nothing."""
        entries = self.book.entries(self.subject, self.resident)
        latest = [entry.consent for entry in entries if entry.consent.scope == scope]
        return Consent(
            subject=self.subject,
            resident=self.resident,
            scope=scope,
            limits=BOTTOM,
            status=LEADS_TO[step],
            notice=notice_of(terms),
            time_ms=self.now_ms,
            since_ms=self.now_ms,
            expiry_ms=None,
            channel=self.channel,
            signature=b"",
            terms=terms,
            previous=record_hash(latest[0]) if latest else FIRST,
        )

    def stop(self, step: Transition, scope: str, ended: list[Consent]) -> Consent:
        """Return a record that ends others: it takes force no earlier than they did, whatever the clock shows."""
        record = self.next_record(step, scope, told(ended, scope))
        return replace(record, since_ms=max([self.now_ms, *(consent.since_ms for consent in ended)]))

    def anew_since_ms(self, scope: str, terms: tuple[FlowTerms, ...]) -> int:
        """Return from when on a new permission counts: after every earlier stop, even if the clock stood or was set back."""
        flows = {one.flow for one in terms}
        stops = [
            entry.consent.since_ms + 1
            for entry in self.book.entries(self.subject, self.resident)
            if not entry.consent.permits
            and (entry.consent.scope == scope or any(one.flow in flows for one in entry.consent.terms))
        ]
        return max([self.now_ms, *stops])


def is_purpose(scope: str) -> bool:
    """Return whether a scope names a purpose rather than a flow."""
    return scope.startswith(PURPOSE_PREFIX)


def narrower(scope: str, other: str) -> str:
    """Return the narrower of two scopes that overlap: a flow rather than its purpose."""
    return other if is_purpose(scope) else scope


def told(consents: list[Consent], scope: str) -> tuple[FlowTerms, ...]:
    """Return the terms that a resident was last shown for a scope, from the consents that bear on it."""
    if consents[0].scope == scope:
        return consents[0].terms
    by_flow = {terms.flow: terms for consent in consents for terms in consent.terms}
    chosen = [terms for flow, terms in by_flow.items() if scope in (flow, PURPOSE_PREFIX + terms.purpose)]
    return tuple(sorted(chosen, key=lambda terms: terms.flow))
