"""Random histories of exact figures: who stands in which of a day's figures, what of them leaves, and who is alone in it.

Who is kept out is decided by the guard's own code, for whole classes of homes at once; ten thousand histories take seconds. Part
of the attack ``rowspace``. A home's own totals are known to the attacker, so that homes with totals leave the equations.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.figures.guard import small_classes
from gateway.core.windows.windows import Cohort
from tests.privacy.measured.mechanism import EXACT_GROUP, Floats

SMALL: Final = 15
"""Homes in a union of classes smaller than this must not be told of."""
_MOST_FIGURES: Final = 8
_MOST_KINDS: Final = 16
_TOGETHER: Final = 3


@dataclass(frozen=True, slots=True)
class History:
    """What became of one quantity's exact figures of a day.

    Attributes:
        sizes: How many homes stand in the same figures, of each kind of home.
        has_totals: Whether homes of a kind let their own totals leave one by one.
        released: One row a figure that left, one column a kind: whether homes of the kind stand in it.
    """

    sizes: NDArray[np.int64]
    has_totals: NDArray[np.bool_]
    released: NDArray[np.bool_]


def random_history(random: np.random.Generator, *, has_guard: bool = True) -> History:
    """Return a history: up to 8 flows and levels, kinds of 1 to 90 homes, some of whom leave before or after figures are sent."""
    figures, kinds = int(random.integers(2, _MOST_FIGURES + 1)), int(random.integers(3, _MOST_KINDS + 1))
    asked = random.random((figures, kinds)) < random.uniform(0.4, 0.95)
    has_totals = random.random(kinds) < 0.3
    sizes = np.where(random.random(kinds) < 0.5, random.integers(1, SMALL, kinds), random.integers(30, 90, kinds))
    left_at = np.where(random.random(kinds) < 0.1, random.integers(0, figures, kinds), figures)
    released = []
    out: NDArray[np.bool_] | None = None
    for figure in range(figures):
        if ((left_at > 0) & (left_at <= figure)).any() and has_guard:
            break  # somebody has left after the first was sent: what remains is not told
        present = left_at > figure
        if out is None:  # fixed with the first figure that leaves
            out = _kept_out(asked & present, has_totals & present, sizes) if has_guard else np.zeros(kinds, dtype=np.bool_)
        row = asked[figure] & present & ~out
        if sizes[row].sum() >= (EXACT_GROUP if has_guard else SMALL):
            released.append(row)
    return History(sizes, has_totals, np.array(released, dtype=np.bool_).reshape(len(released), kinds))


def planted_history(random: np.random.Generator) -> History:
    """Return a history in which a kind of 1 to 4 homes stands in one of two figures that agree in everything else, unguarded."""
    kinds = int(random.integers(4, _MOST_KINDS))
    sizes = random.integers(20, 60, kinds)
    sizes[0] = random.integers(1, 5)
    both = np.concatenate(([True], random.random(kinds - 1) < 0.7))
    both[1] = True
    second = both.copy()
    second[0] = False
    more = random.random((int(random.integers(0, 3)), kinds)) < 0.5
    return History(sizes, np.zeros(kinds, dtype=np.bool_), np.vstack([both, second, more]))


def exposed(histories: list[History]) -> NDArray[np.bool_]:
    """Return of which histories some homes, fewer than ``SMALL``, come out alone: a kind, or up to three together."""
    rows = max((len(one.released) for one in histories), default=0)
    equations = np.zeros((len(histories), max(rows, 1), _MOST_KINDS))
    for place, one in enumerate(histories):
        equations[place, : len(one.released), : len(one.sizes)] = one.released & ~one.has_totals
    projections: Floats = np.linalg.pinv(equations) @ equations
    return np.array([_is_exposed(one, projection) for one, projection in zip(histories, projections, strict=True)])


def _is_exposed(history: History, projection: Floats) -> bool:
    """Return whether the indicator of some small union lies in the row space: its projection is as long as itself."""
    stands = [bool((history.released[:, kind] & ~history.has_totals[kind]).any()) for kind in range(len(history.sizes))]
    small = [kind for kind in range(len(history.sizes)) if history.sizes[kind] < SMALL and stands[kind]]
    for count in range(1, _TOGETHER + 1):
        for union in combinations(small, count):
            if history.sizes[list(union)].sum() < SMALL and projection[np.ix_(union, union)].sum() > count - 1e-6:
                return True
    return False


def _kept_out(asked: NDArray[np.bool_], has_totals: NDArray[np.bool_], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which kinds the guard keeps out; homes of a kind stand in the same figures."""
    cohorts = [_cohort(number) for number in range(len(asked))]
    totals = _cohort(len(asked))
    membership = {}
    for kind, size in enumerate(sizes):
        standing = frozenset(cohort for cohort, row in zip(cohorts, asked, strict=True) if row[kind])
        if has_totals[kind]:
            standing |= {totals}
        for home in range(size):
            membership[b"%d %d" % (kind, home)] = standing
    out = small_classes(membership, dict.fromkeys(cohorts, EXACT_GROUP))
    return np.array([b"%d 0" % kind in out for kind in range(len(sizes))])


def _cohort(number: int) -> Cohort:
    return Cohort(f"flow-{number}", "consumption", "sum", "aggregate", "day", "district", "0.001", "a", public=False)
