"""The checks of one consent record: who vouches for it, whether it follows from what was said before, and when it counts.

What a resident has signed with a passkey is checked against the passkeys that the log shows to be theirs; all else bears the
log key's signature, and is by its channel either the operator's word or so that it tells no more than before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consent.core.consents.book import Book, BookEntry
from consent.core.consents.records import (
    CHANNELS,
    FIRST,
    GATEWAY,
    PASSKEY,
    SESSION,
    Consent,
    Status,
    record_hash,
    signing_bytes,
)
from consent.core.lifecycle.actor import Actor
from consent.core.lifecycle.less import tells_no_more
from consent.core.lifecycle.steps import in_force_since
from consent.core.lifecycle.transitions import LEADS_TO, admits
from consent.core.policies.policy import PolicySet
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.notes import Verifier
from gateway.audit.replay.credentials import CredentialAudit, EnrolledKey

_IN_PERSON: Final = (PASSKEY, SESSION)
_SAID_IN_PERSON: Final = (Status.GIVEN, Status.RENEWED, Status.REFUSED, Status.PAUSED, Status.WITHDRAWN)
"""What a resident says; the other statuses come from the city, an authority or the gateway."""


@dataclass(frozen=True, slots=True)
class SpokenRecord:
    """One record before it counts, and what it is checked against.

    Attributes:
        entry: Its entry.
        consent: The record; its resident is in the book.
        book: What counted before it.
        policies: Those in force; None where they cannot be read.
        credentials: Those that hold.
        last_unopened: Log index of the latest consent or withdrawal without an opening; -1: there is none.
    """

    entry: Entry
    consent: Consent
    book: Book
    policies: PolicySet | None
    credentials: CredentialAudit
    last_unopened: int

    def faults(self, verifier: Verifier) -> tuple[EnrolledKey | None, list[str]]:
        """Return the passkey that signed the record, None where none did, and what is wrong with the record.

        Args:
            verifier: The log's key when it was entered.
        """
        key, found = self._channel_faults(verifier)
        entry, consent, before = self.entry, self.consent, [each.consent for each in self._said]
        if (entry.kind is Kind.CONSENT) != consent.permits:
            found.insert(0, f"a record of status {consent.status} under an entry of kind {entry.kind.word}")
        if consent.previous != (record_hash(before[0]) if before else FIRST) and not self.may_lack:
            found.append("the record does not name the one that it replaces")
        if consent.time_ms > entry.time_ms:
            found.append("the record is younger than its entry")
        if consent.since_ms < consent.time_ms and not (consent.status is Status.RENEWED and (self.may_lack or self._renews())):
            found.append("the record counts from before it was made")
        if not self._may_follow(before) and not self.may_lack:
            found.append(f"nothing leads from what was said before to {consent.status}")
        if consent.channel == GATEWAY:
            found += self._lapse_faults(before)
        return key, found

    @property
    def may_lack(self) -> bool:
        """Return whether the record before it may be one of those without an opening."""
        said = self._said
        return self.last_unopened > (said[0].index if said else -1)

    @property
    def tells_no_more(self) -> bool | None:
        """Return whether the record tells no more than what counted before it; None where nobody can tell any more."""
        if self.policies is None:
            return None
        if tells_no_more(self._speaker, self.policies, self.consent):
            return True
        return None if self.may_lack else False

    @property
    def _said(self) -> list[BookEntry]:
        """What the resident had said of the same scope, the latest first."""
        entries = self.book.entries(self.consent.subject, self.consent.resident)
        return [each for each in entries if each.consent.scope == self.consent.scope]

    @property
    def _speaker(self) -> Actor:
        consent = self.consent
        return Actor(self.book, consent.subject, consent.resident, consent.time_ms, consent.channel)

    def _channel_faults(self, verifier: Verifier) -> tuple[EnrolledKey | None, list[str]]:
        """Return the passkey that signed the record, if one did, and what is wrong with how the record came in."""
        consent = self.consent
        if consent.channel not in CHANNELS:
            return None, [f"the record came over the channel `{consent.channel}`, which nothing vouches for"]
        found = []
        if consent.channel in _IN_PERSON and consent.status not in _SAID_IN_PERSON:
            found.append(f"no resident says {consent.status}")
        if consent.channel == PASSKEY:
            key, faults = self.credentials.signed(consent)
            if key is not None and self.entry.time_ms < key.yes_from_ms and self.tells_no_more is False:
                faults.append("tells more by a passkey that goes back to a paper code of less than a day before")
            return key, found + faults
        if not verifier.verify_bytes(signing_bytes(consent), consent.signature):
            found.append("the record does not bear the log key's signature")
        if consent.channel == SESSION:
            found += self._session_faults()
        return None, found

    def _session_faults(self) -> list[str]:
        """Return what is wrong with a record that rests on a session, of which the log knows nothing else."""
        found = []
        if not self.credentials.had(self.consent.subject, self.consent.resident):
            found.append("the record came over a session of somebody who never had a passkey or a paper code")
        if self.tells_no_more is False:
            found.append("the record tells more than what was in force, and no passkey has signed it")
        return found

    def _renews(self) -> bool:
        """Return whether a renewal's limits were in force from its start; True without policies, where nobody can tell."""
        if self.policies is None:
            return True
        since_ms = in_force_since(self._speaker, self.policies, self.consent)
        return since_ms is not None and self.consent.since_ms >= since_ms

    def _may_follow(self, before: list[Consent]) -> bool:
        """Return whether some step leads to the record from the earlier ones, of its own scope or of one that bears on it."""
        said: set[Status | None] = {each.status for each in (*before, *self._speaker.counting(self.consent.scope))}
        steps = [step for step, leads_to in LEADS_TO.items() if leads_to is self.consent.status]
        return any(admits(step, status) for step in steps for status in said or {None})

    def _lapse_faults(self, before: list[Consent]) -> list[str]:
        """Return what is wrong with a record made by the gateway itself, which must follow from an earlier consent."""
        consent, policies = self.consent, self.policies
        if consent.status is Status.EXPIRED:
            ends_ms = before[0].expiry_ms if before else None
            return [] if ends_ms is not None and ends_ms <= self.entry.time_ms else ["a consent has expired before its date"]
        if consent.status is not Status.INVALIDATED:
            return [f"the gateway itself says {consent.status}"]
        if policies is None:
            return []
        still = [
            terms.flow
            for terms in consent.terms
            if terms.flow in policies.terms and not policies.terms[terms.flow].asks_no_more_than(terms)
        ]
        return [] if still else ["a consent was invalidated that covers all that is asked"]
