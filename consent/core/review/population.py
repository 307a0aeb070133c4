"""The population that policies concern, in groups of equal device profile, zone and consents; members are counted.

``diff`` decides for each group once, whatever its size. A group holds consents without whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from consent.core.consents.book import Book, BookEntry
from consent.core.consents.records import FIRST, ID_BYTES, Consent, Status
from consent.core.disclosure import TOP, Disclosure
from consent.core.policies.policy import PolicySet

_NOBODY: Final = bytes(ID_BYTES)
_INDEX: Final = attrgetter("index")

Voice = tuple[BookEntry, ...]
"""All that counts of one resident; the indices only tell which came first."""


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """Devices of one profile in one zone, whose subjects' residents have equal consents.

    Attributes:
        voices: Each resident's consents; None for devices without a subject.
        members: Ids of the subjects, or of the devices where there is none. They are counted and never shown.
    """

    profile: str
    zone: str
    voices: tuple[Voice, ...] | None
    members: frozenset[bytes]


def grouped(devices: Iterable[tuple[str, str, bytes, bytes | None]], book: Book, now_ms: int) -> list[DeviceGroup]:
    """Return the groups that devices fall into.

    Args:
        devices: (profile, zone, device id, subject or None) of each.
        book: The residents' consents.
        now_ms: Consents that end by then count as expired.
    """
    sayings = _Sayings(now_ms)
    said: dict[bytes, _Said] = {}
    members: dict[tuple[str, str, _Said | None], set[bytes]] = {}
    for profile, zone, device, subject in devices:
        if subject is not None and subject not in said:
            said[subject] = tuple([sayings.numbers(book.entries(subject, who)) for who in book.residents(subject)])
        key = profile, zone, None if subject is None else said[subject]
        members.setdefault(key, set()).add(subject or device)
    return [
        DeviceGroup(profile, zone, None if each is None else tuple(map(sayings.voice, each)), frozenset(those))
        for (profile, zone, each), those in members.items()
    ]


def agreeing(policies: PolicySet, flow: str, limits: Disclosure = TOP) -> Consent:
    """Return the consent of somebody who agrees to what a flow asks at present, up to some limits; for ``decide`` alone."""
    return Consent(_NOBODY, _NOBODY, flow, limits, Status.GIVEN, b"", 0, 0, None, "", b"", policies.terms_for(flow))


_Said = tuple[tuple[int, ...], ...]
"""What a subject's residents said, each by the numbers of their sayings, oldest first."""


class _Sayings:
    """Numbers the consents that differ in more than who gave them, when, and with what proof: hardly any do."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._known: dict[Consent, int] = {}
        self._seen: dict[tuple[object, ...], int] = {}  # the book holds equal parts once, so their identities are a quick key

    def numbers(self, entries: Voice) -> tuple[int, ...]:
        """Return the numbers of a resident's consents."""
        return tuple([self._number(entry.consent) for entry in sorted(entries, key=_INDEX)])

    def voice(self, numbers: Sequence[int]) -> Voice:
        """Return the consents that some numbers stand for."""
        consents = list(self._known)
        return tuple([BookEntry(consents[number], place) for place, number in enumerate(numbers)])

    def _number(self, consent: Consent) -> int:
        run_out = consent.permits and consent.expiry_ms is not None and consent.expiry_ms <= self._now_ms
        key = id(consent.scope), id(consent.limits), id(consent.terms), consent.status, run_out
        number = self._seen.get(key)
        if number is None:
            bare = _bare(consent, Status.EXPIRED if run_out else consent.status)
            number = self._seen[key] = self._known.setdefault(bare, len(self._known))
        return number


def _bare(consent: Consent, status: Status) -> Consent:
    return replace(
        consent,
        subject=_NOBODY,
        resident=_NOBODY,
        status=status,
        notice=b"",
        time_ms=0,
        since_ms=0,
        expiry_ms=None,
        channel="",
        signature=b"",
        authority="",
        previous=FIRST,
    )
