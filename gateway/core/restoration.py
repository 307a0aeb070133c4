"""Restoration: brings a backup's memory up to date with what the log records since, and closes what the log leaves unknown.

Consents, withdrawals, residents, credentials and erasures whose openings are available are folded in as they happened; a passkey
that was made since is lost, as the log knows its hash alone, and the paper code that was made with it holds. What was in windows
or waiting when the backup was made is dropped, since it may have been released since, and nothing may leave twice. Where the
opening of a consent change is missing it could be anybody's, so every consent that still holds is ended and requested again.
"""

from __future__ import annotations

from consent.core.consents.records import Status
from consent.core.consents.records import decode as decode_consent
from consent.core.lifecycle import expiry
from consent.core.lifecycle.notifications import MessageKind
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import (
    RESTORED,
    RESTORED_BOOKS,
    AccountPayload,
    CredentialsEndedPayload,
    EnrolmentPayload,
    KeyPayload,
    LogKeyPayload,
    RootKeyPayload,
    decode_key,
)
from gateway.core.changes import changes, credentials, subjects
from gateway.core.ledger import Ledger
from gateway.core.registry import Holder, Resident
from gateway.core.state import State

_TOLD = {Status.INVALIDATED: MessageKind.RESTORED}


class LogTail:
    """Folds the entries after the backup, in order, into its memory.

    Attributes:
        erased: SHA-256 of the ids of subjects that were erased.
        missing: How many changes of consent or residents have no opening available.
        unknown: How many changes are of subjects that the backup does not know.
    """

    def __init__(self, state: State) -> None:
        """Begin after the backup's last entry."""
        self._state = state
        self.erased: set[bytes] = set()
        self.missing = self.unknown = 0
        self._totals: dict[str, int] | None = None
        self._accounted = True  # every ledger move since is in an account whose opening is available
        self._releases = self._voids = 0

    def take(self, entry: Entry, opening: Opening | None) -> None:
        """Fold in the next entry; its opening has been checked against it, and may be absent."""
        part = None if opening is None else opening.first
        if entry.kind in (Kind.CONSENT, Kind.WITHDRAWAL, Kind.KEY):
            if opening is None:
                self.missing += 1
            elif part is not None:  # what was erased since is handled by the erasure
                (self._household if entry.kind is Kind.KEY else self._consent)(entry, part)
        elif entry.kind is Kind.ERASURE and entry.subject_sha256 is not None:
            self.erased.add(entry.subject_sha256)
        elif entry.kind is Kind.ACCOUNT:
            self._accounted = part is not None
            if part is not None:
                self._totals = dict(AccountPayload.decode(part).totals)
                self._releases = self._voids = 0
        elif entry.kind in (Kind.RELEASE, Kind.VOID):
            self._accounted = False
            self._releases += entry.kind is Kind.RELEASE
            self._voids += entry.kind is Kind.VOID

    def _consent(self, entry: Entry, data: bytes) -> None:
        state, consent = self._state, decode_consent(data)
        if consent.subject not in state.registry.subjects:
            self.unknown += 1
            return
        present = consent.resident in state.registry.book.residents(consent.subject)
        (state.registry.keep_consent if present else state.registry.store_consent)(consent, entry.sequence, data)

    def _household(self, entry: Entry, data: bytes) -> None:
        payload = decode_key(data)
        if isinstance(payload, LogKeyPayload | RootKeyPayload):
            return  # of the gateway's own keys, which come back from their own copy
        if payload.subject not in self._state.registry.subjects:
            self.unknown += 1
        elif isinstance(payload, KeyPayload):
            self._residents(entry, payload)
        else:
            self._credential(entry, payload)

    def _credential(self, entry: Entry, payload: EnrolmentPayload | CredentialsEndedPayload) -> None:
        """Fold in what the log knows of a credential: of a passkey its hash alone, so that one made since is lost."""
        holder, residents = Holder(payload.subject, payload.resident), self._state.registry.book.residents(payload.subject)
        if isinstance(payload, CredentialsEndedPayload):
            credentials.ended_since(self._state, holder, payload, entry.sequence, known=payload.resident in residents)
        else:
            credentials.enrolled_since(self._state, holder, payload, entry, known=payload.resident in residents)

    def _residents(self, entry: Entry, payload: KeyPayload) -> None:
        state, subject = self._state, self._state.registry.subjects[payload.subject]
        known = {resident.id: resident for resident in subject.residents}
        residents = [known.get(each) or Resident(each, entry.time_ms, entry.time_ms) for each in payload.residents]
        subjects.apply_residents(state, subject, tuple(residents), entry.sequence, entry.time_ms)

    def resume_ledger(self) -> str:
        """Continue from the latest account available, and move what is no longer known to where it stays.

        Returns: The reason for the log's `gap` entry.
        """
        ledger = self._state.ledger
        if self._totals is not None:
            ledger = self._state.ledger = Ledger(self._totals, self._totals)
        ledger.add("bundles.formed", self._releases)
        ledger.add("bundles.voided", self._voids)
        ledger.add("bundles.sent", self._releases - self._voids)
        ledger.move("bundles.ready", "bundles.sent", ledger.sum("bundles.ready"))
        ledger.move("pairs.open", "pairs.suppressed.restored", ledger.sum("pairs.open"))
        ledger.move("pairs.waiting", "pairs.withheld_at_release.restored", ledger.sum("pairs.waiting"))
        return RESTORED if self._accounted else RESTORED_BOOKS


def drop_under_way(state: State, now_ms: int) -> None:
    """Drop what was in windows and waiting, and end every claim code and session: it may have been used, or ended, since.

    A window that began before now misses readings and may have been released: it never yields a figure again.
    """
    state.windows.restore([state.windows.watermark_ms, now_ms, [], []])
    state.windows.guards.restore([])
    state.publications.restore([])  # what was published since the backup is not published again, and nothing of before is left
    state.marks.clear()
    state.inflight.forget_all()
    state.outbox.forget_all()
    for subject in list(state.registry.subjects):
        subjects.drop_claims(state, subject)
        credentials.end_sessions(state, subject)


def end_consents(state: State, now_ms: int) -> int:
    """End every consent that still holds, and notify the subjects; return how many there were."""
    ended = list(expiry.unsure(state.registry.book, now_ms))
    if ended:
        changes.change_consents(state, ended, now_ms, told=_TOLD)
    return len(ended)
