"""What was in force at each entry of a log: the policies, the consents, and the residents whose consent is required.

A replay rebuilds this from the log alone, with the same code by which the gateway decides. Every consent record is checked
(`spoken`), and every credential that may sign one (`credentials`), so that a forged consent and a planted passkey are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from consent.core.consents.book import Book
from consent.core.consents.records import COUNTER, OPERATOR, PASSKEY, SESSION, Consent, decode
from consent.core.policies.archive import unpack_files
from consent.core.policies.changed_flows import changed_flows
from consent.core.policies.parse import parse_policies
from consent.core.policies.policy import Flow, PolicySet
from consent.errors import PolicyError, RecordError
from gateway.audit.log.entries import Entry
from gateway.audit.log.handover import LogKeys
from gateway.audit.log.payloads import (
    CredentialsEndedPayload,
    EnrolmentPayload,
    LogKeyPayload,
    PayloadError,
    RootKeyPayload,
    decode_key,
)
from gateway.audit.log.reader import FileError
from gateway.audit.replay.credentials import CredentialAudit, EnrolledKey
from gateway.audit.replay.spoken import SpokenRecord

_NOTHING_SAID: Final = -1
_BY_OTHERS: Final = (OPERATOR, COUNTER)
_HELD_BACK_MS: Final = 3_600_000
"""A challenge holds for minutes: a record that is so much older than its entry was kept somewhere in between."""

PolicySource = Callable[[bytes], bytes]
"""SHA-256 → the packed policy set with that hash; raises ``FileError`` where it is not kept."""


class InForceAt:
    """What was in force, brought up to date entry by entry.

    Args:
        keys: The log's keys, which sign the records made by the operator or by the gateway.
        shelf: Returns stored policy sets.

    Attributes:
        policies: Those in force; None before the first, or where they cannot be read.
        policy_entry: Index of their entry; -1 before the first.
        flow_since_ms: When each flow last changed, where that is known.
        grants: How many permissions were given over each channel.
        by_enrolment: How many of those over a passkey by how it came to be; `unknown`: the log does not show it to be theirs.
        by_origin: Likewise by what it goes back to over others in between: `letter` or `counter`.
        beside_passkeys: How many permissions the operator or the counter gave for a resident who had a passkey.
        held_back: How many records a passkey had signed long before they were entered.
        unchecked_sessions: Records over a session of which nobody can tell any more whether they told more.
        credentials: Those that hold.
        changed: The subjects whose consents or residents changed, in the log's order, each as often as that happened.
        unopened: How many consents and withdrawals have no opening, so that their subject is unknown.
    """

    def __init__(self, keys: LogKeys, shelf: PolicySource) -> None:
        self.policies: PolicySet | None = None
        self.policy_entry = -1
        self.flow_since_ms: dict[str, int] = {}
        self.grants: Counter[str] = Counter()
        self.by_enrolment: Counter[str] = Counter()
        self.by_origin: Counter[str] = Counter()
        self.beside_passkeys = 0
        self.held_back = 0
        self.unchecked_sessions = 0
        self.credentials = CredentialAudit()
        self.changed: list[bytes] = []
        self.unopened = 0
        self._last_unopened = -1
        self._keys = keys
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
        fault = "speaks for a household that the log has let nobody else into"
        problems = self._admit(consent.subject, consent.resident, fault)
        spoken = SpokenRecord(entry, consent, self._book, self.policies, self.credentials, self._last_unopened)
        key, faults = spoken.faults(self._keys.at(entry.sequence))
        self._count(spoken, key)
        self._book.apply(consent, entry.sequence)
        self._standing.pop(consent.subject, None)
        self.changed.append(consent.subject)
        return problems + faults

    def _count(self, spoken: SpokenRecord, key: EnrolledKey | None) -> None:
        """Count a record by what it rests on."""
        consent = spoken.consent
        if consent.channel == SESSION and spoken.tells_no_more is None:
            self.unchecked_sessions += 1
        if consent.channel == PASSKEY and spoken.entry.time_ms - consent.time_ms > _HELD_BACK_MS:
            self.held_back += 1
        if not consent.permits:
            return
        self.grants[consent.channel] += 1
        if consent.channel == PASSKEY:
            self.by_enrolment["unknown" if key is None else key.how] += 1
            self.by_origin["unknown" if key is None else key.origin] += 1
        elif consent.channel in _BY_OTHERS:
            self.beside_passkeys += self.credentials.has_passkey(consent.subject, consent.resident)

    def take_key(self, entry: Entry, data: bytes) -> list[str]:
        """Change a subject's residents, or the credentials of one of them; return what is wrong with the entry."""
        try:
            payload = decode_key(data)
        except PayloadError as error:
            return [str(error)]
        if isinstance(payload, LogKeyPayload | RootKeyPayload):
            return []  # about no household; that the log says so outside too is checked by ``verify``
        if self.is_gone(payload.subject):
            return ["is about a subject that was erased"]
        if isinstance(payload, EnrolmentPayload):
            problems = self._admit(
                payload.subject, payload.resident, "enrols somebody whom the log has not let into the household"
            )
            return problems + self.credentials.enrol(entry, payload)
        if isinstance(payload, CredentialsEndedPayload):
            return self.credentials.end(payload)
        self._declared.add(payload.subject)
        self._book.change_residents(payload.subject, payload.residents, entry.time_ms)
        self.credentials.keep_residents(payload.subject, payload.residents)
        self._standing.pop(payload.subject, None)
        self.changed.append(payload.subject)
        return []

    def take_erasure(self, subject_sha256: bytes) -> None:
        """Remove a subject, whose data may no longer be released."""
        self._gone.add(subject_sha256)
        for subject in {subject for subject, _, _ in self._book if sha256(subject).digest() == subject_sha256}:
            self._book.remove_subject(subject)
            self.credentials.forget(subject)
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

    def _admit(self, subject: bytes, resident: bytes, fault: str) -> list[str]:
        """Add a resident to the book where absent; only a subject's first resident needs no entry that admits them."""
        residents = self._book.residents(subject)
        if resident in residents:
            return []
        self._book.add_subject(subject, [*residents, resident])
        return [fault] if residents or subject in self._declared else []
