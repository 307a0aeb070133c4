"""Tumbling windows in event time: one accumulator per (cohort, window, contributor).

Readings enter from the pipeline as whole numbers of their property's first ladder step, so sums are exact and neither
order, crash nor replay changes a digit. A contributor (a subject, or a device that has none) is in a window once, so it
counts once, can be bounded, and can be removed. Nothing is computed here: ``gateway.core.figures`` closes the ended windows
when a bundle is formed, and until then the accumulators stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from consent.core.outcome import NEVER_MS, Level
from gateway.core.ingest.counters import CounterKey, CounterMemory, counters_from_state, counters_state
from gateway.core.windows.accumulators import Accumulator, Delta, new_contribution


class Cohort(NamedTuple):
    """Who may be together in one window: the same flow, property, level and cell. Levels are never rolled up together."""

    flow: str
    observed_property: str
    statistic: str
    identity: str
    time: str
    space: str
    step: str
    cell: str
    public: bool
    """True for devices without a subject: a window never mixes them with those that have one."""

    @property
    def level(self) -> Level:
        """Return the level at which it is released."""
        return Level(self.identity, self.time, self.space, self.step, self.cell)


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
    """A target that remembers the window of its last reading."""

    def forget(self) -> None:
        """Drop the remembered window."""


class Windows:
    """All windows whose accumulators are still needed. Owned by the pipeline and changed in place."""

    def __init__(self, first_steps: dict[str, Decimal]) -> None:
        """Begin without windows. ``first_steps``: the first ladder step of each property, from the policies."""
        self.open: dict[tuple[Cohort, int], Window] = {}
        self.first_steps = first_steps
        self.watermark_ms = 0
        """Every window that ends at or before this instant accepts no more readings."""
        self.whole_since_ms = 0
        """Windows that began earlier miss readings: the subscription is more recent, or a session was lost."""
        self.contributions = 0
        """How many accumulators have been opened since ``recount``: an upper bound of how many there are."""
        self.counters: dict[CounterKey, CounterMemory] = {}
        """What is remembered of the registers whose profiles say how they count; changed by the targets' registers."""
        self._series: dict[tuple[Cohort, bytes, bytes], list[int]] = {}  # (cohort, contributor, meter) -> [time, reading]
        self._cached: set[Cached] = set()

    def contribution(self, cohort: Cohort, start_ms: int, end_ms: int, contributor: bytes, target: Cached) -> Accumulator:
        """Return the accumulator of a contributor in a window; create either if it does not exist yet."""
        window = self.open.get((cohort, start_ms))
        if window is None:
            window = self.open[cohort, start_ms] = Window(cohort, start_ms, end_ms)
        member = window.members.get(contributor)
        if member is None:
            self.contributions += 1
            member = window.members[contributor] = new_contribution(cohort.statistic, _first_step(cohort, self.first_steps))
        self._cached.add(target)
        return member

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
        self.watermark_ms = watermark_ms
        if passed:
            self.forget_cached()
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
        """Make every target drop its cached window."""
        for target in self._cached:
            target.forget()
        self._cached.clear()

    def ended(self) -> list[Window]:
        """Return the windows that accept no more readings, oldest end first."""
        return sorted(
            (w for w in self.open.values() if w.end_ms <= self.watermark_ms), key=lambda w: (w.end_ms, w.start_ms, w.cohort)
        )

    def purge(self, contributor: bytes, keep: Mapping[Cohort, int]) -> tuple[int, bool]:
        """Remove a contributor from every window in which it no longer belongs.

        Args:
            contributor: The contributor to remove.
            keep: The cohorts to which it still belongs, each with the time since when; earlier windows lose it too.
        Returns: How many pairs were removed with it, and whether anything at all was.
        """
        pairs, touched = 0, False
        for window in list(self.open.values()):
            if contributor not in window.members or window.start_ms >= keep.get(window.cohort, NEVER_MS):
                continue
            pairs += window.members.pop(contributor).pairs
            touched = True
            if not window.members:
                del self.open[window.key]
        stale = [k for k, last in self._series.items() if k[1] == contributor and last[0] < keep.get(k[0], NEVER_MS)]
        for key in stale:
            del self._series[key]
        touched = self._purge_counters(contributor, keep) or touched
        self.forget_cached()
        return pairs, touched or bool(stale)

    def _purge_counters(self, contributor: bytes, keep: Mapping[Cohort, int]) -> bool:
        kept_ms: dict[str, int] = {}
        for cohort, since_ms in keep.items():
            if cohort.statistic == "delta":
                kept_ms[cohort.observed_property] = min(since_ms, kept_ms.get(cohort.observed_property, since_ms))
        touched = False
        for key in [key for key in self.counters if key[0] == contributor]:
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

    def recount(self) -> None:
        """Count the accumulators that exist."""
        self.contributions = sum(len(window.members) for window in self.open.values())

    def is_empty(self) -> bool:
        """Return whether nothing is held of any contributor."""
        return not (self.open or self._series or self.counters)

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

    def state(self, pack: Callable[[list[Any]], Any] = list) -> list[Any]:
        """Return plain data from which ``restore`` makes the same windows.

        Args:
            pack: Applied to each window's data, so that not all of it need be held as plain data at once.
        """
        return [
            self.watermark_ms,
            self.whole_since_ms,
            [pack(window_state(window)) for window in self.open.values()],
            [[list(cohort), contributor, meter, *last] for (cohort, contributor, meter), last in self._series.items()],
            counters_state(self.counters),
        ]

    def restore(self, state: list[Any]) -> None:
        """Continue from a stored state."""
        self.watermark_ms, self.whole_since_ms, windows, series, *later = state
        self.counters = counters_from_state(later[0]) if later else {}
        self.open = {w.key: w for w in (window_from_state(row, self.first_steps) for row in windows)}
        self._series = {(Cohort(*row[0]), row[1], row[2]): [row[3], row[4]] for row in series}
        self._cached = set()

    def __iter__(self) -> Iterator[Window]:
        """Iterate over all windows."""
        return iter(self.open.values())


def _first_step(cohort: Cohort, first_steps: Mapping[str, Decimal]) -> Decimal:
    """Return a property's first step; for one that the policies no longer know, any will do, since its windows are about to be
    removed."""
    return first_steps.get(cohort.observed_property, Decimal(1))


def window_state(window: Window) -> list[Any]:
    """Return plain data from which ``window_from_state`` makes the same window."""
    return [list(window.cohort), window.start_ms, window.end_ms, [[c, m.state()] for c, m in window.members.items()]]


def window_from_state(state: list[Any], first_steps: dict[str, Decimal]) -> Window:
    """Make a window from its stored state."""
    cohort = Cohort(*state[0])
    window = Window(cohort, state[1], state[2])
    for contributor, member_state in state[3]:
        member = new_contribution(cohort.statistic, _first_step(cohort, first_steps))
        member.restore(member_state)
        window.members[contributor] = member
    return window
