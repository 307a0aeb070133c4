"""Undoes a moving average: reads single hours off averages of four that were published hour by hour.

Attacker: a recipient of any figures whose times overlap; DECODE's exchange let homes publish averages in place of readings.
Recipe: The first average is of one hour alone, the second of two, and so on: each record of a pseudonym in which one hour is not
known yet gives that hour, and the next one follows.
Control: the same hours of another home.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.findings import Bound, Tally
from tests.privacy.measured.recording import HOUR_MS, Line, Recording
from tests.privacy.measured.scenarios import AVERAGES

_WANTED = 2000
_NEAR_KWH = 0.05


def _run(recordings: Sequence[Recording]) -> Tally:
    right = by_chance = wanted = 0
    random = np.random.default_rng(5)
    for recording in recordings:
        solved = _solved(recording)
        kwh = recording.kwh
        hours = sorted(kwh)
        chosen = [hours[place] for place in random.choice(len(hours), min(_WANTED, len(hours)), replace=False)]
        homes = sorted({home for home, _ in hours})
        for home, hour in chosen:
            wanted += 1
            right += _is_near(solved.get((home, hour)), kwh[home, hour])
            other = str(random.choice(homes))
            by_chance += other != home and _is_near(solved.get((other, hour)), kwh[home, hour])
    return Tally(right, wanted, by_chance / max(wanted, 1), 0.0, Bound.P)


def _solved(recording: Recording) -> dict[tuple[str, int], float]:
    """Return (home, hour) → what was found to have been used, for whatever hours of single homes the records determine."""
    series: dict[tuple[str, str], list[Line]] = defaultdict(list)
    has_averages = any(line.flow == AVERAGES for line in recording.lines)
    for line in recording.lines:
        if line.pseudonym is not None and line.hour is None and (line.flow == AVERAGES or not has_averages):
            series[line.flow, line.pseudonym].append(line)
    found = {}
    for (flow, _), lines in series.items():
        home = recording.owners[lines[0].bundle, lines[0].pos or 0]
        totals = [
            (
                range(line.span[0] // HOUR_MS, line.span[1] // HOUR_MS),
                line.result * _hours(line) if flow == AVERAGES else line.result,
            )
            for line in sorted(lines, key=lambda line: line.span[1])
        ]
        for hour, kwh in _substituted(totals).items():
            found[home, hour * HOUR_MS] = kwh
    return found


def _substituted(totals: list[tuple[range, float]]) -> dict[int, float]:
    """Return the hours that follow one after another from sums over some hours, each of which has one unknown left."""
    known: dict[int, float] = {}
    before = -1
    while len(known) > before:
        before = len(known)
        for hours, total in totals:
            unknown = [hour for hour in hours if hour not in known]
            if len(unknown) == 1:
                known[unknown[0]] = total - sum(known[hour] for hour in hours if hour in known)
    return known


def _hours(line: Line) -> int:
    return (line.span[1] - line.span[0]) // HOUR_MS


def _is_near(said: float | None, used: float) -> bool:
    return said is not None and abs(said - used) <= _NEAR_KWH


ATTACK = Attack(
    "moving-average",
    "Averages undone",
    "averaged",
    _run,
    "Of {n} hours of single homes that averages were to hide, {k} ({p}) were read off to .05 kWh.",
    __doc__,
)
