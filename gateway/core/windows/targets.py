"""Targets: a flow that takes one device's readings of one property, into windows, into cells or as records, and its terms.

``gateway.core.plans`` makes them for the slots of its plans, the pipeline and the replay of the journal feed them, and they feed
the windows.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from consent.core.disclosure import DAY_MS, Disclosure
from consent.core.outcome import NEVER_MS, WINDOW_MS_BY_LABEL
from gateway.core.ingest.counters import Register
from gateway.core.ingest.minimise import floor_time_ms
from gateway.core.windows.accumulators import (
    BASELINE,
    CONTRIBUTED,
    EXPIRED,
    LAST_KEPT,
    LATE,
    PARTIAL,
    RECORDED,
    RESET,
    UNDATED,
    Accumulator,
    Delta,
)
from gateway.core.windows.cells import MOST_STEPS, CellShape, CellTable
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.windows import Windows

_NO_CELLS: Final = array("q")

Cell = tuple["array[int]", "array[int]", int]
"""A cell: the sums and the counts of its table, and its place in both."""


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

    def ends_by(self, watermark_ms: int) -> bool:
        """Return whether the cached window ends by an instant."""
        return self._until_ms - self._offset_ms <= watermark_ms

    def cached(self) -> tuple[int, int, Callable[[bytes, int, int], int]]:
        """Return the window of the last reading that was contributed: from when until when one goes there, and what adds it."""
        return self._from_ms, self._until_ms, self._add

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


class CellTarget:
    """A flow whose figures are about subjects: it takes a slot's readings into the cells of its cohort's tables."""

    __slots__ = (
        "_at",
        "_counts",
        "_from_ms",
        "_offset_ms",
        "_period_ms",
        "_row",
        "_sums",
        "_table",
        "_until_ms",
        "_windows",
        "cohort",
        "contributor",
        "meter",
        "shape",
        "terms",
    )

    def __init__(
        self, windows: Windows, cohort: Cohort, contributor: bytes, meter: bytes, terms: Terms, shape: CellShape
    ) -> None:
        """Feed the tables of ``windows`` that have this shape."""
        self._windows = windows
        self.cohort = cohort
        self.contributor = contributor
        self.meter = meter
        self.terms = terms
        self.shape = shape
        self._period_ms = shape.period.length_ms
        self._offset_ms = 1 if cohort.statistic == "delta" else 0  # a counter's cell is (start, end], any other [start, end)
        self.forget()

    def forget(self) -> None:
        """Drop the cached table and cell; they are looked up again at the next reading."""
        self._from_ms = self._until_ms = self._at = self._row = 0
        self._table: CellTable | None = None
        self._sums = self._counts = _NO_CELLS

    def ends_by(self, watermark_ms: int) -> bool:
        """Return whether what is published together with the cached cell ends by an instant."""
        if self._table is None:
            return True
        at_ms, window_ms = self._from_ms - self._offset_ms, self.shape.window_ms
        return at_ms - (at_ms - self._table.start_ms) % window_ms + window_ms <= watermark_ms

    def cached(self) -> tuple[int, int, Cell]:
        """Return the cell of the last reading that was contributed: from when until when one goes there, and where it is."""
        return self._from_ms, self._until_ms, (self._sums, self._counts, self._at)

    def take(self, t_ms: int, n: int) -> int:
        """Add a reading of ``n`` first steps to its cell; return what became of the pair."""
        if not self._from_ms <= t_ms < self._until_ms:
            refusal = self._seek(t_ms)
            if refusal != CONTRIBUTED:
                return refusal
        at = self._at
        try:
            self._sums[at] += n
        except OverflowError:
            self._sums[at] = MOST_STEPS if n > 0 else -MOST_STEPS
        self._counts[at] += 1
        return CONTRIBUTED

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Add a reading that came between two times, if both lie in one cell and under the same terms."""
        offset_ms, cell_ms = self._offset_ms, self.shape.cell_ms
        one_cell = floor_time_ms(earliest_ms - offset_ms, cell_ms) == floor_time_ms(latest_ms - offset_ms, cell_ms)
        return self.take(latest_ms, n) if one_cell and self.terms.same_between(earliest_ms, latest_ms) else UNDATED

    def _refusal(self, t_ms: int) -> int:
        """Return why a reading of this time is in no cell; ``CONTRIBUTED`` where it is in one."""
        at_ms, table = t_ms - self._offset_ms, self._table
        if table is not None and 0 <= at_ms - table.start_ms < self._period_ms:
            start_ms = table.start_ms
        else:
            start_ms = self.shape.period.start_ms(at_ms)
        window_ms = self.shape.window_ms
        if at_ms - (at_ms - start_ms) % window_ms + window_ms <= self._windows.watermark_ms:
            return LATE
        if t_ms >= self.terms.expires_ms:
            return EXPIRED
        return PARTIAL if start_ms < self.terms.since_ms else CONTRIBUTED

    def _seek(self, t_ms: int) -> int:
        """Cache the cell of a time, unless it is refused; return why."""
        refusal = self._refusal(t_ms)
        if refusal == CONTRIBUTED:
            self._open(t_ms)
        return refusal

    def _open(self, t_ms: int) -> None:
        """Cache the cell of a time, which is not refused."""
        shape, table, at_ms = self.shape, self._table, t_ms - self._offset_ms
        if table is None or not 0 <= at_ms - table.start_ms < self._period_ms:
            table = self._table = self._windows.table(self.cohort, shape, shape.period.start_ms(at_ms))
            self._row = self._windows.row(table, self.contributor, self)
            self._sums, self._counts = table.sums, table.counts
        cell = (at_ms - table.start_ms) // shape.cell_ms
        self._at = self._row + cell
        self._from_ms = table.edges_ms[cell]
        self._until_ms = min(table.edges_ms[cell + 1], self.terms.expires_ms)


