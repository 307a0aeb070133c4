"""Targets: a flow that takes one device's readings of one property, into windows, into cells or as records, and its terms.

``gateway.core.plans`` makes them for the slots of its plans, the pipeline and the replay of the journal feed them, and they feed
the windows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from consent.core.disclosure import DAY_MS, Disclosure
from consent.core.outcome import WINDOW_MS_BY_LABEL
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
from gateway.core.windows.cells import CellShape, CellTable
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.windows import Window, Windows

_NO_CELLS: Final = array("q")


class Terms(Struct, frozen=True, gc=False):
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


class Permission(Struct, frozen=True, gc=False):
    """What a target's terms have of their own: the flows that a contributor permits alike have one.

    Attributes:
        contributor: Whose readings it is about.
        since_ms: Since when they are taken.
        expires_ms: Until when.
        consent_entries: As of ``Terms``.
    """

    contributor: bytes
    since_ms: int
    expires_ms: int
    consent_entries: tuple[int, ...]

    def same_between(self, earliest_ms: int, latest_ms: int) -> bool:
        """Return whether it neither begins nor ends to hold between two times."""
        return not (earliest_ms < self.since_ms <= latest_ms or earliest_ms < self.expires_ms <= latest_ms)


class Lane:
    """What the targets of all alike devices share: a cohort, what was decided for it, and the cell of the last reading.

    Attributes:
        windows: Where readings go.
        shape: How they lie in cells; None where they go into windows or become records.
        offset_ms: A counter's windows and cells are (start, end], any other's [start, end).
        window_ms: How long a window is; of records, the unit of their times.
        key: Stands for ``table``: another one once that was looked up again, so that rows that a target remembers are too.
        table: The table of the last reading, if it is remembered.
        cell: The number of its cell.
        from_ms: The first time of that cell.
        until_ms: The first time after it.
    """

    __slots__ = (
        "__weakref__",
        "cell",
        "cohort",
        "counts",
        "disclosure",
        "from_ms",
        "key",
        "offset_ms",
        "period_ms",
        "policy_entry",
        "profile",
        "shape",
        "sums",
        "table",
        "until_ms",
        "window_ms",
        "windows",
        "zone",
    )

    def __init__(self, windows: Windows, cohort: Cohort, terms: Terms, shape: CellShape | None) -> None:
        """Begin without a cell; ``lane_of`` makes lanes."""
        self.windows = windows
        self.cohort = cohort
        self.shape = shape
        self.disclosure = terms.disclosure
        self.policy_entry = terms.policy_entry
        self.profile = terms.profile
        self.zone = terms.zone
        self.window_ms = WINDOW_MS_BY_LABEL.get(cohort.time, 1)
        self.period_ms = 0 if shape is None else shape.period.length_ms
        self.offset_ms = 1 if cohort.statistic == "delta" else 0
        self.forget()

    def forget(self) -> None:
        """Drop the cached table and cell; they are looked up again at the next reading."""
        self.from_ms = self.until_ms = self.cell = 0
        self.key: object = None
        self.table: CellTable | None = None
        self.sums = self.counts = _NO_CELLS

    def look_again(self) -> None:
        """Remember the arrays that the table has now."""
        if self.table is not None:
            self.sums, self.counts = self.table.sums, self.table.counts

    def add_sum(self, at: int, n: int) -> None:
        """Add to a sum for which the table's array may be too narrow."""
        assert self.table is not None
        self.table.add_sum(at, n)
        self.windows.look_again()

    def add_count(self, at: int) -> None:
        """Count a reading for which the table's array may be too narrow."""
        assert self.table is not None
        self.table.add_count(at, 1)
        self.windows.look_again()

    def ends_by(self, watermark_ms: int) -> bool:
        """Return whether what is published together with the cached cell ends by an instant."""
        if self.table is None or self.shape is None:
            return True
        at_ms, window_ms = self.from_ms - self.offset_ms, self.shape.window_ms
        return at_ms - (at_ms - self.table.start_ms) % window_ms + window_ms <= watermark_ms

    def start_ms(self, at_ms: int) -> int:
        """Return when the period of a time began."""
        assert self.shape is not None
        table = self.table
        is_known = table is not None and 0 <= at_ms - table.start_ms < self.period_ms
        return table.start_ms if is_known and table is not None else self.shape.period.start_ms(at_ms)

    def open(self, t_ms: int) -> CellTable:
        """Cache the cell of a time; return its table."""
        shape, table, at_ms = self.shape, self.table, t_ms - self.offset_ms
        assert shape is not None
        if table is None or not 0 <= at_ms - table.start_ms < self.period_ms:
            table = self.table = self.windows.table(self.cohort, shape, shape.period.start_ms(at_ms), self)
            self.key = object()
            self.sums, self.counts = table.sums, table.counts
        cell = self.cell = (at_ms - table.start_ms) // shape.cell_ms
        self.from_ms, self.until_ms = table.edges_ms[cell], table.edges_ms[cell + 1]
        return table


