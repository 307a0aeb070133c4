"""Scenarios: a city of homes, what each uses and says over some weeks, for all three gateways alike.

Every home's electricity is that of ``households``. What is special in each stands in its function; all are seeded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tests.privacy.measured.households import Hours, population
from tests.privacy.measured.recording import DAY_MS, DayOf, Said

START_MS: Final = 1_772_409_600_000
"""2026-03-02T00:00:00Z, a Monday."""
HOURLY: Final = "energy-hourly"
LIVE: Final = "energy-live"
TYPICAL: Final = "energy-typical-week"
TOTALS: Final = "energy-daily-totals"
EXACT: Final = "energy-exact-daily"
AVERAGES: Final = "energy-averages"
"""Averages of the last four hours, home by home and hour by hour, as DECODE offered them; no flow of ours can ask for it."""
AVERAGED_HOURS: Final = 4


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens in a city.

    Attributes:
        name: Its folder's name.
        kwh: By home, day and hour; NaN where a meter sends nothing.
        cells: The district of each home.
        said: What homes say, in order; what they had said before is marked so.
        flows: The flows of its policies.
    """

    name: str
    kwh: Hours
    cells: tuple[str, ...]
    said: tuple[Said, ...]
    flows: tuple[str, ...]
    homes: tuple[str, ...] = field(default=())

    @property
    def days(self) -> int:
        """Return how long it goes on."""
        return int(self.kwh.shape[1])

    @property
    def end_ms(self) -> int:
        """Return when its last day ends."""
        return START_MS + self.days * DAY_MS

    def truth(self) -> list[DayOf | Said]:
        """Return what the attacks are held against."""
        used: list[DayOf | Said] = [
            DayOf(home, cell, START_MS + day * DAY_MS, [None if np.isnan(one) else float(one) for one in self.kwh[place, day]])
            for place, (home, cell) in enumerate(zip(self.homes, self.cells, strict=True))
            for day in range(self.days)
        ]
        return used + list(self.said)


def town(seed: int) -> Scenario:
    """190 homes in three districts over two weeks; in each district and on most days one joins, withdraws, or lowers
    its level, of the hourly and the exact daily figures at once."""
    random = np.random.default_rng([seed, 1])
    homes, cells, kwh = _city(190, 14, 3, random)
    flows = (HOURLY, TOTALS, EXACT)
    changers = iter(random.permutation(190))
    said: list[Said] = []
    joins: set[str] = set()
    for day in range(1, 13):
        for cell in sorted(set(cells)):
            if random.random() < 0.2:
                continue
            home = next(place for place in changers if cells[place] == cell)
            at = START_MS + day * DAY_MS + int(random.integers(0, DAY_MS))
            does = random.choice(["join", "withdraw", "lower"], p=[0.4, 0.4, 0.2])
            if does == "join":
                joins.add(homes[home])
            said.append(
                Said(
                    at,
                    homes[home],
                    cell,
                    HOURLY,
                    "withdraw" if does == "withdraw" else "grant",
                    "4h" if does == "lower" else None,
                )
            )
            said.append(Said(at, homes[home], cell, EXACT, "grant" if does == "join" else "withdraw"))
    first = _all_permit(homes, cells, flows)
    before = [one for one in first if one.home not in joins or one.flow == TOTALS]
    return Scenario(f"town-{seed}", kwh, cells, _ordered(before, said), flows, homes)


def thin(seed: int) -> Scenario:
    """Two districts of 16 homes, of which a tenth is silent each day, and one of 30, over 60 days: often 15, often fewer."""
    random = np.random.default_rng([seed, 2])
    cells = ("a",) * 16 + ("b",) * 16 + ("c",) * 30
    homes = _names(len(cells))
    kwh = population(len(cells), 60, random)
    kwh[random.random(kwh.shape[:2]) < 0.1] = np.nan
    flows = (HOURLY, LIVE)
    return Scenario(f"thin-{seed}", kwh, cells, _ordered(_all_permit(homes, cells, flows)), flows, homes)


def spoiled(seed: int) -> Scenario:
    """From the second week on, one home of the first and third district reports 1000 kWh an hour; one of the second and third
    demands groups of 5000."""
    random = np.random.default_rng([seed, 3])
    homes, cells, kwh = _city(189, 14, 3, random)
    first = {cell: cells.index(cell) for cell in sorted(set(cells))}
    for cell in ("a", "c"):
        kwh[first[cell], 7:] = 1000.0
    at = START_MS + 7 * DAY_MS - 60_000
    demands = [Said(at, homes[first[cell] + 1], cell, HOURLY, "grant", group=5000) for cell in ("b", "c")]
    return Scenario(f"spoiled-{seed}", kwh, cells, _ordered(_all_permit(homes, cells, (HOURLY,)), demands), (HOURLY,), homes)