class DifferenceTarget(CellTarget):
    """The same of a counter: what falls into a cell is how much it has grown since its last reading."""

    __slots__ = ("_last",)

    def forget(self) -> None:
        """Drop the cached cell and last reading."""
        super().forget()
        self._last: list[int] | None = None

    def take(self, t_ms: int, n: int) -> int:
        """Add to the cell of a reading what was counted since the last one; return what became of the pair.

        The first reading under the terms adds nothing, nor does one that is lower than the last: both are baselines of the next.
        One that is older than the last changes nothing: what it tells is in the last one's cell already.
        """
        last = self._last
        if last is None or not self._from_ms <= t_ms < self._until_ms:
            refusal = self._refusal(t_ms)
            if refusal == PARTIAL and t_ms >= self.terms.since_ms:
                return self._begin(t_ms, n)
            if refusal != CONTRIBUTED:
                return refusal
            last = self._last or self._windows.last_reading(self.cohort, self.contributor, self.meter)
            if last is None:
                return self._begin(t_ms, n)
            if t_ms >= last[0] and n < last[1]:
                last[:] = t_ms, n
                return RESET
            self._open(t_ms)
            self._last = last
        if t_ms >= last[0]:
            difference = n - last[1]
            last[:] = t_ms, n
            if difference < 0:
                return RESET
            try:
                self._sums[self._at] += difference
            except OverflowError:
                self._sums[self._at] = MOST_STEPS
        self._counts[self._at] += 1
        return CONTRIBUTED

    def _begin(self, t_ms: int, n: int) -> int:
        self._windows.baseline(self.cohort, self.contributor, self.meter, t_ms, n)
        return BASELINE


