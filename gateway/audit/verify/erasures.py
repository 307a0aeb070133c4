"""Erasures held against what is gone: every erased part is named by exactly one of them, and none names what is still there.

A part of a release is erased for a subject that had been asked: the same list has to name a consent before that release. What an
erasure of the earlier form accounts for, which has no list, rests on the operator's word; it is counted, and its entry named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from gateway.audit.log.earlier_payloads import AnyErasurePayload, EarlierErasurePayload, decode_erasure
from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import EmptiedOpening, ErasurePayload, PayloadError

_SAID: Final = (Kind.CONSENT, Kind.WITHDRAWAL, Kind.KEY)
_ABSENT: Final = 0x80

Problem = tuple[str, str]
"""Where, and what."""


class ErasureSummary(NamedTuple):
    """One erasure with its list: its entry, and how much it emptied."""

    entry: int
    time_ms: int
    consents: int
    withdrawals: int
    releases: int
    parts: int
    first_consent: int | None


def erasure_of(entry: Entry, data: bytes) -> AnyErasurePayload:
    """Return the payload of an erasure entry.

    Raises: PayloadError: the bytes hold no erasure, or another one.
    """
    payload = decode_erasure(data)
    if (payload.subject_sha256, payload.parts_deleted) != (entry.subject_sha256, entry.parts_deleted):
        raise PayloadError("the erasure is not the one in the entry")
    return payload


class ErasureAudit:
    """Takes a log's entries in order, with the openings at hand; `close` gives what is wrong.

    Attributes:
        erased: How many parts are erased in the openings at hand.
        declared: How many parts the erasure entries say in clear that they deleted.
        unnamed: How many of the erased parts no list names, once closed.
        lists: The erasures with a list.
        earlier: Erasures of the earlier form: index and time of the entry.
        earlier_parts: How many parts those account for, on the operator's word.
    """

    def __init__(self) -> None:
        self.erased = self.declared = self.unnamed = self.earlier_parts = 0
        self.lists: list[ErasureSummary] = []
        self.earlier: list[tuple[int, int]] = []
        self._kinds = bytearray()  # of each entry; with `_ABSENT` where its opening is not at hand
        self._missing: dict[int, set[int]] = {}  # numbers of erased parts by log index
        self._named: dict[tuple[int, int], int] = {}  # (entry, part) -> the erasure that names it
        self._subjects: dict[bytes, int] = {}
        self._earlier_parts: dict[int, int] = {}  # how many parts each erasure of the earlier form accounts for

    def skip(self) -> None:
        """Pass over an entry that cannot be read."""
        self._kinds.append(_ABSENT)

    def take(self, entry: Entry, opening: Opening | None) -> None:
        """Take the next entry and its opening, where that is at hand."""
        self._kinds.append(entry.kind | (_ABSENT if opening is None else 0))
        if entry.kind is Kind.ERASURE:
            self.declared += entry.parts_deleted or 0
        if opening is not None and opening.erased_count:
            missing = {number for number, part in enumerate(opening.parts) if isinstance(part, bytes)}
            self._missing[entry.sequence] = missing
            self.erased += len(missing)

    def take_erasure(self, entry: Entry, payload: AnyErasurePayload) -> list[str]:
        """Enter what an erasure says; its entry was the last that was taken. Return what is wrong with it."""
        if isinstance(payload, EarlierErasurePayload):
            self.earlier.append((entry.sequence, entry.time_ms))
            self.earlier_parts += payload.parts_deleted
            self._earlier_parts[entry.sequence] = payload.parts_deleted
            return []
        before = self._subjects.setdefault(payload.subject_sha256, entry.sequence)
        found = [] if before == entry.sequence else [f"erases a subject that entry `{before}` has erased"]
        if sum(len(each.parts) for each in payload.emptied) != payload.parts_deleted:
            found.append(f"its list is not of `{payload.parts_deleted}` parts")
        if [each.entry for each in payload.emptied] != sorted({each.entry for each in payload.emptied}):
            found.append("its list is not in the log's order")
        for each in payload.emptied:
            found += self._place_problems(entry.sequence, each)
        return found + self._consent_problems(entry, payload)

    def _place_problems(self, erasure: int, emptied: EmptiedOpening) -> Iterator[str]:
        """Yield what is wrong with the places that an erasure names in one opening, and mark them as named."""
        index, parts = emptied.entry, emptied.parts
        kind = self._kind(index) if index < erasure else None
        erasable = (kind in _SAID and parts == (0,)) or (kind is Kind.RELEASE and list(parts) == sorted({*parts} - {0}))
        if not erasable or not parts:
            yield f"names parts of entry `{index}` that no erasure can take"
            return
        missing = None if self._kinds[index] & _ABSENT else self._missing.get(index, set())
        for part in parts:
            before = self._named.setdefault((index, part), erasure)
            if before != erasure:
                yield f"names part `{part}` of entry `{index}`, which entry `{before}` has named"
            elif missing is not None and part not in missing:
                yield f"names part `{part}` of entry `{index}`, which is not erased"

    def _consent_problems(self, entry: Entry, payload: ErasurePayload) -> list[str]:
        """Return the releases that are emptied for a subject without a consent before them, and enter the erasure."""
        consents = [each.entry for each in payload.emptied if self._kind(each.entry) is Kind.CONSENT]
        releases = [each.entry for each in payload.emptied if self._kind(each.entry) is Kind.RELEASE]
        withdrawals = sum(self._kind(each.entry) is Kind.WITHDRAWAL for each in payload.emptied)
        first = min(consents, default=None)
        counts = (len(consents), withdrawals, len(releases), payload.parts_deleted)
        self.lists.append(ErasureSummary(entry.sequence, entry.time_ms, *counts, first))
        early = [index for index in releases if first is None or index < first]
        return [f"empties release `{early[0]}`, and names no consent before it"] if early else []

    def close(self) -> list[Problem]:
        """Return which erased parts nothing accounts for."""
        unnamed = {index: sorted(self._unnamed(index)) for index in self._missing}
        self.unnamed = sum(map(len, unnamed.values()))
        if not self.earlier:
            listed = [(index, parts[0]) for index, parts in unnamed.items() if parts]
            return [(f"entry {index}", f"part `{part}` is erased, and no erasure names it") for index, part in listed]
        if self.unnamed > self.earlier_parts:
            account = f"and those without a list account for `{self.earlier_parts}`"
            return [("openings", f"`{self.unnamed}` erased parts are on no erasure's list, {account}")]
        return self._beyond_earlier({index: len(parts) for index, parts in unnamed.items() if parts})

    def _beyond_earlier(self, unnamed: dict[int, int]) -> list[Problem]:
        """Return which entries lost more parts than the erasures behind them account for: an erasure reaches only back."""
        accounted = dict(self._earlier_parts)
        left, found = 0, []
        for index in sorted({*unnamed, *accounted}, reverse=True):
            left += accounted.get(index, 0) - unnamed.get(index, 0)
            if left < 0:
                found.append(
                    (f"entry {index}", f"`{-left}` erased parts are on no erasure's list, and too few are erased after it")
                )
                left = 0
        return found[::-1]

    def subjects_missing(self, index: int) -> int:
        """Return of how many subjects at most parts are missing from an opening: each erasure with a list is of one."""
        unnamed = self._unnamed(index)
        named = self._missing.get(index, set()) - unnamed
        return len({self._named[index, number] for number in named}) + len(unnamed)

    def _unnamed(self, index: int) -> set[int]:
        return {number for number in self._missing.get(index, ()) if (index, number) not in self._named}

    def _kind(self, index: int) -> Kind | None:
        number = self._kinds[index] & ~_ABSENT if index < len(self._kinds) else 0
        return Kind(number) if number else None
