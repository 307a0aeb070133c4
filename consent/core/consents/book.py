"""The book: who permits what at present, as the fold of all consent records.

Records enter in the order of their log entries, and the latest of each (subject, resident, scope) counts, so that a replay
of the log reaches the same book. Values that many records share are held once: ten thousand subjects take a few megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from consent.core.consents.records import PURPOSE_PREFIX, Consent, Status, stored_consent, stored_fields
from consent.core.disclosure import meet_axes
from consent.core.policies.policy import Flow
from consent.errors import ConsentError

_T = TypeVar("_T")
_MOST_SHARED: Final = 10_000
_NOBODY_SAID: Final = (Status.REQUESTED, Status.EXPIRED, Status.INVALIDATED)
"""What stands without the resident having said so; a later word about the whole purpose goes before it."""


@dataclass(frozen=True, slots=True)
class BookEntry:
    """A consent and its log index."""

    consent: Consent
    index: int


@dataclass(frozen=True, slots=True)
class _Voice:
    """One resident of a subject, and the latest entry for each scope; never changed, so that copies of a book share it."""

    subject: bytes
    resident: bytes
    entries: tuple[BookEntry, ...] = ()

    def with_entry(self, entry: BookEntry, known: BookEntry | None) -> _Voice:
        """Return the voice with the latest about a scope, in place of what was known of it."""
        rest = self.entries if known is None else tuple([each for each in self.entries if each is not known])
        return _Voice(self.subject, self.resident, (*rest, entry))


class Book:
    """All consents that count, by subject and resident. Owned by one core object, and changed in place."""

    def __init__(self) -> None:
        """Create a book without subjects."""
        self._subjects: dict[bytes, tuple[_Voice, ...]] = {}
        self._shared: dict[object, object] = {}
        self._since_ms: dict[bytes, int] = {}

    def copy(self) -> Book:
        """Return a book that stays as this one is now; what never changes is shared."""
        other = Book()
        other._subjects = self._subjects.copy()
        other._since_ms = self._since_ms.copy()
        return other

    def changed_since(self, before: Book) -> list[bytes]:
        """Return the ids of the subjects of whom other entries count, or for whom others speak, than in a copy made before."""
        was, now = before._subjects, self._subjects
        return [
            *(each for each in was if each not in now),
            *(each for each, voices in now.items() if voices is not was.get(each)),
        ]

    def add_subject(self, subject: bytes, residents: Sequence[bytes], since_ms: int = 0) -> None:
        """Enter a subject as it is; consents of anyone else for it no longer count.

        Args:
            subject: Its id.
            residents: Their ids.
            since_ms: When they last changed; no decision about the subject holds from earlier.
        """
        if since_ms:
            self._since_ms[subject] = since_ms
        known = {voice.resident: voice for voice in self._subjects.get(subject, ())}
        self._subjects[subject] = tuple(
            [known.get(resident) or _Voice(subject, resident) for resident in dict.fromkeys(residents)]
        )

    def change_residents(self, subject: bytes, residents: Sequence[bytes], time_ms: int) -> list[int]:
        """Change a subject's residents, by a log entry of this time; a change always takes force later than the one before.

        Returns: The log indices of the entries that no longer count: those of residents who have left.
        """
        settled = [
            entry.index for voice in self._subjects.get(subject, ()) if voice.resident not in residents for entry in voice.entries
        ]
        self.add_subject(subject, residents, max(time_ms, self.residents_since_ms(subject) + 1))
        return settled

    def remove_subject(self, subject: bytes) -> None:
        """Remove a subject and all consents of its residents."""
        self._subjects.pop(subject, None)
        self._since_ms.pop(subject, None)

    def subjects(self) -> list[bytes]:
        """Return the ids of all subjects."""
        return list(self._subjects)

    def residents_since_ms(self, subject: bytes) -> int:
        """Return when a subject's residents last changed; 0 where they never did."""
        return self._since_ms.get(subject, 0)

    def residents(self, subject: bytes) -> tuple[bytes, ...]:
        """Return a subject's residents; none for an unknown subject."""
        return tuple(voice.resident for voice in self._subjects.get(subject, ()))

    def apply(self, consent: Consent, index: int) -> list[int]:
        """Enter the record of log entry ``index``; one that a later record has replaced changes nothing.

        Returns: The log indices of the entries that no longer count: the resident's earlier ones about the same scope.
        Raises: ConsentError: the subject or resident is unknown.
        """
        voice = self._voice(consent.subject, consent.resident)
        known = _latest(voice.entries, consent.scope)
        if known is not None and known.index >= index:
            return []
        self._replace(voice, voice.with_entry(BookEntry(self._slim(consent, voice), index), known))
        return [] if known is None else [known.index]

    def know(self, data: bytes, index: int) -> None:
        """Enter the stored record of log entry ``index``, as ``apply`` does; one of a resident who has left does not count."""
        fields = stored_fields(data)
        for voice in self._subjects.get(fields["subject"], ()):
            if voice.resident == fields["resident"]:
                known = _latest(voice.entries, fields["scope"])
                if known is None or known.index < index:
                    entry = BookEntry(stored_consent(fields, voice.subject, voice.resident), index)
                    self._replace(voice, voice.with_entry(entry, known))

    def for_subject(self, subject: bytes) -> list[BookEntry]:
        """Return all entries that count for a subject, oldest first; none for an unknown subject."""
        entries = [entry for voice in self._subjects.get(subject, ()) for entry in voice.entries]
        return sorted(entries, key=lambda entry: entry.index)

    def __iter__(self) -> Iterator[tuple[bytes, bytes, tuple[BookEntry, ...]]]:
        """Yield (subject, resident, all entries of the resident that count)."""
        return self.voices(self._subjects)

    def voices(self, subjects: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, tuple[BookEntry, ...]]]:
        """Yield (subject, resident, all entries of the resident that count) of some subjects; nothing of unknown ones."""
        for subject in subjects:
            for voice in self._subjects.get(subject, ()):
                yield subject, voice.resident, voice.entries

    def resolve(self, subject: bytes, flow: Flow) -> list[Consent | None]:
        """Return each resident's consent to a flow, None for one without; empty for an unknown subject."""
        return [applying(voice.entries, flow.id, flow.purpose) for voice in self._subjects.get(subject, ())]

    def entries(self, subject: bytes, resident: bytes) -> tuple[BookEntry, ...]:
        """Return all entries of one resident that count.

        Raises: ConsentError: the subject or resident is unknown.
        """
        return self._voice(subject, resident).entries

    def entry_of(self, consent: Consent) -> int:
        """Return the index of the log entry of a consent that ``resolve`` gave.

        Raises: ConsentError: its subject or resident is unknown, or nothing of the resident counts for its scope any more.
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

    def _replace(self, former: _Voice, voice: _Voice) -> None:
        voices = self._subjects[voice.subject]
        self._subjects[voice.subject] = tuple([voice if each is former else each for each in voices])

    def _slim(self, consent: Consent, voice: _Voice) -> Consent:
        """Return the same record, with the values that many records share held once."""
        return replace(
            consent,
            subject=voice.subject,
            resident=voice.resident,
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
    """Return which of a resident's consents applies to a flow under a purpose, or None.

    One for the flow itself goes before one for its purpose, unless the one for the purpose is newer and permits nothing:
    stopping a purpose stops all of it. Where a purpose was permitted again, the resident's earlier consent to the flow
    counts again, but only from then on, and no further than the newer one permits; one that has expired does not count.
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
