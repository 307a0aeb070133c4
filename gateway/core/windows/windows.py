"""Tumbling windows in event time: one accumulator per (cohort, window, contributor), or a row in the cohort's table of cells.

Readings enter from the pipeline as whole numbers of their property's first ladder step, so sums are exact and neither
order, crash nor replay changes a digit. A contributor (a subject, or a device that has none) is in a window once, so it
counts once, can be bounded, and can be removed. Figures about subjects are made of tables of cells, one for each period; all
else of windows. Nothing is computed here: ``gateway.core.figures`` closes what has ended when a bundle is formed, and until
then it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

from consent.core.outcome import NEVER_MS
from consent.core.periods import WEEK_MS, Period
from gateway.core.ingest.counters import CounterKey, CounterMemory, counters_from_state, counters_state
from gateway.core.windows.accumulators import Accumulator, Delta, new_contribution
from gateway.core.windows.cells import CellShape, CellTable, table_from_state
from gateway.core.windows.cohorts import Cohort as Cohort  # noqa: PLC0414  others know it by this module
from gateway.core.windows.guards import Guards

_FINEST_CELL_MS: Final = 900_000
"""Every cell is of whole quarters of hours."""


class Kept(NamedTuple):
    """How a contributor still belongs to a cohort.

    Attributes:
        since_ms: Since when; what began earlier loses it.
        shape: How its readings lie in cells; None where they go into windows.
    """

    since_ms: int
    shape: CellShape | None = None


class LastReadings(NamedTuple):
    """By what the last readings of a contributor's counters are found."""

    series: list[tuple[Cohort, bytes, bytes]]
    counters: list[CounterKey]


NO_READINGS: Final = LastReadings([], [])


class Window:
    """One tumbling window of one cohort. Times in ms; a counter's window includes its end rather than its start."""

    __slots__ = ("cohort", "end_ms", "members", "start_ms")

    def __init__(self, cohort: Cohort, start_ms: int, end_ms: int) -> None:
        self.cohort = cohort
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.members: dict[bytes, Accumulator] = {}

    @property
    def key(self) -> tuple[Cohort, int]:
        """Return the key under which ``Windows`` holds it."""
        return self.cohort, self.start_ms

    def copy(self) -> Window:
        """Return a window with the same members, which stays as it is when some of them are taken out of this one."""
        other = Window(self.cohort, self.start_ms, self.end_ms)
        other.members = self.members.copy()
        return other

    def pairs(self) -> int:
        """Return how many pairs have been contributed."""
        return sum(member.pairs for member in self.members.values())


class Cached(Protocol):
    """What remembers the table and cell of its last reading for the targets of a cohort."""

    def forget(self) -> None:
        """Drop what is remembered."""

    def look_again(self) -> None:
        """Remember the table's arrays of now: others may have taken the place of those that were too narrow."""

    def ends_by(self, watermark_ms: int) -> bool:
        """Return whether what is remembered ends by an instant; it may say so of what is published later."""


