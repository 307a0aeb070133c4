"""Links a home's daily totals from one day to the next by their value.

Attacker: a recipient of daily totals under pseudonyms that change every day, who knows that homes differ in how much they use.
Recipe: Of each district's totals on two days in a row, those pairs are said to be of one home that make the sum of the
differences least (the assignment problem, by Jonker and Volgenant).
Control: a guess, right once in as many times as the district has totals that day.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.attacks.place import is_same, totals_of
from tests.privacy.measured.findings import Tally
from tests.privacy.measured.recording import DAY_MS, Recording


def _run(recordings: Sequence[Recording]) -> Tally:
    right, chances = 0, []
    random = np.random.default_rng(1)
    for recording in recordings:
        totals = totals_of(recording)
        for (cell, day), today in totals.items():
            tomorrow = totals.get((cell, day + DAY_MS), [])
            if not tomorrow:
                continue
            values = [np.array([line.result for line in lines]) for lines in (today, tomorrow)]
            costs = np.abs(values[0][:, None] - values[1][None, :])
            # Equal values are told apart by chance, not by the order in which they came.
            rows, columns = linear_sum_assignment(costs + random.random(costs.shape) * 1e-4)
            right += sum(is_same(recording, today[row], tomorrow[column]) for row, column in zip(rows, columns, strict=True))
            chances += [1 / len(tomorrow)] * len(rows)
    chance = sum(chances) / max(len(chances), 1)
    return Tally(right, len(chances), chance, 10 * chance)


ATTACK = Attack(
    "value",
    "By the amount",
    "town",
    _run,
    "Of {n} daily totals, {k} ({p}) were found again the next day by how much was used; guessing finds {control}.",
    __doc__,
)
