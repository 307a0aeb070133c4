"""Seen: what a recipient would have got of a household's readings of a day by one flow, had its residents answered so or so.

Readings that are held of the day go through the same targets, windows and cells as those that leave, apart from them and under
the terms in question, and what they come to is clamped, clipped and floored by the same code. So what leaves by itself is to the
digit what the recipient gets; of a sum or mean with others it is the household's own part, which nobody sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor, sqrt
from typing import Final

from consent.core.disclosure import DAY_MS
from consent.core.outcome import NEVER_MS, WINDOW_MS_BY_LABEL, Outcome
from consent.core.policies.policy import Flow, PolicySet
from consent.core.policies.quantity import Mechanism
from consent.core.spread import error_of_mean, error_of_sum, error_per_home
from gateway.core.figures.clip import clip, squared_reach
from gateway.core.figures.values import bounds, figure, shown
from gateway.core.figures.vectors import measure
from gateway.core.ingest.counters import PARTS, CounterRule, Register
from gateway.core.ingest.minimise import coarsen_steps, floor_time_ms, shown_value
from gateway.core.ingest.series import Series
from gateway.core.plans import Device, shape_of
from gateway.core.windows.cells import CellTable
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import Terms, new_target
from gateway.core.windows.windows import Window, Windows

_NOBODY: Final = bytes(16)
"""Stands for the household, whose readings alone are looked at."""


@dataclass(frozen=True, slots=True)
class PreviewSource:
    """One property of one of the household's sensors, and what becomes of it under the terms in question.

    Attributes:
        found: Not withheld.
    """

    device: Device
    series: Series
    found: Outcome


@dataclass(frozen=True, slots=True)
class SeenPart:
    """One figure or record, or the household's part of one.

    Attributes:
        span_ms: Begin and end of its time; equal for an instant.
        value: In the property's unit, floored as it would be.
        is_alone: Whether it leaves by itself.
        spread: The standard error of the whole figure's noise, in the unit; None where it has none, or it depends on how many
            homes are in it and nobody knows that.
    """

    cohort: Cohort
    span_ms: tuple[int, int]
    value: float
    is_alone: bool
    spread: float | None = None


def day_held(sources: Sequence[Series], now_ms: int) -> int:
    """Return the beginning of the UTC day to be looked at: the last whole one, or today where nothing is held of that."""
    today_ms = floor_time_ms(now_ms, DAY_MS)
    yesterday_ms = today_ms - DAY_MS
    return yesterday_ms if any(True for series in sources for _ in series.held(yesterday_ms, today_ms - 1)) else today_ms


def seen(
    policies: PolicySet, flow: Flow, observed_property: str, sources: Sequence[PreviewSource], day_ms: int, homes: int = 0
) -> list[SeenPart]:
    """Return what would have been told of one property on a day, in order of time.

    Args:
        sources: Of that property.
        day_ms: When the UTC day begins.
        homes: Among about how many homes figures are; 0 where that is unknown.
    """
    mechanism = policies.mechanisms.get((flow.id, observed_property))
    scratch = Windows({name: prop.ladder[0] for name, prop in policies.properties.items()})
    parts: list[SeenPart] = []
    budgets: dict[Cohort, float] = {}
    for source in sources:
        cohort = Cohort(flow.id, observed_property, source.found.statistic, *source.found.level, public=False)
        budgets[cohort] = min(budgets.get(cohort, source.found.disclosure.budget), source.found.disclosure.budget)
        if source.found.is_single:
            parts += _records(policies, cohort, source.series, day_ms)
        else:
            _feed(policies, scratch, cohort, source, mechanism, day_ms)
    scratch.advance(day_ms + DAY_MS)
    for window in scratch.open.values():
        parts += _own_total(policies, window, day_ms)
    for table in scratch.tables.values():
        if mechanism is not None:
            reading = _TableOf(policies, table, mechanism, budgets[table.cohort], len(budgets))
            parts += reading.parts(day_ms, homes)
    return sorted(parts, key=lambda part: (part.span_ms, part.cohort))


def _readings(series: Series, after_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    """Yield readings that come to what is held: of a slot with several, as many, as equal as whole steps can be."""
    for held in series.held(after_ms, until_ms):
        each, more = divmod(held.total, held.readings)
        for number in range(held.readings):
            yield held.t_ms, each + (number < more)


def _feed(
    policies: PolicySet, scratch: Windows, cohort: Cohort, source: PreviewSource, mechanism: Mechanism | None, day_ms: int
) -> None:
    """Have a target take the readings of a day, and of a counter those of the day before, from which its differences begin."""
    device, series = source.device, source.series
    shape = None if mechanism is None or source.found.period is None else shape_of(mechanism, cohort)
    terms = Terms(source.found.disclosure, 0, NEVER_MS, 0, ())
    is_delta = cohort.statistic == "delta"
    rule = CounterRule.of(
        policies.profiles[device.profile].fields[cohort.observed_property],
        policies.properties[cohort.observed_property].ladder[0],
    )
    register = None
    if is_delta and rule is not None:
        register = Register(scratch.counters, (_NOBODY, device.id, cohort.observed_property), rule)
    target = new_target(scratch, cohort, (_NOBODY, device.id), terms, shape, register)
    first_ms, last_ms = (day_ms - DAY_MS, day_ms + DAY_MS) if is_delta else (day_ms - 1, day_ms + DAY_MS - 1)
    for t_ms, n in _readings(series, first_ms, last_ms):
        if register is None:
            target.take(t_ms, n)
        elif (shows := register.judge(t_ms, t_ms, n * PARTS)) is None:
            register.doubt()
        else:
            target.take(t_ms, shows)
            register.keep()


def _records(policies: PolicySet, cohort: Cohort, series: Series, day_ms: int) -> Iterator[SeenPart]:
    """Yield the record of each slot: of one with several readings, of their mean."""
    span_of_ms = WINDOW_MS_BY_LABEL.get(cohort.time, 1)
    first, step = policies.properties[cohort.observed_property].ladder[0], Decimal(cohort.step)
    for held in series.held(day_ms - 1, day_ms + DAY_MS - 1):
        n = coarsen_steps(held.total // held.readings, int(step / first))
        start_ms = floor_time_ms(held.t_ms, span_of_ms)
        end_ms = start_ms + span_of_ms if span_of_ms > 1 else held.t_ms
        yield SeenPart(cohort, (start_ms, end_ms), shown_value(n, step, is_first_step=step == first), is_alone=True)


def _own_total(policies: PolicySet, window: Window, day_ms: int) -> Iterator[SeenPart]:
    """Yield the household's own value in a window, as it leaves by itself."""
    value = window.members[_NOBODY].value()
    if value is None or not day_ms <= window.start_ms < day_ms + DAY_MS:
        return
    clamp = bounds(window.cohort, policies)
    within = value if clamp is None else min(max(value, clamp[0]), clamp[1])
    own = figure(window.cohort, [within], policies)
    yield SeenPart(window.cohort, (window.start_ms, window.end_ms), own, is_alone=True)