class Windows:
    """All windows whose accumulators are still needed. Owned by the pipeline and changed in place."""

    def __init__(self, first_steps: dict[str, Decimal]) -> None:
        """Begin without windows. ``first_steps``: the first ladder step of each property, from the policies."""
        self.open: dict[tuple[Cohort, int], Window] = {}
        self.tables: dict[tuple[Cohort, int], CellTable] = {}
        """Tables of cells of which something is not published yet, by cohort and beginning of the period."""
        self.missed: list[tuple[int, int]] = []
        """Spans (from, until) of which readings may be missing, in order and apart: cells that they touch give no figure."""
        self.guards = Guards()
        self.guarded: Mapping[tuple[str, str], str] = {}
        """(flow, property) → the quantity by which its figures or totals about subjects are guarded, by the policies in force."""
        self.first_steps = first_steps
        self.watermark_ms = 0
        """What ends by this instant, a window or a span of a table that is published at once, accepts no more readings."""
        self.whole_since_ms = 0
        """Windows that began earlier miss readings: the subscription is more recent, or a session was lost."""
        self.contributions = 0
        """How many accumulators, and rows by their size, were opened since ``recount``: an upper bound of how many there are."""
        self.counters: dict[CounterKey, CounterMemory] = {}
        """What is remembered of the registers whose profiles say how they count; changed by the targets' registers."""
        self._series: dict[tuple[Cohort, bytes, bytes], list[int]] = {}  # (cohort, contributor, meter) -> [time, reading]
        self.epoch: object = object()
        """Another one once accumulators that targets remember may have gone."""
        self.lanes: WeakValueDictionary[Any, Any] = WeakValueDictionary()
        """What alike targets share; see ``targets.lane_of``."""
        self._cached: set[Cached] = set()

    def contribution(self, cohort: Cohort, start_ms: int, end_ms: int, contributor: bytes) -> tuple[Window, Accumulator]:
        """Return the window of a cohort and a contributor's accumulator in it; create either if it does not exist yet."""
        window = self.open.get((cohort, start_ms))
        if window is None:
            window = self.open[cohort, start_ms] = Window(cohort, start_ms, end_ms)
        member = window.members.get(contributor)
        if member is None:
            self.contributions += 1
            member = window.members[contributor] = new_contribution(cohort.statistic, _first_step(cohort, self.first_steps))
        return window, member

    def table(self, cohort: Cohort, shape: CellShape, start_ms: int, cached: Cached) -> CellTable:
        """Return the table of a cohort's period, for what remembers it; create it if it does not exist yet."""
        self._cached.add(cached)
        return self._table_of(cohort, shape, start_ms)

    def _table_of(self, cohort: Cohort, shape: CellShape, start_ms: int) -> CellTable:
        table = self.tables.get((cohort, start_ms))
        if table is None or table.shape != shape:
            assert table is None or not table.rows, "a change of shape removes all who stood in the former one"
            table = self.tables[cohort, start_ms] = CellTable(cohort, shape, start_ms)
        return table

    def row(self, table: CellTable, contributor: bytes) -> int:
        """Return the place of a contributor's row in one of the tables."""
        if contributor not in table.rows:
            self.contributions += table.contributions
        return table.row(contributor)

    def last_reading(self, cohort: Cohort, contributor: bytes, meter: bytes) -> list[int] | None:
        """Return a counter's last reading, from which the next difference is taken: time and reading, to be changed in place."""
        return self._series.get((cohort, contributor, meter))

    def baseline(self, cohort: Cohort, contributor: bytes, meter: bytes, t_ms: int, n: int) -> None:
        """Record a counter's reading from before the first whole window."""
        known = self._series.get((cohort, contributor, meter))
        if known is None or t_ms >= known[0]:
            self._series[cohort, contributor, meter] = [t_ms, n]

    def doubt_baseline(self, cohort: Cohort, contributor: bytes, meter: bytes, t_ms: int) -> None:
        """Record that a counter's reading from before the first whole window was refused: an earlier one is no baseline."""
        known = self._series.get((cohort, contributor, meter))
        if known is not None and known[0] <= t_ms:
            del self._series[cohort, contributor, meter]

    def advance(self, watermark_ms: int) -> None:
        """Close to readings the windows that end at or before ``watermark_ms``, which never decreases."""
        if watermark_ms <= self.watermark_ms:
            return
        passed = [w for w in self.open.values() if self.watermark_ms < w.end_ms <= watermark_ms]
        if passed:
            self.epoch = object()
        if passed or any(
            table.spans_ended(watermark_ms) > table.spans_ended(self.watermark_ms) for table in self.tables.values()
        ):
            ended = [target for target in self._cached if target.ends_by(watermark_ms)]
            for target in ended:
                target.forget()
            self._cached.difference_update(ended)
        self.watermark_ms = watermark_ms
        for window in sorted((w for w in passed if w.cohort.statistic == "delta"), key=lambda w: w.start_ms):
            self._set_baselines(window)

    def _set_baselines(self, window: Window) -> None:
        for contributor, member in window.members.items():
            assert isinstance(member, Delta)
            for meter, last in member.meters.items():
                known = self._series.get((window.cohort, contributor, meter))
                last[2] = known[1] if known is not None else None
                if last[2] is not None and last[1] is not None and last[1] < last[2]:
                    member.broken = True
                if last[0] is not None and last[1] is not None:
                    self._series[window.cohort, contributor, meter] = [last[0], last[1]]
            for meter, doubt_ms in member.doubts.items():
                ended_ms = member.meters.get(meter, [None])[0]
                if ended_ms is None or ended_ms <= doubt_ms:
                    member.broken = True
                    self._series.pop((window.cohort, contributor, meter), None)

    def forget_cached(self) -> None:
        """Make every target drop its cached window or cell."""
        self.epoch = object()
        for lane in self._cached:
            lane.forget()
        self._cached.clear()

    def look_again(self) -> None:
        """Have all that remembers a table's arrays remember those of now."""
        for lane in self._cached:
            lane.look_again()

    def ended(self) -> list[Window]:
        """Return the windows that accept no more readings, oldest end first."""
        return sorted(
            (w for w in self.open.values() if w.end_ms <= self.watermark_ms), key=lambda w: (w.end_ms, w.start_ms, w.cohort)
        )

    def miss(self, from_ms: int, until_ms: int) -> None:
        """Record a span of which readings may be missing, as whole quarters of hours: finer ones strike no fewer cells."""
        block_ms = _FINEST_CELL_MS
        joined: list[tuple[int, int]] = []
        for span in sorted([*self.missed, (from_ms // block_ms * block_ms, -(-until_ms // block_ms) * block_ms)]):
            if joined and span[0] <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], span[1]))
            else:
                joined.append(span)
        self.missed = joined

    def forget_missed(self) -> None:
        """Drop the spans before all tables, and before last week; no bundle may be ready, whose tables may still return."""
        ended_ms = Period.WEEK.start_ms(self.watermark_ms) - WEEK_MS  # of that week something may still be published
        oldest_ms = min([ended_ms, *(table.start_ms for table in self.tables.values())])
        self.missed = [(max(from_ms, oldest_ms), until_ms) for from_ms, until_ms in self.missed if until_ms > oldest_ms]

    def last_readings(self) -> dict[bytes, LastReadings]:
        """Return by what the last readings of every contributor's counters are found."""
        found: dict[bytes, LastReadings] = {}
        for key in self._series:
            found.setdefault(key[1], LastReadings([], [])).series.append(key)
        for counter in self.counters:
            found.setdefault(counter[0], LastReadings([], [])).counters.append(counter)
        return found

    def last_readings_of(self, contributor: bytes) -> LastReadings:
        """Return by what the last readings of a contributor's counters are found."""
        series = [key for key in self._series if key[1] == contributor]
        return LastReadings(series, [key for key in self.counters if key[0] == contributor])

    def purge(self, contributor: bytes, keep: Mapping[Cohort, Kept], last: LastReadings | None = None) -> tuple[int, bool]:
        """Remove a contributor from every window and table in which it no longer belongs.

        Args:
            contributor: The contributor to remove.
            keep: The cohorts to which it still belongs; windows and tables of before, or of another shape, lose it too.
            last: What ``last_readings`` has of it, where that is known.
        Returns: How many pairs were removed with it, and whether anything at all was.
        """
        last = last or self.last_readings_of(contributor)
        pairs, touched = 0, False
        for table in list(self.tables.values()):
            if contributor not in table.rows or _is_kept(keep, table.cohort, table.start_ms, table.shape):
                continue
            self._note_leaving(table.cohort, table.start_ms)
            pairs += table.remove(contributor)
            touched = True
            if not table.rows:
                del self.tables[table.key]
        for window in list(self.open.values()):
            if contributor not in window.members or _is_kept(keep, window.cohort, window.start_ms, None):
                continue
            self._note_leaving(window.cohort, window.start_ms)
            pairs += window.members.pop(contributor).pairs
            touched = True
            if not window.members:
                del self.open[window.key]
        stale = [key for key in last.series if key in self._series and self._series[key][0] < _since_ms(keep, key[0])]
        for key in stale:
            del self._series[key]
        touched = self._purge_counters(last.counters, keep) or bool(stale) or touched
        if not keep:
            self.guards.forget(contributor)
        if touched:
            self.forget_cached()
        return pairs, touched

    def _note_leaving(self, cohort: Cohort, start_ms: int) -> None:
        quantity = None if cohort.public else self.guarded.get((cohort.flow, cohort.observed_property))
        if quantity is not None:
            self.guards.leaves(quantity, start_ms)

    def _purge_counters(self, keys: Iterable[CounterKey], keep: Mapping[Cohort, Kept]) -> bool:
        kept_ms: dict[str, int] = {}
        for cohort, kept in keep.items():
            if cohort.statistic == "delta":
                kept_ms[cohort.observed_property] = min(kept.since_ms, kept_ms.get(cohort.observed_property, kept.since_ms))
        touched = False
        for key in [key for key in keys if key in self.counters]:
            touched = self.counters[key].drop_before(kept_ms.get(key[2], NEVER_MS)) or touched
            if not self.counters[key]:
                del self.counters[key]
        return touched

    def forget_meters_but(self, registered: Collection[bytes]) -> None:
        """Drop what is remembered of the registers of all other devices."""
        for key in [key for key in self.counters if key[1] not in registered]:
            del self.counters[key]

    def baselines(self, contributor: bytes) -> Iterator[tuple[Cohort, bytes, int, int]]:
        """Yield a contributor's last counter readings: (cohort, meter, time, reading)."""
        for (cohort, whose, meter), (t_ms, n) in self._series.items():
            if whose == contributor:
                yield cohort, meter, t_ms, n

    def contributors(self) -> set[bytes]:
        """Return all who stand in windows or tables, or of whose counters a reading is kept."""
        standing = {contributor for window in self.open.values() for contributor in window.members}
        standing.update(*(table.rows for table in self.tables.values()))
        standing.update(contributor for _, contributor, _ in self._series)
        return standing

    def recount(self) -> None:
        """Count the accumulators and rows that exist."""
        rows = sum(len(table.rows) * table.contributions for table in self.tables.values())
        self.contributions = rows + sum(len(window.members) for window in self.open.values())

    def is_empty(self) -> bool:
        """Return whether nothing is held of any contributor."""
        return not (self.open or self.tables or self._series or self.counters)

    def take_out(self, window: Window, drawn: Iterable[bytes], gone: Iterable[bytes]) -> Window:
        """Remove contributors from an open window, and the window itself once nobody is left in it.

        Args:
            window: One of these.
            drawn: Those of them who are in a bundle.
            gone: All of them.
        Returns: The part of the window that is in the bundle.
        """
        taken = Window(window.cohort, window.start_ms, window.end_ms)
        taken.members = {contributor: window.members[contributor] for contributor in drawn}
        for contributor in gone:
            del window.members[contributor]
        if not window.members:
            del self.open[window.key]
        return taken

    def put_back(self, window: Window) -> None:
        """Reopen a window whose bundle was voided, beside what may have stayed of it."""
        present = self.open.setdefault(window.key, window)
        if present is not window:
            present.members.update(window.members)

    def take_slice(self, table: CellTable, first: int, last: int, drawn: Iterable[bytes]) -> CellTable | None:
        """Remove cells of all contributors from one of the tables, and the table itself with its last cell.

        Args:
            table: One of these, of which all earlier cells have been taken before.
            first: Number of the first cell to remove.
            last: Number of the first cell after it that stays.
            drawn: The contributors who are in a bundle; what all others had in these cells is given up.
        Returns: What those in the bundle had in these cells; None where there are none.
        """
        if first == 0 and last == table.shape.cells:  # all of it: only who is in no bundle has to be removed
            taken = table
            for contributor in table.rows.keys() - set(drawn):
                table.remove(contributor)
        else:
            taken = table.take(first, last, drawn)
        if last == table.shape.cells:  # no target remembers it any more: its last cell has ended
            del self.tables[table.key]
        return taken if taken.rows else None

    def put_back_table(self, part: CellTable) -> None:
        """Put back what ``take_slice`` took out, after its bundle was voided."""
        present = self.tables.get(part.key)
        if present is None:
            self.tables[part.key] = part
        else:
            present.add(part)
            self.look_again()

    def state(self, pack: Callable[[list[Any]], Any] = list) -> list[Any]:
        """Return plain data from which ``restore`` makes the same windows.

        Args:
            pack: Applied to each window's and table's data, so that not all of it need be held as plain data at once.
        """
        windows = [pack(window_state(window)) for window in self.open.values()]
        return self._state_with(windows, [pack(table.state()) for table in self.tables.values()])

    def state_without_members(self) -> list[Any]:
        """Return the same without windows and tables."""
        return self._state_with([], [])

    def _state_with(self, windows: list[Any], tables: list[Any]) -> list[Any]:
        return [
            self.watermark_ms,
            self.whole_since_ms,
            windows,
            [[list(cohort), contributor, meter, *last] for (cohort, contributor, meter), last in self._series.items()],
            counters_state(self.counters),
            tables,
            [list(span) for span in self.missed],
        ]

    def restore(self, state: list[Any]) -> None:
        """Continue from a stored state."""
        self.watermark_ms, self.whole_since_ms, windows, series, *later = state
        counters = later[0] if later else []
        tables, missed = later[1:] if len(later) > 1 else ([], [(0, self.whole_since_ms)])
        self.counters = counters_from_state(counters)
        self.tables = {table.key: table for table in map(table_from_state, tables)}
        self.missed = []
        for from_ms, until_ms in missed:
            self.miss(from_ms, until_ms)
        self.open = {w.key: w for w in (window_from_state(row, self.first_steps) for row in windows)}
        self._series = {(Cohort(*row[0]), row[1], row[2]): [row[3], row[4]] for row in series}
        self.forget_cached()

    def restore_members(self, state: list[Any]) -> None:
        """Put members of a window, as stored, in the place of what stands for them."""
        stored = window_from_state(state, self.first_steps)
        window = self.open.setdefault(stored.key, stored)
        for contributor, member in stored.members.items():
            if window.members.setdefault(contributor, member) is not member:
                window.members[contributor].restore(member.state())  # targets remember this one

    def restore_rows(self, state: list[Any]) -> None:
        """Put rows of a table, as stored, in the place of what stands for them."""
        stored = table_from_state(state)
        self._table_of(stored.cohort, stored.shape, stored.start_ms).replace(stored)
        self.look_again()

    def __iter__(self) -> Iterator[Window]:
        """Iterate over all windows."""
        return iter(self.open.values())