def watched_days(seed: int) -> Scenario:
    """190 homes in two districts over four weeks; 30 of each are silent on half of their days, as a coin falls."""
    random = np.random.default_rng([seed, 4])
    homes, cells, kwh = _city(190, 28, 2, random)
    kwh[_targets(cells)[:, None] & (random.random((190, 28)) < 0.5)] = np.nan
    return Scenario(f"watched-days-{seed}", kwh, cells, _ordered(_all_permit(homes, cells, (HOURLY,))), (HOURLY,), homes)


def watched_weeks(seed: int) -> Scenario:
    """As ``watched_days``, over ten weeks, silent in half of the weeks."""
    random = np.random.default_rng([seed, 5])
    homes, cells, kwh = _city(190, 70, 2, random)
    kwh[_targets(cells)[:, None] & np.repeat(random.random((190, 10)) < 0.5, 7, axis=1)] = np.nan
    return Scenario(f"watched-weeks-{seed}", kwh, cells, _ordered(_all_permit(homes, cells, (TYPICAL,))), (TYPICAL,), homes)


def besieged(seed: int) -> Scenario:
    """In each of 16 districts one home among 20 of the attacker's, which report 0; that one is silent on half of the days."""
    random = np.random.default_rng([seed, 6])
    districts, days = 16, 21
    kwh = np.zeros((21 * districts, days, 24))
    real = population(districts, days, random)
    real[random.random((districts, days)) < 0.5] = np.nan
    kwh[::21] = real
    cells = tuple(f"d{place // 21:02}" for place in range(21 * districts))
    homes = tuple(f"{'home' if place % 21 == 0 else 'sybil'}-{place:03}" for place in range(21 * districts))
    return Scenario(f"besieged-{seed}", kwh, cells, _ordered(_all_permit(homes, cells, (HOURLY,))), (HOURLY,), homes)


def traced(seed: int) -> Scenario:
    """190 homes over four weeks, of which 50 in each of three districts permit figures and 40 permit nothing."""
    random = np.random.default_rng([seed, 7])
    kwh = population(190, 28, random)
    cells = ("a",) * 50 + ("b",) * 50 + ("c",) * 50 + ("d",) * 40
    homes = _names(190)
    permits = [one for one in _all_permit(homes, cells, (HOURLY,)) if one.cell != "d"]
    return Scenario(f"traced-{seed}", kwh, cells, _ordered(permits), (HOURLY,), homes)


def averaged(seed: int) -> Scenario:
    """60 homes of one district over two weeks, who let averages of four hours be published."""
    random = np.random.default_rng([seed, 8])
    homes, cells, kwh = _city(60, 14, 1, random)
    flows = (HOURLY, TOTALS, AVERAGES)
    return Scenario(f"averaged-{seed}", kwh, cells, _ordered(_all_permit(homes, cells, flows)), flows, homes)


SCENARIOS: Final[tuple[tuple[Callable[[int], Scenario], int], ...]] = (
    (town, 5),
    (thin, 1),
    (spoiled, 1),
    (watched_days, 1),
    (watched_weeks, 2),
    (besieged, 1),
    (traced, 1),
    (averaged, 1),
)
"""Each scenario and how many times it happens, with a seed of its own each time."""


def targets(recording_cells: dict[str, str]) -> set[str]:
    """Return the homes that the attackers of ``watched_days`` are after, of home → district."""
    names = sorted(recording_cells)
    wanted = _targets(tuple(recording_cells[name] for name in names))
    return {name for name, is_one in zip(names, wanted, strict=True) if is_one}


def _city(count: int, days: int, districts: int, random: np.random.Generator) -> tuple[tuple[str, ...], tuple[str, ...], Hours]:
    cells = tuple("abcdefgh"[place * districts // count] for place in range(count))
    return _names(count), cells, population(count, days, random)


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"home-{place:03}" for place in range(count))


def _targets(cells: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the first 30 of each district."""
    seen: dict[str, int] = {}
    marks = []
    for cell in cells:
        seen[cell] = seen.get(cell, 0) + 1
        marks.append(seen[cell] <= 30)
    return np.array(marks)


def _all_permit(homes: tuple[str, ...], cells: tuple[str, ...], flows: tuple[str, ...]) -> list[Said]:
    return [
        Said(START_MS - DAY_MS, home, cell, flow, "grant", is_first=True)
        for home, cell in zip(homes, cells, strict=True)
        for flow in flows
    ]


def _ordered(first: list[Said], later: list[Said] | None = None) -> tuple[Said, ...]:
    return (*first, *sorted(later or [], key=lambda one: one.at))
