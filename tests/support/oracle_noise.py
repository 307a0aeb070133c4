"""What noisy figures must be where the noise drawn is 0, worked out slowly from all readings and from the rules as they are told.

A household's cells are clamped, a mean's are told from the middle of its clamp, and with its presence they are shortened to
the clip; who permits less μ is shortened in proportion. Figures are sums of cells, means divide by the number of households.
Nothing of the code under test is used, and of the policies only what they say.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LENGTHS_MS = {"15min": HOUR_MS // 4, "1h": HOUR_MS, "4h": 4 * HOUR_MS, "day": DAY_MS}
DISTRICTS = {"mill": "north", "chapel": "north", "dock": "south"}
RUNGS = (Decimal("0.5"), Decimal(1), Decimal(2))
TOLD_IN = 5
ROUNDED = Decimal(2) ** -31
"""A household that is shortened may lose so much of a cell more than it has to: shortening is done in whole numbers."""


@dataclass(frozen=True)
class NoisyFlow:
    """A flow with noise, and its property's quantity.

    Attributes:
        first: The first step of the property's ladder.
        clamp: Of one cell.
        clip: The flow's own, or the quantity's.
        publish: `day`, `window` or `week`.
    """

    name: str
    statistic: str
    time: str
    space: str
    step: Decimal
    group: int
    mu: Decimal
    clip: Decimal
    publish: str
    first: Decimal
    clamp: tuple[int, int]
    cell: str
    presence: Decimal

    @property
    def period_ms(self) -> int:
        """Return for how long its households are fixed."""
        return 7 * DAY_MS if self.publish == "week" else DAY_MS


@dataclass(frozen=True)
class Limits:
    """What a household permits of every flow: None bounds nothing.

    Attributes:
        budget: Of μ, on no rung yet.
        retention: Whether it permits as many days as the flow asks for.
    """

    time: str | None = None
    space: str | None = None
    step: Decimal | None = None
    budget: Decimal | None = None
    group: int = 1
    retention: bool = True


@dataclass(frozen=True)
class Household:
    """A household that is in for good.

    Attributes:
        zones: Where its devices stand.
        since_ms: When it joined.
        until_ms: When it took everything back; None where it did not.
        readings: (device, time, first steps).
    """

    zones: tuple[str, ...]
    limits: Limits
    since_ms: int
    until_ms: int | None
    readings: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Told:
    """A figure: between what it lies before it is floored to its step, its number of households, and what is said of noise."""

    low: Fraction
    high: Fraction
    n: int
    standard_error: float | None

    def holds(self, result: float, flow: NoisyFlow, step: Decimal) -> bool:
        """Say whether a result is such a figure, floored to a step and shown as its middle where that is not the first."""
        least, most = (_shown(value, flow, step) for value in (self.low, self.high))
        return least <= result <= most


Where = tuple[str, str, Decimal]
"""Time level, cell, step: in which all agree who stand together."""
Key = tuple[str, str, Decimal, int, int, int | None]
"""Time level, cell, step, begin, end, hour."""


@dataclass
class _Draw:
    """What is drawn at once: cells → first steps, of each household."""

    cells: dict[int, dict[int, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))


def figures(flow: NoisyFlow, households: Sequence[Household], period_start_ms: int, now_ms: int) -> dict[Key, Told]:
    """Return all figures of a flow's day or week, of which nothing has left before ``now_ms``."""
    draws: defaultdict[tuple[Where, int], _Draw] = defaultdict(_Draw)
    for number, household in enumerate(households):
        if not may_stand(flow, household, period_start_ms, now_ms):
            continue
        for device, t_ms, n in household.readings:
            if not period_start_ms <= t_ms < period_start_ms + flow.period_ms:
                continue
            where = place(flow, household, household.zones[device])
            begin_ms = t_ms // LENGTHS_MS[where[0]] * LENGTHS_MS[where[0]] if flow.publish == "window" else period_start_ms
            draws[where, begin_ms].cells[number][t_ms // LENGTHS_MS[flow.cell]].append(n)
    told: dict[Key, Told] = {}
    for (where, begin_ms), draw in draws.items():
        told.update(_of_draw(flow, households, where, begin_ms, draw.cells))
    return told


def may_stand(flow: NoisyFlow, household: Household, period_start_ms: int, now_ms: int) -> bool:
    """Say whether a household can be in a flow's figures of a period."""
    limits = household.limits
    in_force = household.since_ms <= period_start_ms and (household.until_ms is None or now_ms < household.until_ms)
    stays = limits.group <= flow.group and limits.retention
    return in_force and stays and clip_of(flow, limits) > flow.presence


def clip_of(flow: NoisyFlow, limits: Limits) -> Fraction:
    """Return to what length a household is shortened: less, where it permits less μ than is asked."""
    if limits.budget is None:
        return Fraction(flow.clip)
    rung = max((rung for rung in RUNGS if rung <= limits.budget), default=Decimal(0))
    return Fraction(flow.clip) * min(Fraction(1), Fraction(rung) / Fraction(flow.mu))


def place(flow: NoisyFlow, household: Household, zone: str) -> Where:
    """Return where a device's readings are told."""
    limits = household.limits
    time = max(flow.time, limits.time or flow.time, key=LENGTHS_MS.__getitem__)
    space = "city" if "city" in (flow.space, limits.space) else flow.space
    cell = {"city": "town", "district": DISTRICTS[zone]}.get(space, zone)
    return time, cell, max(flow.step, limits.step or flow.step)


def _of_draw(
    flow: NoisyFlow, households: Sequence[Household], where: Where, begin_ms: int, readings: Mapping[int, Mapping[int, list[int]]]
) -> Iterator[tuple[Key, Told]]:
    time, cell, step = where
    cell_ms, length_ms = LENGTHS_MS[flow.cell], LENGTHS_MS[time]
    span_ms = length_ms if flow.publish == "window" else DAY_MS
    presence = max(1, math.floor(flow.presence / flow.first))
    rows: list[list[tuple[int, int]]] = []
    for number, cells in readings.items():
        household = households[number]
        cohorts = len({place(flow, household, zone) for zone in household.zones})
        reach = math.floor((clip_of(flow, household.limits) / Fraction(flow.first)) ** 2 / cohorts) - presence**2
        if reach < 0:  # its bound is shared out between its places, and leaves no room for its presence
            continue
        row = [_cell(flow, cells.get((begin_ms + at) // cell_ms, [])) for at in range(0, flow.period_ms, cell_ms)]
        row = row[: span_ms // cell_ms] if flow.publish != "week" else _typical(row, DAY_MS // cell_ms)
        rows.append(list(_shortened(row, reach)))
    n = len(rows)
    if n < flow.group:
        return
    draws = DAY_MS // length_ms if flow.publish == "window" else 1
    sigma = float(flow.clip) / float(flow.mu) * math.sqrt(draws)
    width = length_ms // cell_ms
    homes = max(Fraction(n), Fraction(5, 2) * Fraction(sigma) / Fraction(presence * flow.first))
    for at in range(0, span_ms // cell_ms, width):
        low, high = (Fraction(sum(cell[end] for row in rows for cell in row[at : at + width])) for end in (0, 1))
        error: float | None = float(f"{sigma * math.sqrt(width):.3g}")
        if flow.statistic != "sum":
            low, high, error = low / homes, high / homes, None
        if flow.statistic == "mean":
            low, high = (_centre(flow) + each / width for each in (low, high))
        slack = Fraction(1, 10**9)
        begin, end, hour = begin_ms + at * cell_ms, begin_ms + (at + width) * cell_ms, None
        if flow.publish == "week":
            begin, end, hour = begin_ms, begin_ms + 7 * DAY_MS, at * cell_ms // HOUR_MS
        exact = flow.statistic == "sum" or homes == n
        wide = Fraction(0) if exact else slack
        yield (time, cell, step, begin, end, hour), Told(low - wide, high + wide, n // TOLD_IN * TOLD_IN, error)


def _centre(flow: NoisyFlow) -> int:
    return math.floor(Fraction(sum(flow.clamp)) / 2 / Fraction(flow.first))


def _cell(flow: NoisyFlow, readings: Sequence[int]) -> int:
    """Return what a cell comes to, within its clamp; of a mean, from the clamp's middle on."""
    if not readings:
        return 0
    least, most = (int(Fraction(bound) / Fraction(flow.first)) for bound in flow.clamp)
    if flow.statistic != "mean":
        return min(max(sum(readings), least), most)
    centre = _centre(flow)
    value = math.trunc(Fraction(sum(readings), len(readings)) - centre)
    return min(max(value, least - centre), most - centre)


def _typical(row: Sequence[int], a_day: int) -> list[int]:
    return [math.trunc(Fraction(sum(row[at::a_day]), len(row) // a_day)) for at in range(a_day)]


def _shortened(row: Sequence[int], reach: int) -> Iterable[tuple[int, int]]:
    """Yield, of each cell, between what and what it lies once the row is no longer than the root of ``reach``."""
    norm = sum(cell * cell for cell in row)
    if norm <= reach:
        yield from ((cell, cell) for cell in row)
        return
    with localcontext() as context:
        context.prec = 60
        factor = (Decimal(reach) / Decimal(norm)).sqrt()
        for cell in row:
            size = abs(cell) * factor
            most = math.floor(size + Decimal("1e-40"))
            least = max(0, math.floor(size - abs(cell) * ROUNDED))
            yield (least, most) if cell >= 0 else (-most, -least)


def _shown(value: Fraction, flow: NoisyFlow, step: Decimal) -> float:
    floored = math.floor(value * Fraction(flow.first) / Fraction(step)) * step
    return float(floored if step == flow.first else floored + step / 2)
