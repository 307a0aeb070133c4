"""Silences a district's figures, or drowns them, with one home.

Attacker: one household: its meter reports 1,000 kWh an hour, or its consent demands that 5,000 homes stand in a figure, or both.
Recipe: nothing more. A district's hour counts as silenced where no figure is published, or one that is off by more than three
times what all others used.
Control: the week before, when the same homes did nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.findings import Bound, Tally
from tests.privacy.measured.recording import DAY_MS, HOUR_MS, Recording, sums
from tests.privacy.measured.scenarios import HOURLY, START_MS

_LOUD_KWH = 500
_DROWNED = 3


def _run(recordings: Sequence[Recording]) -> Tally:
    silenced, hours = [0, 0], [0, 0]
    for recording in recordings:
        others: dict[tuple[str, int], float] = {}
        for one in recording.days:
            for hour, kwh in enumerate(one.kwh):
                key = (one.cell, one.day + hour * HOUR_MS)
                others[key] = others.get(key, 0.0) + (kwh if kwh is not None and kwh < _LOUD_KWH else 0.0)
        figures = sums(recording.lines, HOURLY)
        for (cell, begin), used in others.items():
            week = begin >= START_MS + 7 * DAY_MS
            figure = figures.get((cell, (begin, begin + HOUR_MS)))
            silenced[week] += figure is None or abs(figure[0] - used) > _DROWNED * used
            hours[week] += 1
    control = silenced[0] / max(hours[0], 1)
    return Tally(silenced[1], hours[1], control, control, Bound.P)


ATTACK = Attack(
    "spoiler",
    "One home against its district",
    "spoiled",
    _run,
    "One home silenced or drowned {k} of its district's {n} hours ({p}); without it {control} were.",
    __doc__,
)
