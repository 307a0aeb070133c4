"""Erasure: removes a subject from everything that the gateway holds, in one commit, and logs that one was erased.

What is deleted: the secret, and with it every pseudonym, label and salt that was made with it; residents, consents, claim codes,
devices and what is remembered of them; contributions in windows and waiting records; their parts of openings, whose leaf hashes
remain, so that everybody else's part can still be checked. The journal begins again with a snapshot without them, under a new
key, and everything under the former keys is resealed. What recipients have already received is out of reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway.audit.log.entries import Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import ErasurePayload, erase_subject
from gateway.core import recovery
from gateway.core.changes import changes, subjects
from gateway.core.effects import OpeningRow, OutboxRow
from gateway.core.release.records import encode_row, read_row
from gateway.core.release.void import void_unsent
from gateway.core.state import State


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the database, but not the memory, holds of a subject.

    Attributes:
        own: Openings about the subject as a whole, by log index: of consents, withdrawals and changes of residents.
        releases: Openings of the releases that contained the subject, by log index.
        waiting: Outbox rows that may hold records of the subject.
    """

    own: Mapping[int, bytes]
    releases: Mapping[int, bytes]
    waiting: Sequence[OutboxRow]


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure: its log index, how many parts of openings were deleted, and which bundles had been sent."""

    index: int
    parts_deleted: int
    handed_over: list[int]


def erase(state: State, subject: bytes, holdings: Holdings, now_ms: int) -> Erased:
    """Erase a subject, log it, and begin a journal segment without it.

    Args:
        state: Changed in place; nothing may be left to commit.
        subject: The id of a known subject.
        holdings: What the database holds of it.
        now_ms: The gateway's clock.
    """
    parts = forget(state, subject, holdings, now_ms)
    digest = sha256(subject).digest()
    payload = ErasurePayload(digest, parts)
    index = state.log.append_entry(
        Kind.ERASURE, now_ms, state.log.one_part(payload.encode()), subject_sha256=digest, parts_deleted=parts
    )
    recovery.begin_segment(state)
    return Erased(index, parts, state.inflight.sent_about(subject))


def forget(state: State, subject: bytes, holdings: Holdings, now_ms: int) -> int:
    """Remove a subject from memory, and through the commit from the database; the caller begins a journal segment.

    Returns: How many parts of openings are deleted.
    """
    shortened, parts = _shortened(subject, holdings)
    void_unsent(state, now_ms)
    _forget_waiting(state, subject, holdings.waiting)
    for device in subjects.devices_of(state, subject):
        changes.revoke_device(state, device.topic, now_ms)
    registered = {device.id for device in state.registry.devices.values()}
    for former in state.memories.keys() - registered:  # devices revoked earlier may have been theirs
        del state.memories[former]
    subjects.drop_claims(state, subject)
    state.registry.drop_subject(subject)
    state.commit.consents_gone.append(subject)
    state.commit.openings += shortened
    state.commit.erases = True
    return parts


def _shortened(subject: bytes, holdings: Holdings) -> tuple[list[OpeningRow], int]:
    """Return the openings that lose a part, shortened, and how many parts are deleted."""
    shortened: list[OpeningRow] = []
    parts = 0
    for index, before, after in _erased_openings(subject, holdings):
        if after.erased_count > before.erased_count:
            shortened.append(OpeningRow(index, after.encode()))
            parts += after.erased_count - before.erased_count
    return shortened, parts


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
