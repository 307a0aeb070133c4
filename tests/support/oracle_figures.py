"""What one release must hold, worked out slowly from all readings: who stands in which figure, and what the figure is.

``oracle`` says how much of each reading a flow may have; here readings of one level, place and window come together. Whoever has
another level, on any axis, stands elsewhere: nothing of theirs is added here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from tests.support.city import Table
from tests.support.generated import LADDERS, Town
from tests.support.oracle import Answer, Home

WINDOWS_MS = {"day": 86_400_000, "4h": 14_400_000, "1h": 3_600_000, "15min": 900_000, "1min": 60_000}

Figure = tuple[str, str, str, str, int, int, float, str | None, int | None, int]
"""Flow, property, identity, cell, begin, end, result, statistic, number of subjects, days of retention."""


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
    def group(self) -> int:
        """How many it wants to be among."""
        return max(answer.group for answer in self.answers)

    @property
    def retention(self) -> int:
        """How long what it stands in may be kept."""
        return min(answer.retention for answer in self.answers)


Place = tuple[str, str, str, str, str, Decimal, str, bool, int]
"""Flow, property, identity, time, space, step, cell, nobody's, begin: all in which those who stand together agree."""


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
    for reading in readings:
        for flow, asked in town.city["flow"].items():
            may = answer(reading, flow) if reading.observed_property in asked["properties"] else None
            if may is None or reading.t_ms >= may.until_ms:
                continue
            length_ms = WINDOWS_MS.get(may.time, 0)
            start_ms = reading.t_ms // length_ms * length_ms if length_ms else reading.t_ms
            if may.identity == "per-record" and not asked["statistic"]:
                found += [_single(reading, flow, may, start_ms, start_ms + length_ms)] if reading.t_ms >= may.since_ms else []
            elif start_ms >= may.since_ms and ended_ms[0] < start_ms + length_ms <= ended_ms[1]:
                public = reading.home.residents is None
                place = (flow, reading.observed_property, may.identity, may.time, may.space, may.step, may.cell, public, start_ms)
                share = places[place].setdefault(reading.whose, Share([], []))
                share.values.append(reading.n)
                share.answers.append(may)
    for place, shares in places.items():
        found += _figures(town, place, list(shares.values()))
    return found


def _single(reading: Reading, flow: str, may: Answer, start_ms: int, end_ms: int) -> Figure:
    result = shown(Fraction(reading.n), reading.observed_property, may.step)
    return flow, reading.observed_property, may.identity, may.cell, start_ms, end_ms, result, None, None, may.retention


def _figures(town: Town, place: Place, shares: Sequence[Share]) -> list[Figure]:
    flow, name, identity, time, _, step, cell, public, start_ms = place
    statistic = town.city["flow"][flow]["statistic"][name]
    end_ms = start_ms + WINDOWS_MS[time]

    def made(of: Sequence[Share], n: int | None) -> Figure:
        own = [_combined(statistic, [Fraction(value) for value in share.values], alone=True) for share in of]
        result = _combined(statistic, own, alone=False)
        figure = int(result) if statistic == "count" else shown(result, name, step)
        return flow, name, identity, cell, start_ms, end_ms, figure, statistic, n, min(share.retention for share in of)

    if identity in ("per-epoch", "per-record"):  # told one by one; the latter under nothing that lasts
        return [made([share], None) for share in shares]
    if not public:
        shares = together(shares)
        if _too_much_of_one(town, statistic, shares):
            return []
    return [made(shares, len(shares))] if shares else []


def together(shares: Sequence[Share]) -> Sequence[Share]:
    """Return the most that can stand together, so that each is among as many as it wants to be."""
    for size in range(len(shares), 0, -1):
        for some in combinations(shares, size):
            if all(share.group <= size for share in some):
                return some
    return ()


def _combined(statistic: str, values: Sequence[Fraction], *, alone: bool) -> Fraction:
    """Return one figure of several values: a household's own, or that of all households."""
    if statistic == "count":
        return Fraction(len(values)) if alone else sum(values, Fraction(0))
    if statistic in ("min", "max"):
        return {"min": min, "max": max}[statistic](values)
    return sum(values, Fraction(0)) / (len(values) if statistic == "mean" else 1)


def _too_much_of_one(town: Town, statistic: str, shares: Sequence[Share]) -> bool:
    limits: Table = town.city["limits"]
    own = [abs(_combined(statistic, [Fraction(value) for value in share.values], alone=True)) for share in shares]
    return any(value > Fraction(str(limits["share"])) * sum(own) for value in own)


def shown(value: Fraction, observed_property: str, step: Decimal) -> float:
    """Return a value in first steps as it is told: floored to a step, and its middle where that is not the first."""
    first = Decimal(LADDERS[observed_property][0])
    floored = math.floor(value * Fraction(first) / Fraction(step)) * step
    return float(floored if step == first else floored + step / 2)
