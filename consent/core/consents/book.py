"""The book: the fold of every consent record into who permits what at present.

Records enter in the order of their log entries, and the latest of each (subject, resident, scope) counts, so that a replay
of the log reaches the same book. What many records have alike is held once: ten thousand subjects take a few megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from consent.core.consents.records import PURPOSE_PREFIX, Consent, Status
from consent.core.disclosure import meet_axes
from consent.core.policies.policy import Flow
from consent.errors import ConsentError

_T = TypeVar("_T")
_MOST_SHARED: Final = 10_000
_NOBODY_SAID: Final = (Status.REQUESTED, Status.EXPIRED, Status.INVALIDATED)
"""What stands without the resident having said so; a later word about the whole purpose goes before it."""


@dataclass(frozen=True, slots=True)
class BookEntry:
    """A consent and the index of its log entry."""

    consent: Consent
    index: int


class _Voice:
    """One resident of a subject, and the latest entry for each scope."""

    __slots__ = ("entries", "resident")

    def __init__(self, resident: bytes) -> None:
        self.resident = resident
        self.entries: tuple[BookEntry, ...] = ()


class Book:
    """All consents that count, by subject and resident. Owned by one core object and changed in place."""

    def __init__(self) -> None:
        """Begin with no subject."""
        self._subjects: dict[bytes, tuple[_Voice, ...]] = {}
        self._shared: dict[object, object] = {}
        self._since_ms: dict[bytes, int] = {}

    def add_subject(self, subject: bytes, residents: Sequence[bytes], since_ms: int = 0) -> None:
        """Enter a subject as it is; what anybody else said for it no longer counts.

        Args:
            subject: Its id.
            residents: Their ids.
            since_ms: When they last changed; no decision about the subject took force earlier.
        """
        if since_ms:
            self._since_ms[subject] = since_ms
        known = {voice.resident: voice for voice in self._subjects.get(subject, ())}
        self._subjects[subject] = tuple([known.get(resident) or _Voice(resident) for resident in dict.fromkeys(residents)])

    def change_residents(self, subject: bytes, residents: Sequence[bytes], time_ms: int) -> list[int]:
        """Change who a subject's residents are, by a log entry of this time; a change counts from later than the one before it.

        Returns: The log indices of the entries that no longer count: of all that those said who have left.
        """
        settled = [
            entry.index for voice in self._subjects.get(subject, ()) if voice.resident not in residents for entry in voice.entries
        ]
        self.add_subject(subject, residents, max(time_ms, self.residents_since_ms(subject) + 1))
        return settled

    def remove_subject(self, subject: bytes) -> None:
        """Forget a subject and all that its residents said."""
        self._subjects.pop(subject, None)
        self._since_ms.pop(subject, None)

    def residents_since_ms(self, subject: bytes) -> int:
        """Return when a subject's residents last changed; 0 where they never did."""
        return self._since_ms.get(subject, 0)

    def residents(self, subject: bytes) -> tuple[bytes, ...]:
        """Return a subject's residents; none for an unknown subject."""
        return tuple(voice.resident for voice in self._subjects.get(subject, ()))

    def apply(self, consent: Consent, index: int) -> list[int]:
        """Enter a record that stands in the log at ``index``; one that a later record has replaced changes nothing.

        Returns: The log indices of the entries that no longer count: of what the resident said before about the same scope.
        Raises: ConsentError: the subject or resident is unknown.
        """
        voice = self._voice(consent.subject, consent.resident)
        known = _latest(voice.entries, consent.scope)
        if known is not None and known.index >= index:
            return []
        rest = [entry for entry in voice.entries if entry is not known]
        voice.entries = (*rest, BookEntry(self._slim(consent, voice.resident), index))
        return [] if known is None else [known.index]

    def for_subject(self, subject: bytes) -> list[BookEntry]:
        """Return all that counts for a subject, oldest log entry first; nothing for an unknown subject."""
        entries = [entry for voice in self._subjects.get(subject, ()) for entry in voice.entries]
        return sorted(entries, key=lambda entry: entry.index)

    def __iter__(self) -> Iterator[tuple[bytes, bytes, tuple[BookEntry, ...]]]:
        """Yield (subject, resident, all that counts of the resident)."""
        for subject, voices in self._subjects.items():
            for voice in voices:
                yield subject, voice.resident, voice.entries

    def resolve(self, subject: bytes, flow: Flow) -> list[Consent | None]:
        """Return what each resident says about a flow, None for one who has said nothing; empty for an unknown subject."""
        return [applying(voice.entries, flow.id, flow.purpose) for voice in self._subjects.get(subject, ())]

    def entries(self, subject: bytes, resident: bytes) -> tuple[BookEntry, ...]:
        """Return all that counts of one resident.

        Raises: ConsentError: the subject or resident is unknown.
        """
        return self._voice(subject, resident).entries

    def entry_of(self, consent: Consent) -> int:
        """Return the index of the log entry of a consent that ``resolve`` gave.

        Raises: ConsentError: its subject or resident is unknown, or the resident no longer says anything about its scope.
        """
        entry = _latest(self._voice(consent.subject, consent.resident).entries, consent.scope)
        if entry is None:
            raise ConsentError(f"the resident says nothing about `{consent.scope}`")
        return entry.index

    def _voice(self, subject: bytes, resident: bytes) -> _Voice:
        voices = self._subjects.get(subject)
        if voices is None:
            raise ConsentError("there is no such subject")
        for voice in voices:
            if voice.resident == resident:
                return voice
        raise ConsentError("the subject has no such resident")

    def _slim(self, consent: Consent, resident: bytes) -> Consent:
        """Return the same record, holding once what many records have alike."""
        return replace(
            consent,
            resident=resident,
            scope=self._once(consent.scope),
            limits=self._once(consent.limits),
            notice=self._once(consent.notice),
            since_ms=consent.time_ms if consent.since_ms == consent.time_ms else consent.since_ms,
            channel=self._once(consent.channel),
            terms=self._once(consent.terms),
        )

    def _once(self, value: _T) -> _T:
        if len(self._shared) > _MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(value, value)  # type: ignore[return-value]


def _latest(entries: tuple[BookEntry, ...], scope: str) -> BookEntry | None:
    for entry in entries:
        if entry.consent.scope == scope:
            return entry
    return None


def applying(entries: tuple[BookEntry, ...], flow: str, purpose: str) -> Consent | None:
    """Return which of a resident's consents speaks for a flow under a purpose, or None.

    One for the flow itself goes before one for its purpose, unless the one for the purpose is newer and permits nothing:
    whoever stops a purpose stops all of it. Where a purpose was permitted anew, what the resident said before about the flow
    counts again, but only from then on, and a yes no further than the newer one goes; what merely ran out does not count.
    """
    own = _latest(entries, flow)
    general = _latest(entries, PURPOSE_PREFIX + purpose)
    if own is None or general is None:
        entry = own or general
        return None if entry is None else entry.consent
    if general.index < own.index:
        return own.consent
    if not general.consent.permits or own.consent.status in _NOBODY_SAID:
        return general.consent
    since_ms = max(own.consent.since_ms, general.consent.since_ms)
    if not own.consent.permits:
        return replace(own.consent, since_ms=since_ms)
    return replace(
        own.consent,
        since_ms=since_ms,
        limits=meet_axes(own.consent.limits, general.consent.limits),
        expiry_ms=_earlier(own.consent.expiry_ms, general.consent.expiry_ms),
    )


def _earlier(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