class JudgedDifferenceTarget(DifferenceTarget):
    """The same of a register that is judged: what it takes are its totals, and it begins anew where the register does."""

    __slots__ = ("_register",)

    def __init__(
        self,
        register: Register,
        windows: Windows,
        cohort: Cohort,
        contributor: bytes,
        meter: bytes,
        terms: Terms,
        shape: CellShape,
    ) -> None:
        """Take the totals of ``register``."""
        super().__init__(windows, cohort, contributor, meter, terms, shape)
        self._register = register
        register.targets.append(self)

    def take(self, t_ms: int, n: int) -> int:
        """Take the register's total; return what became of the pair."""
        register = self._register
        if register.breaks_ms:
            outcome = self._begin_anew(t_ms, register.total)
            self._strike(before_ms for before_ms in register.breaks_ms if before_ms != t_ms)
        else:
            outcome = super().take(t_ms, register.total)
        if outcome <= LAST_KEPT:
            register.kept = True
        return outcome

    def doubt(self, t_ms: int) -> bool:
        """Return whether a refused reading concerns a cell or a baseline; none is left out, since the next one tells the rest."""
        return t_ms >= self.terms.since_ms and self._refusal(t_ms) in (CONTRIBUTED, PARTIAL)

    def _begin_anew(self, t_ms: int, total: int) -> int:
        """Make a total the baseline of the next."""
        refusal = self._refusal(t_ms)
        if refusal != CONTRIBUTED and not (refusal == PARTIAL and t_ms >= self.terms.since_ms):
            return refusal
        last = self._windows.last_reading(self.cohort, self.contributor, self.meter)
        if last is None:
            return self._begin(t_ms, total)
        last[:] = t_ms, total
        return RESET

    def _strike(self, wrong_ms: Iterable[int]) -> None:
        """Take out of their cells what readings told that turned out to be wrong, with all else that was told there."""
        for t_ms in wrong_ms:
            if self._refusal(t_ms) == CONTRIBUTED:
                at_ms = t_ms - self._offset_ms
                table = self._windows.tables.get((self.cohort, self.shape.period.start_ms(at_ms)))
                if table is not None and self.contributor in table.rows:
                    table.sums[table.rows[self.contributor] + (at_ms - table.start_ms) // self.shape.cell_ms] = 0


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


Target = WindowTarget | CellTarget | RecordTarget


class Destination:
    """Where all targets of a slot put its last reading, so that the next one may go there without asking each of them.

    Attributes:
        forgettings: ``Windows.forgettings`` when it was made; it holds until targets forget something again.
        since_ms: The earliest time of a reading that goes there.
        until_ms: The time behind the latest.
        cells: The cells that get its steps added to their sums, and one to their counts.
        adds: The accumulators' ``add`` that get it.
    """

    __slots__ = ("adds", "cells", "forgettings", "since_ms", "until_ms")

    def __init__(self, forgettings: int) -> None:
        self.forgettings = forgettings
        self.since_ms = 0
        self.until_ms = NEVER_MS
        self.cells: tuple[Cell, ...] = ()
        self.adds: tuple[Callable[[bytes, int, int], int], ...] = ()


def destination_of(targets: Iterable[Target], forgettings: int) -> Destination | None:
    """Return where targets have just put a reading, all of them; None where one does more with it than to add it there."""
    found = Destination(forgettings)
    for target in targets:
        if type(target) is CellTarget:
            from_ms, until_ms, cell = target.cached()
            found.cells += (cell,)
        elif type(target) is WindowTarget:
            from_ms, until_ms, add = target.cached()
            found.adds += (add,)
        else:
            return None
        found.since_ms, found.until_ms = max(found.since_ms, from_ms), min(found.until_ms, until_ms)
    return found


def new_target(
    windows: Windows,
    cohort: Cohort,
    source: tuple[bytes, bytes],
    terms: Terms,
    shape: CellShape | None,
    register: Register | None,
) -> WindowTarget | CellTarget:
    """Return the target of a flow of figures.

    Args:
        source: The contributor, and the device.
        shape: How its readings lie in cells; None where they go into windows.
        register: What judges them, where they are a counter's and its profile says how it counts.
    """
    counts = cohort.statistic == "delta"
    if shape is None:
        if register is None or not counts:
            return WindowTarget(windows, cohort, *source, terms)
        return CounterTarget(register, windows, cohort, *source, terms)
    if not counts:
        return CellTarget(windows, cohort, *source, terms, shape)
    if register is None:
        return DifferenceTarget(windows, cohort, *source, terms, shape)
    return JudgedDifferenceTarget(register, windows, cohort, *source, terms, shape)
