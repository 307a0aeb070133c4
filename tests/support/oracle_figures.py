"""What one release must hold, worked out slowly from all readings: who stands in which figure, and what the figure is.

``oracle`` says how much of each reading a flow may have; here readings of one level, place and window come together. Whoever has
another level, on any axis, stands elsewhere: nothing of theirs is added here. Figures over households are exact ones, decided for
whole days: a home of which there are too few of its kind stands in none, and all hours are told or none for who is in it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tests.support.generated import CELL, DAY_MS, LADDERS, Town
from tests.support.oracle import Answer, Home

WINDOWS_MS = {"day": 86_400_000, "4h": 14_400_000, "1h": 3_600_000, "15min": 900_000, "1min": 60_000}

Figure = tuple[str, str, str, str, int, int, float, str | None, int | None, int]
"""Flow, property, identity, cell, begin, end, result, statistic, number of subjects in fives or of devices, days of retention."""


@dataclass(frozen=True)
class Reading:
    """A value, in first steps of its property's ladder.

    Attributes:
        device: A number, for whoever knows the devices.
        whose: The household, or the device where it is nobody's.
    """

    device: int
    whose: int
    home: Home
    observed_property: str
    t_ms: int
    n: int


@dataclass
class Share:
    """What one household, or a device of nobody's, puts into a figure."""

    values: list[int]
    answers: list[Answer]

    @property
    def retention(self) -> int:
        """How long what it stands in may be kept."""
        return min(answer.retention for answer in self.answers)


Place = tuple[str, str, str, str, str, Decimal, str, bool, int]
"""Flow, property, identity, time, space, step, cell, nobody's, begin: all in which those who stand together agree."""
Cells = dict[int, list[int]]
"""Begin of a cell → a household's readings in it."""
CELL_MS = WINDOWS_MS[CELL]
TOLD_IN = 5


