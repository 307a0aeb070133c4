"""Subtracts figures from figures until one home stands alone: hours from days, one flow from another, before from after.

Attacker: a recipient of all flows, who knows who stands in each figure, as neighbours or a leaked list of consents would tell.
Recipe: The figures of a district and day are linear equations over (home, hour). A home stands alone if some combination of them
holds its hours and nobody else's; it is found as a vector that the other homes' columns annihilate. What it comes to is held
against what the home used in those hours, and counts if it is right to .1 kWh; of several the longest time is taken.
For our gateway also 10,000 random histories of exact figures, with its own guard: homes, alone or up to three kinds together and
fewer than 15, whose sum some combination of what left comes to. In 20 histories such homes are planted, and have to be found.
Control: the same combinations held against another home that changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.privacy.measured.attacks.attack import Attack
from tests.privacy.measured.attacks.histories import exposed, planted_history, random_history
from tests.privacy.measured.findings import Bound, Tally
from tests.privacy.measured.mechanism import Floats
from tests.privacy.measured.recording import DAY_MS, HOUR_MS, Line, Recording
from tests.privacy.measured.scenarios import EXACT, HOURLY

_NEAR_KWH: Final = 0.1
_ZERO: Final = 1e-8
_HISTORIES: Final = 10_000
_AT_ONCE: Final = 1_000
PLANTED: Final = 20


@dataclass(frozen=True, slots=True)
class Alone:
    """A home that stands alone.

    Attributes:
        said: What the combination of figures comes to, in kWh.
        weights: (beginning of an hour) → how often the hour stands in it.
    """

    home: str
    said: float
    weights: dict[int, float]


def standing_alone(recording: Recording, homes: frozenset[str]) -> Iterator[Alone]:
    """Yield those of some homes that stand alone in the figures of any district and day."""
    single: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for line in recording.lines:
        # What is sent home by home stands alone as it is, where it was to be a figure; daily totals are asked for by themselves.
        if line.n is None and line.flow in (HOURLY, EXACT):
            single[recording.owners[line.bundle, line.pos or 0], line.span[0] // DAY_MS].append(line)
    for (home, _), hours in single.items():
        if home in homes:
            yield Alone(home, sum(line.result for line in hours), {line.span[0]: 1.0 for line in hours})
    lines = {(line.bundle, line.flow, line.cell, line.span): line for line in recording.lines if line.n is not None}
    released: dict[tuple[str, int], list[tuple[Line, list[str]]]] = defaultdict(list)
    for one in recording.members:
        figure = lines.get((one.bundle, one.flow, one.cell, one.span))
        if figure is not None and figure.hour is None and one.span[1] - one.span[0] <= DAY_MS:
            released[one.cell, one.span[0] // DAY_MS * DAY_MS].append((figure, one.homes))
    for (_, day), figures in released.items():
        yield from _alone_on(day, figures, homes)


def alone_in(equations: Floats, own: Floats) -> Floats | None:
    """Return a combination of rows that is zero in others' columns and not in one's own, the plainest; None if there is none.

    Args:
        equations: The columns of all others, one row a figure.
        own: One's own columns.
    """
    u, singular, _ = np.linalg.svd(equations, full_matrices=True)
    rank = int((singular > _ZERO * max(1.0, singular.max(initial=0.0))).sum())
    free = u[:, rank:]  # the combinations of rows in which nobody else stands
    reach = free.T @ own
    if not reach.size or np.abs(reach).max() < 1e-6:
        return None
    left, _, _ = np.linalg.svd(reach, full_matrices=False)
    combination = free @ left[:, 0]
    total = combination @ own
    return np.asarray(combination / total[np.abs(total).argmax()])


def _alone_on(day: int, figures: list[tuple[Line, list[str]]], homes: frozenset[str]) -> Iterator[Alone]:
    present = sorted({home for _, members in figures for home in members})
    place = {home: index for index, home in enumerate(present)}
    columns = np.zeros((len(figures), len(present), 24))
    for row, (line, members) in enumerate(figures):
        first, last = ((moment - day) // HOUR_MS for moment in line.span)
        columns[row, [place[home] for home in members], first:last] = 1.0
    results = np.array([line.result for line, _ in figures])
    everybody, names = np.unique(columns.reshape(len(figures), -1), axis=1, return_inverse=True)
    names = names.reshape(len(present), 24)
    for home in homes & set(present):
        own = columns[:, place[home]]
        # Of others only which kinds of columns there are matters, not how many of each.
        kinds = np.unique(np.delete(names, place[home], axis=0))
        combination = alone_in(everybody[:, kinds], own)
        if combination is not None:
            weights = combination @ own
            yield Alone(
                home,
                float(combination @ results),
                {day + hour * HOUR_MS: float(weight) for hour, weight in enumerate(weights) if abs(weight) > 1e-6},
            )


def _run(recordings: Sequence[Recording]) -> Tally:
    changers = right = by_chance = isolated = 0
    off: list[float] = []
    for recording in recordings:
        homes = frozenset(one.home for one in recording.said)
        changers += len(homes)
        order = sorted(homes)
        best: dict[str, Alone] = {}
        for one in standing_alone(recording, homes):
            if one.home not in best or len(one.weights) > len(best[one.home].weights):
                best[one.home] = one
        isolated += len(best)
        for home, one in best.items():
            other = order[(order.index(home) + 1) % len(order)]
            error, chance = (
                one.said - sum(weight * recording.kwh.get((whose, hour), 0.0) for hour, weight in one.weights.items())
                for whose in (home, other)
            )
            right += abs(error) <= _NEAR_KWH
            by_chance += abs(chance) <= _NEAR_KWH
            off.append(error)
    control = by_chance / max(changers, 1)
    more: tuple[tuple[str, float], ...] = ()
    if any(recording.gateway == "ours" for recording in recordings):
        random = np.random.default_rng(6)
        alone = sum(int(exposed([random_history(random) for _ in range(_AT_ONCE)]).sum()) for _ in range(_HISTORIES // _AT_ONCE))
        found = int(exposed([planted_history(random) for _ in range(PLANTED)]).sum())
        more = (("city_k", right), ("city_n", changers), ("planted_found", found), ("planted", PLANTED))
        # One planted home that is not found, and the rest shows nothing.
        right, changers = right + alone + (PLANTED - found), changers + _HISTORIES
    error = float(np.sqrt(np.mean(np.square(off)))) if off else 0.0
    return Tally(right, changers, control, 0.0, Bound.P, extra=(("stand_alone", isolated), ("rmse_kwh", error), *more))


ATTACK = Attack(
    "rowspace",
    "Figures subtracted from figures",
    "town",
    _run,
    "Of {n} homes or histories, in {k} ({p}) a home that joined, left or changed its level was singled out by subtracting "
    "figures.",
    __doc__,
)