def _since_ms(keep: Mapping[Cohort, Kept], cohort: Cohort) -> int:
    return keep[cohort].since_ms if cohort in keep else NEVER_MS


def _is_kept(keep: Mapping[Cohort, Kept], cohort: Cohort, start_ms: int, shape: CellShape | None) -> bool:
    return cohort in keep and keep[cohort].since_ms <= start_ms and keep[cohort].shape == shape


def _first_step(cohort: Cohort, first_steps: Mapping[str, Decimal]) -> Decimal:
    """Return a property's first step; for one that the policies no longer know, any will do, since its windows are about to be
    removed."""
    return first_steps.get(cohort.observed_property, Decimal(1))


def window_state(window: Window, contributors: Iterable[bytes] | None = None) -> list[Any]:
    """Return plain data from which ``window_from_state`` makes the same window, or one of those of some contributors in it."""
    members = window.members
    chosen = members if contributors is None else [contributor for contributor in contributors if contributor in members]
    return [list(window.cohort), window.start_ms, window.end_ms, [[c, members[c].state()] for c in chosen]]


def window_from_state(state: list[Any], first_steps: dict[str, Decimal]) -> Window:
    """Make a window from its stored state."""
    cohort = Cohort(*state[0])
    window = Window(cohort, state[1], state[2])
    for contributor, member_state in state[3]:
        member = new_contribution(cohort.statistic, _first_step(cohort, first_steps))
        member.restore(member_state)
        window.members[contributor] = member
    return window
