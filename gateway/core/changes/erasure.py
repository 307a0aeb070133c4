"""Erasure: removes a subject from everything that the gateway holds, in one commit, and logs that one was erased.

What is deleted: the secret, and with it every pseudonym, label and salt that was made with it; residents, consents, claim codes,
devices and what is remembered of them; contributions in windows and waiting records; their parts of openings, whose leaf hashes
remain, so that everybody else's part can still be checked. The entry commits to the list of the places that it has emptied, so
that no part can be hidden behind somebody else's erasure; list and emptied openings expire together. The journal begins anew,
with a snapshot without them, under a new key, and everything under the former keys is resealed. What recipients have already
received is out of reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import EmptiedOpening, ErasurePayload, erase_subject
from gateway.core.changes import changes, subjects
from gateway.core.effects import OpeningRow, OutboxRow, PackedOpening
from gateway.core.release.records import encode_row, read_row
from gateway.core.release.void import void_unsent
from gateway.core.state import State


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the database, but not the memory, holds of a subject.

    Attributes:
        own: Openings about the subject as a whole, by log index: of consents, withdrawals, residents and their credentials.
        releases: Openings of the releases that contained the subject, by log index.
        waiting: Outbox rows that may hold records of the subject.
        kept_since_ms: From when the retention of the latest of those openings counts.
    """

    own: Mapping[int, bytes]
    releases: Mapping[int, bytes]
    waiting: Sequence[OutboxRow]
    kept_since_ms: int


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure: its log index, how many parts of openings were deleted, and which bundles had been sent."""

    index: int
    parts_deleted: int
    handed_over: list[int]


def erase(state: State, subject: bytes, holdings: Holdings, now_ms: int) -> Erased:
    """Erase a subject, and log it; the caller has a journal segment begin without it.

    Args:
        state: Changed in place; nothing may be left to commit.
        subject: The id of a known subject.
        holdings: What the database holds of it.
        now_ms: The gateway's clock.
    """
    emptied = forget(state, subject, holdings, now_ms)
    digest, parts = sha256(subject).digest(), sum(len(each.parts) for each in emptied)
    payload = ErasurePayload(digest, parts, emptied)
    index = state.log.append_entry(
        Kind.ERASURE, now_ms, state.log.one_part(payload.encode()), subject_sha256=digest, parts_deleted=parts
    )
    state.commit.openings_settled_ms[index] = holdings.kept_since_ms
    return Erased(index, parts, state.inflight.sent_about(subject))


def forget(state: State, subject: bytes, holdings: Holdings, now_ms: int) -> tuple[EmptiedOpening, ...]:
    """Remove a subject from memory, and through the commit from the database; the caller begins a journal segment.

    Returns: Which parts of openings are deleted.
    """
    emptied = _shorten(state, subject, holdings)
    void_unsent(state, now_ms)
    _forget_waiting(state, subject, holdings.waiting)
    for device in subjects.devices_of(state, subject):
        changes.revoke_device(state, device.place, now_ms)
    registered = {device.id for device in state.registry.devices.values()}
    state.forget_devices_but(registered)  # devices revoked earlier may have been theirs
    subjects.drop_claims(state, subject)
    state.registry.drop_subject(subject)
    state.commit.consents_gone.append(subject)
    state.commit.erases = True
    return emptied


def _shorten(state: State, subject: bytes, holdings: Holdings) -> tuple[EmptiedOpening, ...]:
    """Replace the openings that lose a part, and return which parts they lose.

    An opening of the subject's own is empty afterwards, and expires with the list that says so.
    """
    emptied: list[EmptiedOpening] = []
    for index, before, after in sorted(_erased_openings(subject, holdings), key=lambda each: each[0]):
        pairs = enumerate(zip(before.parts, after.parts, strict=True))
        parts = tuple(number for number, (old, new) in pairs if old != new)
        if parts:
            state.commit.openings.append(OpeningRow(index, PackedOpening.of([after.encode()])))
            emptied.append(EmptiedOpening(index, parts))
    state.commit.openings_settled_ms |= dict.fromkeys(holdings.own, holdings.kept_since_ms)
    return tuple(emptied)


def _erased_openings(subject: bytes, holdings: Holdings) -> Iterator[tuple[int, Opening, Opening]]:
    for index, encoded in holdings.own.items():
        opening = Opening.decode(encoded)
        yield index, opening, opening.erase({0})
    for index, encoded in holdings.releases.items():
        opening = Opening.decode(encoded)
        yield index, opening, erase_subject(opening, subject)[0]


def _forget_waiting(state: State, subject: bytes, rows: Sequence[OutboxRow]) -> None:
    """Rewrite waiting rows without a subject's records: those in the database, and those that a voided bundle returned."""
    given_back = {row.number for row in state.commit.outbox}
    pending = state.outbox.take_pending()
    for row in [*rows, *pending]:
        readings = read_row(row.content)
        kept = [waiting for waiting in readings if waiting.contributor != subject]
        unchanged = len(kept) == len(readings)
        if unchanged and row.number not in given_back:
            continue
        content = row.content if unchanged else encode_row(kept) if kept else b""
        state.outbox.replace(row, content, stored=row.number not in given_back)
        state.ledger.move("pairs.waiting", "pairs.withheld_at_release.withdrawn", len(readings) - len(kept))
