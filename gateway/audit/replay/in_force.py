"""What was in force at each entry of a log: the policies, the consents, and the residents whose consent is required.

A replay rebuilds this from the log alone, with the same code by which the gateway decides. Every consent record is checked
against the record that it replaces, its signature and the table of permitted transitions, so that a forged consent is found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from consent.core.consents.book import Book
from consent.core.consents.records import FIRST, GATEWAY, OPERATOR, Consent, Status, decode, record_hash, signing_bytes
from consent.core.lifecycle.actor import Actor
from consent.core.lifecycle.steps import in_force_since
from consent.core.lifecycle.transitions import LEADS_TO, admits
from consent.core.policies.archive import unpack_files
from consent.core.policies.changed_flows import changed_flows
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import Flow, PolicySet
from consent.errors import PolicyError, RecordError
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.notes import Verifier
from gateway.audit.log.payloads import KeyPayload, PayloadError
from gateway.audit.log.reader import FileError

_NOTHING_SAID: Final = -1
_CHANNELS: Final = (OPERATOR, GATEWAY)  # records over these are signed by the log's key

PolicySource = Callable[[bytes], bytes]
"""SHA-256 → the packed policy set with that hash; raises ``FileError`` where it is not kept."""


class InForceAt:
    """What was in force, brought up to date entry by entry.

    Args:
        verifier: The log's key, which signs the records made by the operator or by the gateway.
        shelf: Returns stored policy sets.

    Attributes:
        policies: Those in force; None before the first, or where they cannot be read.
        policy_entry: Index of their entry; -1 before the first.
        flow_since_ms: When each flow last changed, where that is known.
        grants: How many permissions were given over each channel.
        changed: The subjects whose consents or residents changed, in the log's order, each as often as that happened.
        unopened: How many consents and withdrawals have no opening, so that their subject is unknown.
    """

    def __init__(self, verifier: Verifier, shelf: PolicySource) -> None:
        self.policies: PolicySet | None = None
        self.policy_entry = -1
        self.flow_since_ms: dict[str, int] = {}
        self.grants: Counter[str] = Counter()
        self.changed: list[bytes] = []
        self.unopened = 0
        self._last_unopened = -1
        self._verifier = verifier
        self._shelf = shelf
        self._book = Book()
        self._gone: set[bytes] = set()
        self._declared: set[bytes] = set()
        self._standing: dict[bytes, dict[str, tuple[int, ...]]] = {}

    def pass_over(self, index: int) -> None:
        """Count a consent or withdrawal whose opening is missing."""
        self.unopened += 1
        self._last_unopened = index

    def take_policy(self, entry: Entry) -> list[str]:
        """Bring the policies of an entry into force; return what is wrong with them."""
        before, first = self.policies, self.policy_entry < 0
        self.policies, self.policy_entry = None, entry.sequence
        self._standing.clear()
        try:
            packed = self._shelf(entry.policy)
            if sha256(packed).digest() != entry.policy:
                return ["the policies that are kept under its hash are others"]
            self.policies = parse_policies(unpack_files(packed))
        except FileError as problem:
            return [f"its policies cannot be read: {problem}"]
        except (RecordError, PolicyError) as error:
            return [f"its policies cannot be understood: {error}"]
        self._date_flows(before, self.policies, entry.time_ms, known=first or before is not None)
        return []

    def _date_flows(self, before: PolicySet | None, present: PolicySet, now_ms: int, *, known: bool) -> None:
        """Record when each flow last changed; unknown where the policies before cannot be read."""
        changed = changed_flows(before, present)
        kept = {flow: since_ms for flow, since_ms in self.flow_since_ms.items() if flow not in changed}
        self.flow_since_ms = {flow: kept.get(flow, now_ms) for flow in present.flows} if known else {}

    def take_consent(self, entry: Entry, data: bytes) -> list[str]:
        """Apply the record of a consent or withdrawal; return what is wrong with it."""
        try:
            consent = decode(data)
        except RecordError as error:
            return [str(error)]
        if sha256(consent.subject).digest() in self._gone:
            return ["speaks for a subject that was erased"]
        problems = self._enter(consent)
        problems += self._faults(entry, consent)
        self._book.apply(consent, entry.sequence)
        self._standing.pop(consent.subject, None)
        self.changed.append(consent.subject)
        if consent.permits:
            self.grants[consent.channel] += 1
        return problems

    def take_residents(self, entry: Entry, data: bytes) -> list[str]:
        """Change a subject's residents; return what is wrong with the entry."""
        try:
            payload = KeyPayload.decode(data)
        except PayloadError as error:
            return [str(error)]
        self._declared.add(payload.subject)
        self._book.change_residents(payload.subject, payload.residents, entry.time_ms)
        self._standing.pop(payload.subject, None)
        self.changed.append(payload.subject)
        return []

    def take_erasure(self, subject_sha256: bytes) -> None:
        """Remove a subject, whose data may no longer be released."""
        self._gone.add(subject_sha256)
        for subject in {subject for subject, _, _ in self._book if sha256(subject).digest() == subject_sha256}:
            self._book.remove_subject(subject)
            self._standing.pop(subject, None)
            self.changed.append(subject)

    def is_gone(self, subject: bytes) -> bool:
        """Return whether a subject has been erased."""
        return bool(self._gone) and sha256(subject).digest() in self._gone

    def consents(self, subject: bytes, flow: Flow) -> list[Consent | None]:
        """Return each resident's present consent record for a flow."""
        return self._book.resolve(subject, flow)

    def standing(self, subject: bytes, flow: Flow) -> tuple[int, ...]:
        """Return the sorted log indices of the residents' present records for a flow; -1 for a resident without one."""
        known = self._standing.setdefault(subject, {})
        standing = known.get(flow.id)
        if standing is None:
            said = self._book.resolve(subject, flow)
            indices = [_NOTHING_SAID if consent is None else self._book.entry_of(consent) for consent in said]
            standing = known[flow.id] = tuple(sorted(indices))
        return standing

    def residents_since_ms(self, subject: bytes) -> int:
        """Return when a subject's residents last changed."""
        return self._book.residents_since_ms(subject)

    def _enter(self, consent: Consent) -> list[str]:
        """Add a record's resident to the book where absent; only a subject's first resident needs no entry that admits them."""
        residents = self._book.residents(consent.subject)
        if consent.resident in residents:
            return []
        self._book.add_subject(consent.subject, [*residents, consent.resident])
        declared = consent.subject in self._declared
        return ["speaks for a household that the log has let nobody else into"] if residents or declared else []

    def _faults(self, entry: Entry, consent: Consent) -> list[str]:
        """Return what is wrong with a record, given its entry and the resident's earlier records."""
        said = [each for each in self._book.entries(consent.subject, consent.resident) if each.consent.scope == consent.scope]
        before = [each.consent for each in said]
        may_lack = self._last_unopened > (said[0].index if said else -1)  # the record in between may be one of those
        found = []
        if (entry.kind is Kind.CONSENT) != consent.permits:
            found.append(f"a record of status {consent.status} under an entry of kind {entry.kind.word}")
        if consent.channel not in _CHANNELS:
            found.append(f"the record came over the channel `{consent.channel}`, which nothing vouches for")
        elif not self._verifier.verify_bytes(signing_bytes(consent), consent.signature):
            found.append("the record does not bear the log key's signature")
        if consent.previous != (record_hash(before[0]) if before else FIRST) and not may_lack:
            found.append("the record does not name the one that it replaces")
        if consent.time_ms > entry.time_ms:
            found.append("the record is younger than its entry")
        if consent.since_ms < consent.time_ms and not (consent.status is Status.RENEWED and (may_lack or self._renews(consent))):
            found.append("the record counts from before it was made")
        if not self._may_follow(consent, before):
            found.append(f"nothing leads from what was said before to {consent.status}")
        if consent.channel == GATEWAY:
            found += self._lapse_faults(entry, consent, before)
        return found

    def _renews(self, consent: Consent) -> bool:
        """Return whether a renewal's limits were in force from its start; True without policies, where nobody can tell."""
        if self.policies is None:
            return True
        actor = Actor(self._book, consent.subject, consent.resident, consent.time_ms, consent.channel)
        since_ms = in_force_since(actor, self.policies, consent)
        return since_ms is not None and consent.since_ms >= since_ms

    def _may_follow(self, consent: Consent, before: list[Consent]) -> bool:
        """Return whether some step leads to a record from the earlier ones, of its own scope or of one that bears on it."""
        speaker = Actor(self._book, consent.subject, consent.resident, consent.time_ms, consent.channel)
        said: set[Status | None] = {each.status for each in (*before, *speaker.counting(consent.scope))}
        steps = [step for step, leads_to in LEADS_TO.items() if leads_to is consent.status]
        return any(admits(step, status) for step in steps for status in said or {None})

    def _lapse_faults(self, entry: Entry, consent: Consent, before: list[Consent]) -> list[str]:
        """Return what is wrong with a record made by the gateway itself, which must follow from an earlier consent."""
        if consent.status is Status.EXPIRED:
            ends_ms = before[0].expiry_ms if before else None
            return [] if ends_ms is not None and ends_ms <= entry.time_ms else ["a consent has expired before its date"]
        if consent.status is not Status.INVALIDATED:
            return [f"the gateway itself says {consent.status}"]
        policies = self.policies
        if policies is None:
            return []
        still = [
            terms.flow
            for terms in consent.terms
            if terms.flow in policies.terms and not policies.terms[terms.flow].asks_no_more_than(terms)
        ]
        return [] if still else ["a consent was invalidated that covers all that is asked"]
