"""Names the district and hour at which a home joined, left, or changed how much it permits, by the number of homes told.

Attacker: anyone who reads the figures, who knows how many changes there were.
Recipe: In each district the number of homes in an hour's figure is held against that of the hour before. As many districts and
hours are named as there were changes, those with the greatest differences first, none without one.
Control: as many changes at random hours in random districts; the share that the same names hit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.findings import Bound, Tally
from tests.privacy.measured.recording import HOUR_MS, Recording, sums
from tests.privacy.measured.scenarios import HOURLY

_DRAWS = 200


def _run(recordings: Sequence[Recording]) -> Tally:
    hits, tries, chance = 0, 0, []
    random = np.random.default_rng(2)
    for recording in recordings:
        events = [(one.cell, one.at // HOUR_MS) for one in recording.said if one.flow == HOURLY]
        named = set(_differences(recording)[: len(events)])
        hits += sum(_is_hit(named, *event) for event in events)
        tries += len(events)
        cells = sorted({one.cell for one in recording.days})
        hours = sorted({one.day // HOUR_MS for one in recording.days})
        for _ in range(_DRAWS):
            elsewhere = [(str(random.choice(cells)), int(random.integers(hours[0] + 24, hours[-1]))) for _ in range(len(events))]
            chance.append(sum(_is_hit(named, *event) for event in elsewhere) / max(len(events), 1))
    control = float(np.mean(chance))
    return Tally(hits, tries, control, control, Bound.LO)


def _differences(recording: Recording) -> list[tuple[str, int]]:
    """Return the districts and hours at which the number of homes differs from the hour before, the greatest difference first."""
    numbers: dict[str, dict[int, int]] = defaultdict(dict)
    for (cell, (begin, end)), (_, n) in sums(recording.lines, HOURLY).items():
        if end - begin == HOUR_MS:
            numbers[cell][begin // HOUR_MS] = n
    found = []
    for cell, by_hour in numbers.items():
        for hour in range(min(by_hour) + 1, max(by_hour) + 1):
            difference = abs(by_hour.get(hour, 0) - by_hour.get(hour - 1, 0))
            found.append((difference, cell, hour))
    return [(cell, hour) for difference, cell, hour in sorted(found, key=lambda one: (-one[0], one[2], one[1])) if difference]


def _is_hit(named: set[tuple[str, int]], cell: str, hour: int) -> bool:
    return any((cell, near) in named for near in (hour - 1, hour, hour + 1))


ATTACK = Attack(
    "n",
    "By the number of homes",
    "town",
    _run,
    "Of {n} times that a home joined, left or changed what it permits, district and hour of {k} ({p}) were named from the number "
    "of homes; by chance {control}.",
    __doc__,
)