def released(
    town: Town, readings: Iterable[Reading], answer: Callable[[Reading, str], Answer | None], ended_ms: tuple[int, int]
) -> list[Figure]:
    """Return what leaves now.

    Args:
        town: Its flows.
        readings: All that have come, each with a time of its own.
        answer: How much of a reading a flow may have now.
        ended_ms: Windows that end after the first and not after the second end with this release.
    """
    found: list[Figure] = []
    places: defaultdict[Place, dict[int, Share]] = defaultdict(dict)
    days: defaultdict[Place, dict[int, tuple[Cells, Answer]]] = defaultdict(dict)
    one_by_one: defaultdict[tuple[int, int, str], dict[Place, set[int]]] = defaultdict(dict)
    for reading in readings:
        for flow, asked in town.city["flow"].items():
            may = answer(reading, flow) if reading.observed_property in asked["properties"] else None
            if may is None:
                continue
            public, day = reading.home.residents is None, reading.t_ms // DAY_MS
            is_single = may.identity == "per-record" and not asked["statistic"]
            if is_single and not public and may.since_ms < (day + 1) * DAY_MS:
                of = (flow, reading.observed_property, may.identity, may.time, may.space, may.step, may.cell, public, 0)
                one_by_one[reading.whose, day, reading.observed_property][of] = wholly_since(may, day)
            if reading.t_ms >= may.until_ms:
                continue
            length_ms = DAY_MS if may.identity == "aggregate" and not public else WINDOWS_MS.get(may.time, 0)
            start_ms = reading.t_ms // length_ms * length_ms if length_ms else reading.t_ms
            if is_single:
                found += [_single(reading, flow, may, start_ms, start_ms + length_ms)] if reading.t_ms >= may.since_ms else []
                continue
            if start_ms < may.since_ms:
                continue
            place = (flow, reading.observed_property, may.identity, may.time, may.space, may.step, may.cell, public, start_ms)
            if not public and may.identity != "aggregate":
                span = {at for at in range(day * DAY_MS, (day + 1) * DAY_MS, CELL_MS) if touches(at, start_ms, length_ms)}
                told_alone = one_by_one[reading.whose, day, reading.observed_property].setdefault((*place[:-1], 0), set())
                told_alone |= span & wholly_since(may, day)
            if not ended_ms[0] < start_ms + length_ms <= ended_ms[1]:
                continue
            if not public and may.identity == "aggregate":
                cells, _ = days[place].setdefault(reading.whose, ({}, may))
                cells.setdefault(reading.t_ms // CELL_MS * CELL_MS, []).append(reading.n)
            else:
                share = places[place].setdefault(reading.whose, Share([], []))
                share.values.append(reading.n)
                share.answers.append(may)
    for place, shares in places.items():
        found += _figures(town, place, list(shares.values()))
    alone = too_few_of_a_kind(town, days, one_by_one)
    for place, homes in days.items():
        found += _exact(town, place, {whose: home for whose, home in homes.items() if whose not in alone[place[1], place[-1]]})
    return found


def least_homes(town: Town, flow: str) -> int:
    """Return how many households an exact figure of a flow needs."""
    return max(int(town.city["limits"]["exact_group"]), int(town.city["flow"][flow]["ask"].get("group", 1)))


def wholly_since(may: Answer, day: int) -> set[int]:
    """Return the cells of a day that lie wholly under an answer, by their begins."""
    return {at for at in range(day * DAY_MS, (day + 1) * DAY_MS, CELL_MS) if at >= may.since_ms}


def touches(cell_ms: int, start_ms: int, length_ms: int) -> bool:
    """Return whether a cell and a window have a moment in common."""
    return cell_ms < start_ms + length_ms and start_ms < cell_ms + CELL_MS


def too_few_of_a_kind(
    town: Town,
    days: Mapping[Place, Mapping[int, tuple[Cells, Answer]]],
    one_by_one: Mapping[tuple[int, int, str], Mapping[Place, set[int]]],
) -> Mapping[tuple[str, int], set[int]]:
    """Return, by property and day, the households of whose kind there are too few.

    Those are of a kind that stand in the same exact figures and are told of one by one by the same flows, and that lack in each
    the same of the cells that they tell in some exact figure.
    """
    alone: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    stands: defaultdict[tuple[str, int], defaultdict[int, dict[Place, set[int]]]] = defaultdict(lambda: defaultdict(dict))
    for place, homes in days.items():
        for whose, (cells, _) in homes.items():
            stands[place[1], place[-1]][whose][place] = set(cells)
    for (whose, day, name), places in one_by_one.items():
        stands[name, day * DAY_MS][whose] |= places
    for day_of, those in stands.items():
        kinds = {whose: _kind(places) for whose, places in those.items()}
        for whose, places in those.items():
            alike = sum(kind == kinds[whose] for kind in kinds.values())
            if alike < max((least_homes(town, place[0]) for place in places if place[2] == "aggregate"), default=0):
                alone[day_of].add(whose)
    return alone


def _kind(places: Mapping[Place, set[int]]) -> object:
    """Return in what a household stands, and what of its exact cells each of that lacks."""
    exact = set[int]().union(*(cells for place, cells in places.items() if place[2] == "aggregate"))
    return frozenset((place, frozenset(exact - cells)) for place, cells in places.items())


def _exact(town: Town, place: Place, homes: Mapping[int, tuple[Cells, Answer]]) -> list[Figure]:
    """Return the exact figures of a day, none if there are too few households or one has as much as all but the two first."""
    flow, name, identity, time, _, step, where, _, day_ms = place
    statistic, least = town.city["flow"][flow]["statistic"][name], least_homes(town, flow)
    sizes = sorted(sum(abs(_of_cell(statistic, cell, cut=True)) for cell in cells.values()) for cells, _ in homes.values())
    if len(homes) < least or sizes[-1] > sum(sizes[:-2]):
        return []
    length_ms, told = WINDOWS_MS[time], list[tuple[int, list[Fraction]]]()
    stood = set[int]()
    reported = Counter(start_ms for cells, _ in homes.values() for start_ms in cells)
    for begin_ms in range(day_ms, day_ms + DAY_MS, length_ms):
        if any(begin_ms <= start_ms < begin_ms + length_ms and n < least for start_ms, n in reported.items()):
            continue
        own = {}
        for whose, (cells, _) in homes.items():
            inside = [cell for start_ms, cell in cells.items() if begin_ms <= start_ms < begin_ms + length_ms]
            if inside:
                values = [_of_cell(statistic, cell) for cell in inside]
                own[whose] = sum(values, Fraction(0)) / (len(values) if statistic == "mean" else 1)
        if len(own) >= least:
            told.append((begin_ms, list(own.values())))
            stood |= own.keys()
    n, days = len(stood) // TOLD_IN * TOLD_IN, min((answer.retention for _, answer in homes.values()), default=0)
    return [
        (
            flow,
            name,
            identity,
            where,
            begin_ms,
            begin_ms + length_ms,
            _told(statistic, own, name, step),
            statistic,
            n,
            days,
        )
        for begin_ms, own in told
    ]


def _of_cell(statistic: str, cell: Sequence[int], *, cut: bool = False) -> Fraction:
    """Return what a household's cell comes to; of a mean, on request without what is less than a first step."""
    if statistic == "count":
        return Fraction(len(cell))
    value = Fraction(sum(cell), len(cell) if statistic == "mean" else 1)
    return Fraction(math.trunc(value)) if cut else value


def _told(statistic: str, own: Sequence[Fraction], name: str, step: Decimal) -> float:
    value = sum(own, Fraction(0)) / (len(own) if statistic == "mean" else 1)
    return int(value) if statistic == "count" else shown(value, name, step)


def _single(reading: Reading, flow: str, may: Answer, start_ms: int, end_ms: int) -> Figure:
    result = shown(Fraction(reading.n), reading.observed_property, may.step)
    return flow, reading.observed_property, may.identity, may.cell, start_ms, end_ms, result, None, None, may.retention


def _figures(town: Town, place: Place, shares: Sequence[Share]) -> list[Figure]:
    flow, name, identity, time, _, step, cell, _, start_ms = place
    statistic = town.city["flow"][flow]["statistic"][name]
    end_ms = start_ms + WINDOWS_MS[time]

    def made(of: Sequence[Share], n: int | None) -> Figure:
        own = [_combined(statistic, [Fraction(value) for value in share.values], alone=True) for share in of]
        result = _combined(statistic, own, alone=False)
        figure = int(result) if statistic == "count" else shown(result, name, step)
        return flow, name, identity, cell, start_ms, end_ms, figure, statistic, n, min(share.retention for share in of)

    if identity in ("per-epoch", "per-record"):  # told one by one; the latter under nothing that lasts
        return [made([share], None) for share in shares]
    return [made(shares, len(shares))] if shares else []


def _combined(statistic: str, values: Sequence[Fraction], *, alone: bool) -> Fraction:
    """Return one figure of several values: a household's own, or that of all households."""
    if statistic == "count":
        return Fraction(len(values)) if alone else sum(values, Fraction(0))
    if statistic in ("min", "max"):
        return {"min": min, "max": max}[statistic](values)
    return sum(values, Fraction(0)) / (len(values) if statistic == "mean" else 1)


def shown(value: Fraction, observed_property: str, step: Decimal) -> float:
    """Return a value in first steps as it is told: floored to a step, and its middle where that is not the first."""
    first = Decimal(LADDERS[observed_property][0])
    floored = math.floor(value * Fraction(first) / Fraction(step)) * step
    return float(floored if step == first else floored + step / 2)