class _Target(Struct, eq=False, gc=False):
    """What targets of every kind have. Structs, since there are so many: each is smaller by what the garbage collector adds."""

    lane: Lane
    permission: Permission

    @property
    def cohort(self) -> Cohort:
        """Return where its readings go."""
        return self.lane.cohort

    @property
    def contributor(self) -> bytes:
        """Return for whom they count."""
        return self.permission.contributor

    @property
    def keep_ms(self) -> int:
        """Return how long the times of its readings must be remembered: until what they are in takes no more."""
        shape = self.lane.shape
        return (self.lane.window_ms if shape is None else shape.window_ms) + 1

    @property
    def terms(self) -> Terms:
        """Return its terms, put together anew."""
        lane, permission = self.lane, self.permission
        return Terms(
            lane.disclosure,
            permission.since_ms,
            permission.expires_ms,
            lane.policy_entry,
            permission.consent_entries,
            lane.profile,
            lane.zone,
        )

    @terms.setter
    def terms(self, terms: Terms) -> None:
        self.lane = lane_of(self.lane.windows, self.lane.cohort, terms, self.lane.shape)
        self.permission = Permission(self.permission.contributor, terms.since_ms, terms.expires_ms, terms.consent_entries)


class WindowTarget(_Target):
    """A flow that takes a slot's readings into tumbling windows; the length of each is that of the cohort's time level."""

    meter: bytes
    _epoch: object = None
    _window: Window | None = None
    _member: Accumulator | None = None

    def take(self, t_ms: int, n: int) -> int:
        """Add a reading of ``n`` first steps to its window; return what became of the pair."""
        lane, window, member = self.lane, self._window, self._member
        if (
            member is not None
            and window is not None
            and self._epoch is lane.windows.epoch
            and window.start_ms <= t_ms - lane.offset_ms < window.end_ms
            and t_ms < self.permission.expires_ms
        ):
            return member.add(self.meter, t_ms, n)
        return self._seek(t_ms, n)

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Add a reading that came between two times, if both lie in one window and under the same terms."""
        offset_ms, window_ms = self.lane.offset_ms, self.lane.window_ms
        one_window = floor_time_ms(earliest_ms - offset_ms, window_ms) == floor_time_ms(latest_ms - offset_ms, window_ms)
        return self.take(latest_ms, n) if one_window and self.permission.same_between(earliest_ms, latest_ms) else UNDATED

    def _seek(self, t_ms: int, n: int) -> int:
        lane, permission = self.lane, self.permission
        windows = lane.windows
        start_ms = floor_time_ms(t_ms - lane.offset_ms, lane.window_ms)
        end_ms = start_ms + lane.window_ms
        if end_ms <= windows.watermark_ms:
            return LATE
        if t_ms >= permission.expires_ms:
            return EXPIRED
        if start_ms < permission.since_ms:
            if lane.offset_ms and t_ms >= permission.since_ms:
                windows.baseline(lane.cohort, permission.contributor, self.meter, t_ms, n)
                return BASELINE
            return PARTIAL
        window, member = windows.contribution(lane.cohort, start_ms, end_ms, permission.contributor)
        self._window, self._member, self._epoch = window, member, windows.epoch
        return member.add(self.meter, t_ms, n)


class CounterTarget(WindowTarget, gc=True, kw_only=True):
    """The same of a register that is judged: what it takes are its totals, and it is told of readings that were refused."""

    register: Register

    def __post_init__(self) -> None:
        """Be known to the register."""
        self.register.targets.append(self)

    def take(self, t_ms: int, n: int) -> int:
        """Add the register's total; return what became of the pair."""
        register = self.register
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
        lane, permission = self.lane, self.permission
        windows, start_ms = lane.windows, floor_time_ms(t_ms - 1, lane.window_ms)
        end_ms, since_ms = start_ms + lane.window_ms, permission.since_ms
        if end_ms <= windows.watermark_ms or not since_ms <= t_ms < permission.expires_ms:
            return False
        if start_ms < since_ms:
            if not breaks:
                windows.doubt_baseline(lane.cohort, permission.contributor, self.meter, t_ms)
            return True
        _, contribution = windows.contribution(lane.cohort, start_ms, end_ms, permission.contributor)
        assert isinstance(contribution, Delta)
        if breaks:
            contribution.broken = True
        else:
            contribution.doubt(self.meter, t_ms)
        return True


