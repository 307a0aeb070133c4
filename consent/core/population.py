"""Whom policies concern, as groups that are alike: a device class, a zone, and what the residents have said; members are counted.

``policy_diff`` weighs each group once, however many belong to it. A group holds what was said and no longer by whom.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from consent.core.book import Book, Entry
from consent.core.records import FIRST, ID_BYTES, Consent, Status

_NOBODY: Final = bytes(ID_BYTES)

Voice = tuple[Entry, ...]
"""All that counts of one resident; the indices only tell which came first."""


@dataclass(frozen=True, slots=True)
class Group:
    """Devices of one class in one zone, whose subjects' residents have said the same.

    Attributes:
        voices: What each resident said; None for devices without a subject.
        members: Ids of the subjects, or of the devices where there is none. They are counted and never shown.
    """

    profile: str
    zone: str
    voices: tuple[Voice, ...] | None
    members: frozenset[bytes]


def grouped(devices: Iterable[tuple[str, str, bytes, bytes | None]], book: Book, now_ms: int) -> list[Group]:
    """Return the groups that devices fall into.

    Args:
        devices: (class, zone, device id, subject or None) of each.
        book: What the residents said.
        now_ms: What has run out by then counts as expired.
    """
    voices: dict[bytes, tuple[Voice, ...]] = {}
    members: dict[tuple[str, str, tuple[Voice, ...] | None], set[bytes]] = {}
    for profile, zone, device, subject in devices:
        if subject is not None and subject not in voices:
            voices[subject] = tuple(_unnamed(book.entries(subject, who), now_ms) for who in book.residents(subject))
        said = None if subject is None else voices[subject]
        members.setdefault((profile, zone, said), set()).add(subject or device)
    return [Group(profile, zone, said, frozenset(those)) for (profile, zone, said), those in members.items()]


def _unnamed(entries: Voice, now_ms: int) -> Voice:
    """Return what a resident said without who, when, and by what proof, so that equal answers are equal."""
    ordered = sorted(entries, key=lambda entry: entry.index)
    return tuple([Entry(_bare(entry, now_ms), place) for place, entry in enumerate(ordered)])


def _bare(entry: Entry, now_ms: int) -> Consent:
    consent = entry.consent
    run_out = consent.permits and consent.expiry_ms is not None and consent.expiry_ms <= now_ms
    return replace(
        consent,
        subject=_NOBODY,
        resident=_NOBODY,
        status=Status.EXPIRED if run_out else consent.status,
        notice=b"",
        time_ms=0,
        since_ms=0,
        expiry_ms=None,
        channel="",
        signature=b"",
        authority="",
        previous=FIRST,
    )
