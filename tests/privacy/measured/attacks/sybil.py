"""Surrounds one home with made-up ones, so that a district's figures are about it alone.

Attacker: a recipient who runs 20 of a district's 21 homes, more than k − 1, and lets all of them report 0.
Recipe: as the attacker who knows everything about all others: is the one home there or not? Beside that it is counted how many
hours are read off to .05 kWh.
Control: a coin, since the home's meter was silent on half of the days.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.attacks.informed import guesses, published_days
from tests.privacy.measured.findings import Bound, Tally, best_guess
from tests.privacy.measured.mechanism import CONTRACTED_MU
from tests.privacy.measured.recording import DAY_MS, HOUR_MS, Recording

_NEAR_KWH = 0.05


def _run(recordings: Sequence[Recording]) -> Tally:
    said, near, hours = [], 0, 0
    for recording in recordings:
        one_of = {one.cell: one.home for one in recording.days if one.home.startswith("home")}
        published = published_days(recording)
        said += guesses(recording, published, DAY_MS, set(one_of.values()))
        for (cell, day), about in published.items():
            for hour, figure in enumerate(about.figures):
                used = recording.kwh.get((one_of[cell], day + hour * HOUR_MS))
                if used is not None:
                    hours += 1
                    near += abs(figure - used) <= _NEAR_KWH
    right = sum(one is other for one, other in said)
    extra = (("hours_read_off", float(near)), ("hours", float(hours)))
    return Tally(right, len(said), 0.5, best_guess(CONTRACTED_MU), Bound.LO, extra=extra)


ATTACK = Attack(
    "sybil",
    "Made-up neighbours",
    "besieged",
    _run,
    "With 20 made-up neighbours the attacker was right {k} of {n} times ({p}) whether the one real home was there that day; a "
    "coin {control}.",
    __doc__,
)
