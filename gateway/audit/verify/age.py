"""By what time a log is aged: the auditor's clock or the witnesses' times, never the operator's own entries.

Openings expire, so one that is absent is a fault or not by its age. Whoever writes the log writes the times in it, and could make
everything look expired with a single entry dated ahead. Only a log whose genesis says that its clock is simulated is aged by
its own latest entry, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.audit.log.entries import Entry, Kind
from gateway.audit.log.openings import Opening
from gateway.audit.log.payloads import CLOCK_SET, GapPayload, GenesisPayload, PayloadError
from gateway.audit.verify.report import shown_time
from gateway.audit.verify.trust import Trust

AHEAD_MS: Final = 10 * 60_000
"""How far an entry may be ahead of the auditor's clock or the witnesses': no clock is exact."""

KEPT_WITH_THE_LOG: Final = frozenset({Kind.GENESIS, Kind.POLICY, Kind.GAP})
"""Kinds of entries whose openings never expire."""
EXPIRES_WITH_OTHERS: Final = frozenset({Kind.ERASURE})
"""Kinds of entries whose openings expire with those of other entries, and so perhaps sooner than their own age says."""


class AgedBy(StrEnum):
    """Whose time it is that a log is aged by."""

    AUDITOR = "this machine's clock"
    WITNESSES = "the witnesses' times"
    SIMULATED = "its own latest entry, since its clock is simulated"


@dataclass(frozen=True, slots=True)
class AuditTime:
    """The present, as far as a verdict on somebody else's log is concerned, and whose word that is."""

    now_ms: int
    clock: AgedBy = AgedBy.AUDITOR

    def __str__(self) -> str:
        return f"{self.clock}, {shown_time(self.now_ms)}"


def audit_time(trust: Trust, clock_ms: int) -> AuditTime:
    """Return the time by which a log is aged: when a known witness last saw it, and never later than the auditor's clock.

    Args:
        trust: Whose cosignatures the checkpoint bears.
        clock_ms: The auditor's clock.
    """
    seen_ms = max((1000 * one.time_s for one in trust.cosigned), default=None)
    return AuditTime(clock_ms) if seen_ms is None or seen_ms >= clock_ms else AuditTime(seen_ms, AgedBy.WITNESSES)


class LogAge:
    """The times of a log's entries, taken in order, held against the auditor's.

    Args:
        time: The time by which the log is aged.

    Attributes:
        simulated: Whether its genesis says that its clock is simulated.
        genesis_opened: Whether that is known.
        latest_ms: The latest time in it.
    """

    def __init__(self, time: AuditTime) -> None:
        self.simulated = self.genesis_opened = False
        self.latest_ms = 0
        self._time = time
        self._reached_ms = 0
        self._ahead: list[int] = []
        self._ahead_count = 0

    @property
    def time(self) -> AuditTime:
        """The time by which the log is aged, once all entries have been taken."""
        return AuditTime(self.latest_ms, AgedBy.SIMULATED) if self.simulated else self._time

    def take(self, entry: Entry, opening: Opening | None) -> int:
        """Take the next entry, and return by when it was made at the latest that can be believed.

        An entry is no older than the one before it, whatever its own time says, unless a gap says that the clock was set.
        """
        data = None if opening is None else opening.first
        if entry.sequence == 0 and entry.kind is Kind.GENESIS and data is not None:
            self._take_genesis(data)
        if entry.kind is Kind.GAP and data is not None and _is_clock_set(data):
            self._reached_ms = 0
        self.latest_ms = max(self.latest_ms, entry.time_ms)
        self._reached_ms = max(self._reached_ms, entry.time_ms)
        if entry.time_ms > self._time.now_ms + AHEAD_MS:
            self._ahead_count += 1
            self._ahead = self._ahead or [entry.sequence, entry.time_ms]
        return self._reached_ms

    def is_expired(self, reached_ms: int, kept_ms: int) -> bool:
        """Return whether an opening that is kept for so long may be absent by now, if its entry was made by then."""
        return reached_ms < self.time.now_ms - kept_ms

    def ahead(self) -> tuple[str, str] | None:
        """Return where the log is ahead of the time by which it is aged, and what is wrong with that; None where it is not."""
        if not self._ahead or self.simulated:
            return None
        first, time_ms = self._ahead
        more = f", and so are `{self._ahead_count - 1}` later ones" if self._ahead_count > 1 else ""
        return f"entry {first}", f"dated `{shown_time(time_ms)}`, which is ahead of {self._time}{more}"

    def _take_genesis(self, data: bytes) -> None:
        try:
            self.simulated, self.genesis_opened = GenesisPayload.decode(data).simulated_clock, True
        except PayloadError:
            return  # whoever reads the payloads says so; a log of unknown clock is held against the auditor's


def _is_clock_set(data: bytes) -> bool:
    try:
        return GapPayload.decode(data).reason == CLOCK_SET
    except PayloadError:
        return False
