"""Links a home's daily totals from one day to the next by their place in the bundle.

Attacker: a recipient of daily totals under pseudonyms that change every day, who knows nothing else.
Recipe: Of each district's totals, in the order in which they came, the one at a place is said to be of the same home as the one
at that place on the next day.
Control: a guess, right once in as many times as the district has totals that day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.findings import Tally
from tests.privacy.measured.recording import DAY_MS, Line, Recording
from tests.privacy.measured.scenarios import TOTALS

Totals = dict[tuple[str, int], list[Line]]
"""(district, beginning of a day) → totals in the order in which they came."""


def totals_of(recording: Recording) -> Totals:
    """Return a recording's daily totals of single homes."""
    found: Totals = defaultdict(list)
    for line in sorted(recording.lines, key=lambda line: (line.bundle, line.pos or 0)):
        if line.flow == TOTALS:
            found[line.cell, line.span[0]].append(line)
    return dict(found)


def is_same(recording: Recording, one: Line, other: Line) -> bool:
    """Return whether two totals are of the same home."""
    whose = [recording.owners[line.bundle, line.pos or 0] for line in (one, other)]
    return whose[0] == whose[1]


def _run(recordings: Sequence[Recording]) -> Tally:
    right, chances = 0, []
    for recording in recordings:
        totals = totals_of(recording)
        for (cell, day), today in totals.items():
            tomorrow = totals.get((cell, day + DAY_MS), [])
            for one, other in zip(today, tomorrow, strict=False):
                right += is_same(recording, one, other)
                chances.append(1 / len(tomorrow))
    chance = sum(chances) / max(len(chances), 1)
    return Tally(right, len(chances), chance, 2 * chance)


ATTACK = Attack(
    "place",
    "By the order of the lines",
    "town",
    _run,
    "Of {n} daily totals, {k} ({p}) were found again the next day by their place in the list; guessing finds {control}.",
    __doc__,
)