class CellTarget(_Target):
    """A flow whose figures are about subjects: it takes a slot's readings into the cells of its cohort's tables.

    The tables that it feeds are those that have the lane's shape.
    """

    _key: object = None
    _row: int = 0

    @property
    def shape(self) -> CellShape:
        """Return how its readings lie in cells."""
        assert self.lane.shape is not None
        return self.lane.shape

    def take(self, t_ms: int, n: int) -> int:
        """Add a reading of ``n`` first steps to its cell; return what became of the pair."""
        lane = self.lane
        if self._key is not lane.key or not lane.from_ms <= t_ms < lane.until_ms or t_ms >= self.permission.expires_ms:
            refusal = self._refusal(t_ms)
            if refusal != CONTRIBUTED:
                return refusal
            self._open(t_ms)
        at = self._row + lane.cell
        try:
            lane.sums[at] += n
        except OverflowError:
            lane.add_sum(at, n)
        try:
            lane.counts[at] += 1
        except OverflowError:
            lane.add_count(at)
        return CONTRIBUTED

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Add a reading that came between two times, if both lie in one cell and under the same terms."""
        offset_ms, cell_ms = self.lane.offset_ms, self.shape.cell_ms
        one_cell = floor_time_ms(earliest_ms - offset_ms, cell_ms) == floor_time_ms(latest_ms - offset_ms, cell_ms)
        return self.take(latest_ms, n) if one_cell and self.permission.same_between(earliest_ms, latest_ms) else UNDATED

    def _refusal(self, t_ms: int) -> int:
        """Return why a reading of this time is in no cell; ``CONTRIBUTED`` where it is in one."""
        lane, permission = self.lane, self.permission
        at_ms, window_ms = t_ms - lane.offset_ms, self.shape.window_ms
        start_ms = lane.start_ms(at_ms)
        if at_ms - (at_ms - start_ms) % window_ms + window_ms <= lane.windows.watermark_ms:
            return LATE
        if t_ms >= permission.expires_ms:
            return EXPIRED
        return PARTIAL if start_ms < permission.since_ms else CONTRIBUTED

    def _open(self, t_ms: int) -> None:
        """Have the lane cache the cell of a time, which is not refused, and look up the row where that is not known."""
        lane = self.lane
        table = lane.open(t_ms)
        if self._key is not lane.key:
            self._row = lane.windows.row(table, self.permission.contributor)
            self._key = lane.key


class DifferenceTarget(CellTarget, kw_only=True):
    """The same of a counter: what falls into a cell is how much it has grown since its last reading."""

    meter: bytes
    _last: list[int] | None = None  # holds as long as the key does

    def take(self, t_ms: int, n: int) -> int:
        """Add to the cell of a reading what was counted since the last one; return what became of the pair.

        The first reading under the terms adds nothing, nor does one that is lower than the last: both are baselines of the next.
        One that is older than the last changes nothing: what it tells is in the last one's cell already.
        """
        lane, last = self.lane, self._last
        if (
            last is None
            or self._key is not lane.key
            or not lane.from_ms <= t_ms < lane.until_ms
            or t_ms >= self.permission.expires_ms
        ):
            refusal = self._refusal(t_ms)
            if refusal == PARTIAL and t_ms >= self.permission.since_ms:
                return self._begin(t_ms, n)
            if refusal != CONTRIBUTED:
                return refusal
            last = lane.windows.last_reading(lane.cohort, self.permission.contributor, self.meter)
            if last is None:
                return self._begin(t_ms, n)
            if t_ms >= last[0] and n < last[1]:
                last[:] = t_ms, n
                return RESET
            self._open(t_ms)
            self._last = last
        at = self._row + lane.cell
        if t_ms >= last[0]:
            difference = n - last[1]
            last[:] = t_ms, n
            if difference < 0:
                return RESET
            try:
                lane.sums[at] += difference
            except OverflowError:
                lane.add_sum(at, difference)
        try:
            lane.counts[at] += 1
        except OverflowError:
            lane.add_count(at)
        return CONTRIBUTED

    def _begin(self, t_ms: int, n: int) -> int:
        self.lane.windows.baseline(self.lane.cohort, self.permission.contributor, self.meter, t_ms, n)
        return BASELINE


class JudgedDifferenceTarget(DifferenceTarget, gc=True, kw_only=True):
    """The same of a register that is judged: what it takes are its totals, and it begins anew where the register does."""

    register: Register

    def __post_init__(self) -> None:
        """Be known to the register."""
        self.register.targets.append(self)

    def take(self, t_ms: int, n: int) -> int:
        """Take the register's total; return what became of the pair."""
        register = self.register
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
        return t_ms >= self.permission.since_ms and self._refusal(t_ms) in (CONTRIBUTED, PARTIAL)

    def _begin_anew(self, t_ms: int, total: int) -> int:
        """Make a total the baseline of the next."""
        refusal = self._refusal(t_ms)
        if refusal != CONTRIBUTED and not (refusal == PARTIAL and t_ms >= self.permission.since_ms):
            return refusal
        last = self.lane.windows.last_reading(self.lane.cohort, self.permission.contributor, self.meter)
        if last is None:
            return self._begin(t_ms, total)
        last[:] = t_ms, total
        return RESET

    def _strike(self, wrong_ms: Iterable[int]) -> None:
        """Take out of their cells what readings told that turned out to be wrong, with all else that was told there."""
        for t_ms in wrong_ms:
            if self._refusal(t_ms) == CONTRIBUTED:
                lane, contributor = self.lane, self.permission.contributor
                at_ms = t_ms - lane.offset_ms
                table = lane.windows.tables.get((lane.cohort, self.shape.period.start_ms(at_ms)))
                if table is not None and contributor in table.rows:
                    table.sums[table.rows[contributor] + (at_ms - table.start_ms) // self.shape.cell_ms] = 0


class RecordTarget(_Target):
    """A flow that takes a slot's readings one by one, as records, whose times are coarsened to the cohort's time level."""

    @property
    def keep_ms(self) -> int:
        """Return the same: records are of the present day and the one before."""
        return 2 * DAY_MS

    @property
    def span_ms(self) -> int:
        """Return the unit of its records' times."""
        return self.lane.window_ms

    def take(self, t_ms: int, n: int) -> int:
        """Return what becomes of a reading; the caller makes the record."""
        permission = self.permission
        if t_ms < floor_time_ms(self.lane.windows.watermark_ms, DAY_MS) - DAY_MS:
            return LATE
        if t_ms < permission.since_ms:
            return PARTIAL
        return EXPIRED if t_ms >= permission.expires_ms else RECORDED

    def take_between(self, earliest_ms: int, latest_ms: int, n: int) -> int:
        """Return what becomes of a reading that came between two times; its record states both."""
        return self.take(earliest_ms, n) if self.permission.same_between(earliest_ms, latest_ms) else UNDATED


Target = WindowTarget | CellTarget | RecordTarget


def lane_of(windows: Windows, cohort: Cohort, terms: Terms, shape: CellShape | None) -> Lane:
    """Return the lane of all targets that feed ``windows`` alike."""
    key = (cohort, shape, terms.disclosure, terms.policy_entry, terms.profile, terms.zone)
    lane = windows.lanes.get(key)
    if lane is None:
        lane = windows.lanes[key] = Lane(windows, cohort, terms, shape)
    return lane


def share_permissions(targets: Iterable[Target]) -> None:
    """Have targets whose permissions are alike share one."""
    shared: dict[Permission, Permission] = {}
    for target in targets:
        target.permission = shared.setdefault(target.permission, target.permission)


def new_record_target(windows: Windows, cohort: Cohort, contributor: bytes, terms: Terms) -> RecordTarget:
    """Return the target of a flow of records."""
    permission = Permission(contributor, terms.since_ms, terms.expires_ms, terms.consent_entries)
    return RecordTarget(lane_of(windows, cohort, terms, None), permission)


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
    contributor, meter = source
    lane = lane_of(windows, cohort, terms, shape)
    permission = Permission(contributor, terms.since_ms, terms.expires_ms, terms.consent_entries)
    counts = cohort.statistic == "delta"
    if shape is None:
        if register is None or not counts:
            return WindowTarget(lane, permission, meter)
        return CounterTarget(lane, permission, meter, register=register)
    if not counts:
        return CellTarget(lane, permission)
    if register is None:
        return DifferenceTarget(lane, permission, meter=meter)
    return JudgedDifferenceTarget(lane, permission, meter=meter, register=register)