class _TableOf:
    """The household's row of a table of cells: its part of figures that nobody sees by itself."""

    def __init__(self, policies: PolicySet, table: CellTable, mechanism: Mechanism, budget: float, cohorts: int) -> None:
        self._policies, self._table, self._mechanism = policies, table, mechanism
        cohort = table.cohort
        self._first_step = policies.properties[cohort.observed_property].ladder[0]
        self._measure = measure(policies, cohort.observed_property, cohort.statistic, mechanism.quantity)
        self._presence = max(1, floor(Fraction(mechanism.quantity.presence) / Fraction(self._first_step)))
        bound = mechanism.clip_at(budget) / Fraction(self._first_step)
        self._reach = None if mechanism.is_exact else squared_reach(bound, self._presence, cohorts)
        self._window_ms = max(WINDOW_MS_BY_LABEL[cohort.time], table.shape.cell_ms)

    def parts(self, day_ms: int, homes: int) -> Iterator[SeenPart]:
        """Yield its part of each window of a day; of a typical day, what this one would come to by itself."""
        table, cell_ms = self._table, self._table.shape.cell_ms
        if not table.start_ms <= day_ms < table.end_ms or (self._reach is not None and self._reach < 0):
            return
        first = (day_ms - table.start_ms) // cell_ms
        sums, counts = (row[first : first + DAY_MS // cell_ms] for row in table.cells_of(_NOBODY))
        cells = self._clipped(self._measure.cells(sums, counts))
        a_window = self._window_ms // cell_ms
        for at in range(0, len(cells), a_window):
            if any(counts[at : at + a_window]):
                begin_ms = day_ms + at * cell_ms
                own = Fraction(sum(cells[at : at + a_window]))
                if self._measure.is_mean:
                    own = self._measure.centre + own / a_window
                value = shown(own, self._first_step, Decimal(table.cohort.step))
                spread = self._spread(own, a_window, homes)
                yield SeenPart(table.cohort, (begin_ms, begin_ms + self._window_ms), value, is_alone=False, spread=spread)

    def _clipped(self, cells: Sequence[int]) -> list[int]:
        """Return cells that are clipped as they are drawn: a day's together, or those of each window by themselves."""
        if self._reach is None:
            return list(cells)
        a_draw = min(len(cells), self._table.shape.window_ms // self._table.shape.cell_ms)
        return [cell for at in range(0, len(cells), a_draw) for cell in clip(cells[at : at + a_draw], self._reach)]

    def _spread(self, own: Fraction, cells: int, homes: int) -> float | None:
        """Return the standard error of a whole figure, in the unit, if all its homes were as this one."""
        if self._mechanism.is_exact:
            return None
        step, statistic = float(self._first_step), self._table.cohort.statistic
        window_ms = self._table.shape.window_ms
        sigma = sqrt(self._mechanism.variance(window_ms)) / step
        if statistic not in ("mean", "typical-day"):
            return _rounded(error_of_sum(sigma, cells) * step)
        if not homes:
            return None
        if statistic == "typical-day":
            return _rounded(error_per_home(sigma, homes, cells, self._presence, float(own)) * step)
        return _rounded(error_of_mean(sigma, homes, cells, self._presence, float(own - self._measure.centre)) * step)


def _rounded(error: float) -> float:
    return float(f"{error:.3g}")
