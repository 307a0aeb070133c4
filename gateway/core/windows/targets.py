"""Targets: a flow that takes one device's readings of one property, into windows or as records, and the terms that it rests on.

``gateway.core.plans`` makes them for the slots of its plans, the pipeline and the replay of the journal feed them, and they feed
the windows.
"""

from __future__ import annotations

from dataclasses import dataclass

from consent.core.disclosure import DAY_MS, Disclosure
from consent.core.outcome import WINDOW_MS_BY_LABEL
from gateway.core.ingest.counters import Register
from gateway.core.ingest.minimise import floor_time_ms
from gateway.core.windows.accumulators import (
    BASELINE,
    EXPIRED,
    LAST_KEPT,
    LATE,
    PARTIAL,
    RECORDED,
    UNDATED,
    Accumulator,
    Delta,
)
from gateway.core.windows.windows import Cohort, Windows


@dataclass(frozen=True, slots=True)
class Terms:
    """What a contribution or record rests on: the decision, the log entries behind it, and the device that it was made for.

    Attributes:
        several: Where a subject's devices of several profiles or blocks contribute to one figure, the terms of each; these terms
            are their meet.
    """

    disclosure: Disclosure
    since_ms: int
    expires_ms: int
    policy_entry: int
    consent_entries: tuple[int, ...]
    profile: str = ""
    zone: str = ""
    several: tuple[Terms, ...] = ()

    def same_between(self, earliest_ms: int, latest_ms: int) -> bool:
        """Return whether they neither begin nor end to hold between two times."""
        return not (earliest_ms < self.since_ms <= latest_ms or earliest_ms < self.expires_ms <= latest_ms)


class WindowTarget:
    """A flow that takes a slot's readings into tumbling windows."""

    __slots__ = (
        "_add",
        "_from_ms",
        "_offset_ms",
        "_until_ms",
        "_windows",
        "cohort",
        "contributor",
        "meter",
        "terms",
        "window_ms",
    )

    def __init__(self, windows: Windows, cohort: Cohort, contributor: bytes, meter: bytes, terms: Terms) -> None:
        """Feed ``windows``; the length of each is that of the cohort's time level."""
        self._windows = windows
        self.cohort = cohort
        self.contributor = contributor
        self.meter = meter
        self.terms = terms
        self.window_ms = WINDOW_MS_BY_LABEL[cohort.time]
        self._offset_ms = 1 if cohort.statistic == "delta" else 0  # a counter's window is (start, end], any other [start, end)
        self.forget()

    def forget(self) -> None:
        """Drop the cached window; it is looked up again at the next reading."""
        self._from_ms = self._until_ms = 0

    def take(self, t_ms: int, n: int) -> int:
        """Add a reading of ``n`` first steps to its window; return what became of the pair."""
        if self._from_ms <= t_ms < self._until_ms:
            return self._add(self.meter, t_ms, n)
        return self._seek(t_ms, n)

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Add a reading that came between two times, if both lie in one window and under the same terms."""
        offset_ms, window_ms = self._offset_ms, self.window_ms
        one_window = floor_time_ms(earliest_ms - offset_ms, window_ms) == floor_time_ms(latest_ms - offset_ms, window_ms)
        return self.take(latest_ms, n) if one_window and self.terms.same_between(earliest_ms, latest_ms) else UNDATED

    def _seek(self, t_ms: int, n: int) -> int:
        start_ms = floor_time_ms(t_ms - self._offset_ms, self.window_ms)
        end_ms = start_ms + self.window_ms
        if end_ms <= self._windows.watermark_ms:
            return LATE
        if t_ms >= self.terms.expires_ms:
            return EXPIRED
        if start_ms < self.terms.since_ms:
            if self._offset_ms and t_ms >= self.terms.since_ms:
                self._windows.baseline(self.cohort, self.contributor, self.meter, t_ms, n)
                return BASELINE
            return PARTIAL
        contribution: Accumulator = self._windows.contribution(self.cohort, start_ms, end_ms, self.contributor, self)
        self._add = contribution.add
        self._from_ms = start_ms + self._offset_ms
        self._until_ms = min(end_ms + self._offset_ms, self.terms.expires_ms)
        return self._add(self.meter, t_ms, n)


class CounterTarget(WindowTarget):
    """The same of a register that is judged: what it takes are its totals, and it is told of readings that were refused."""

    __slots__ = ("_register",)

    def __init__(
        self, register: Register, windows: Windows, cohort: Cohort, contributor: bytes, meter: bytes, terms: Terms
    ) -> None:
        """Take the totals of ``register``."""
        super().__init__(windows, cohort, contributor, meter, terms)
        self._register = register
        register.targets.append(self)

    def take(self, t_ms: int, n: int) -> int:
        """Add the register's total; return what became of the pair."""
        register = self._register
        outcome = super().take(t_ms, register.total)
        if outcome <= LAST_KEPT:
            register.kept = True
        for break_ms in register.breaks_ms:
            self._mark(break_ms, breaks=True)
        return outcome

    def doubt(self, t_ms: int) -> bool:
        """Leave out the window of a refused reading unless a later one ends it; return whether one or a baseline is concerned."""
        return self._mark(t_ms, breaks=False)

    def _mark(self, t_ms: int, *, breaks: bool) -> bool:
        start_ms = floor_time_ms(t_ms - 1, self.window_ms)
        end_ms, since_ms = start_ms + self.window_ms, self.terms.since_ms
        if end_ms <= self._windows.watermark_ms or not since_ms <= t_ms < self.terms.expires_ms:
            return False
        if start_ms < since_ms:
            if not breaks:
                self._windows.doubt_baseline(self.cohort, self.contributor, self.meter, t_ms)
            return True
        contribution = self._windows.contribution(self.cohort, start_ms, end_ms, self.contributor, self)
        assert isinstance(contribution, Delta)
        if breaks:
            contribution.broken = True
        else:
            contribution.doubt(self.meter, t_ms)
        return True


class RecordTarget:
    """A flow that takes a slot's readings one by one, as records."""

    __slots__ = ("_windows", "cohort", "contributor", "span_ms", "terms")

    def __init__(self, windows: Windows, cohort: Cohort, contributor: bytes, terms: Terms) -> None:
        """Make records whose times are coarsened to the cohort's time level."""
        self._windows = windows
        self.cohort = cohort
        self.contributor = contributor
        self.terms = terms
        self.span_ms = WINDOW_MS_BY_LABEL.get(cohort.time, 1)

    def take(self, t_ms: int, n: int) -> int:
        """Return what becomes of a reading; the caller makes the record."""
        if t_ms < floor_time_ms(self._windows.watermark_ms, DAY_MS) - DAY_MS:
            return LATE
        if t_ms < self.terms.since_ms:
            return PARTIAL
        return EXPIRED if t_ms >= self.terms.expires_ms else RECORDED

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Return what becomes of a reading that came between two times; its record states both."""
        return self.take(earliest_ms, n) if self.terms.same_between(earliest_ms, latest_ms) else UNDATED


Target = WindowTarget | RecordTarget
