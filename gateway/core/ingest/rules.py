"""By which rules a profile's readings are admitted: what its numbers mean, how repeats are told, how far clocks may be off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from consent.core.profiles.profile import AbsentSequence, Profile, Repeat, Scheme
from gateway.core.ingest.admission import MAX_AHEAD_MS, MAX_BEHIND_MS


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """The rules of one profile.

    Attributes:
        is_numbered: Whether its messages are numbered, by themselves or by their authentication.
        absent: What it means where the number is absent.
        restarts: Whether a number far below the last one, at a later time, begins a run.
        repeat: How repeats are told by their arrival; None: they are not.
        most_ahead_ms: How far a reading's time may lie ahead of the gateway's clock.
        most_behind_ms: How far behind.
    """

    is_numbered: bool
    absent: AbsentSequence = AbsentSequence.REFUSED
    restarts: bool = False
    repeat: Repeat | None = None
    most_ahead_ms: int = MAX_AHEAD_MS
    most_behind_ms: int = MAX_BEHIND_MS

    @classmethod
    def of(cls, profile: Profile) -> AdmissionRules:
        """Return a profile's rules. The number that an authentication code covers is never absent, and never begins again."""
        is_sealed = profile.authentication.scheme is Scheme.MAC0
        numbers, time = profile.sequence, profile.time
        return _shared(
            cls(
                is_numbered=numbers is not None or is_sealed,
                absent=AbsentSequence.REFUSED if numbers is None or is_sealed else numbers.absent,
                restarts=numbers is not None and numbers.restarts and not is_sealed,
                repeat=profile.repeat,
                most_ahead_ms=MAX_AHEAD_MS if time is None or time.most_ahead_ms is None else time.most_ahead_ms,
                most_behind_ms=MAX_BEHIND_MS if time is None or time.most_behind_ms is None else time.most_behind_ms,
            )
        )

    @property
    def is_plain(self) -> bool:
        """Whether each message has its number or none has, and nothing but it tells repeats."""
        return self.absent is AbsentSequence.REFUSED and not self.restarts and self.repeat is None

    @property
    def tells_repeats_by_number(self) -> bool:
        """Whether a repeat is always known by its number; otherwise the times of its readings are remembered as well."""
        return self.is_numbered and self.absent is not AbsentSequence.NONE


@lru_cache(maxsize=256)
def _shared(rules: AdmissionRules) -> AdmissionRules:
    """Return one shared object for all equal rules: thousands of devices share a few."""
    return rules
