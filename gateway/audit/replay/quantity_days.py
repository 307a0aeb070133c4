"""Exact figures held against each other: who stands in all that was told exactly of a quantity and day, over all recipients.

Whoever has two exact figures knows their difference: what is told of those who stand in the one and not in the other. So the
homes with equal membership over the exact figures and the pseudonymous totals of a quantity's day form a class, and no class that
stands in an exact figure is smaller than the policies' `exact_group`. The gateway sees to that before anything leaves; who
leaves afterwards would be a class of their own, so what remains of that day is not told. Here the classes are counted from the
parts, once a day's figures have had time to leave. That no member makes up most of a figure is decided on values, which no log
holds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from consent.core.disclosure import DAY_MS

SETTLED_MS: Final = 2 * DAY_MS
"""How long after its end a day's classes are counted: figures and totals for different recipients leave at different times."""


class ToldCohort(NamedTuple):
    """Whose data were told together, or, in totals, in the same way."""

    flow: str
    property: str
    level: tuple[str, str, str]
    cell: str
    is_exact: bool


class LateFinding(NamedTuple):
    """Something wrong with a release that shows only with later ones."""

    release: int
    problem: str


@dataclass(slots=True)
class _Told:
    """What one release tells of a quantity's day."""

    cohort: ToldCohort
    subjects: tuple[bytes, ...]
    erased: int


@dataclass(slots=True)
class _QuantityDay:
    """What was told exactly of a quantity on a day.

    Attributes:
        least: The smallest class that policies have permitted while it was told.
        releases: By log index.
        changes: How many changes of consent and residents there had been when the latest was made.
        left: Subjects that had something told, and changed what they permit while the rest was not told yet.
    """

    least: int
    releases: defaultdict[int, list[_Told]] = field(default_factory=lambda: defaultdict(list))
    changes: int = 0
    left: set[bytes] = field(default_factory=set)


class QuantityDays:
    """Takes what is told exactly in a log's order.

    Args:
        changed: The subjects that have changed what they permit, in the log's order; grows as the log is read.
    """

    def __init__(self, changed: list[bytes]) -> None:
        self._changed = changed
        self._days: dict[tuple[str, int], _QuantityDay] = {}
        self._of: dict[int, set[tuple[str, int]]] = {}

    def take(
        self, index: int, quantity: str, day_ms: int, least: int, cohort: ToldCohort, subjects: Collection[bytes], erased: int
    ) -> None:
        """Take what a release tells of a quantity on a day: an exact draw, or a total."""
        day = self._days.get((quantity, day_ms))
        if day is None:
            day = self._days[quantity, day_ms] = _QuantityDay(least, changes=len(self._changed))
        day.least = min(day.least, least)
        if len(self._changed) > day.changes:
            changed = set(self._changed[day.changes :])
            day.left |= {one for told in day.releases.values() for each in told for one in changed.intersection(each.subjects)}
            day.changes = len(self._changed)
        day.releases[index].append(_Told(cohort, tuple(subjects), erased))
        self._of.setdefault(index, set()).add((quantity, day_ms))

    def void(self, index: int) -> None:
        """Void a release: nobody had what it told."""
        for key in self._of.pop(index, ()):
            if (day := self._days.get(key)) is not None:
                day.releases.pop(index, None)

    def settle(self, now_ms: int) -> Iterator[LateFinding]:
        """Yield what is wrong with the days of which all has left by an entry's time, and forget those."""
        for key in [key for key in self._days if key[1] + DAY_MS + SETTLED_MS <= now_ms]:
            yield from _small_classes(*key, self._days.pop(key))


def _small_classes(quantity: str, day_ms: int, day: _QuantityDay) -> Iterator[LateFinding]:
    cohorts: dict[ToldCohort, int] = {}  # the bit of each in a home's membership
    standing: defaultdict[bytes, int] = defaultdict(int)
    erased: Counter[int] = Counter()
    latest: dict[int, int] = {}
    exact = 0
    for index in sorted(day.releases):
        for told in day.releases[index]:
            bit = cohorts.setdefault(told.cohort, 1 << len(cohorts))
            exact |= bit if told.cohort.is_exact else 0
            erased[bit] += told.erased
            latest[bit] = index
            for subject in told.subjects:
                standing[subject] |= bit
    classes: defaultdict[int, list[bytes]] = defaultdict(list)
    for subject, membership in standing.items():
        classes[membership].append(subject)
    for membership, subjects in classes.items():
        bits = [bit for bit in latest if bit & membership & exact]
        if not bits or len(subjects) + min(erased[bit] for bit in bits) >= day.least:
            continue
        date = datetime.fromtimestamp(day_ms / 1000, UTC).date()
        problem = (
            f"`{len(subjects)}` subjects stand, on {date}, in the same figures and totals of `{quantity}` as nobody else, "
            f"where at least `{day.least}` have to stand alike"
        )
        if left := day.left.intersection(subjects):
            problem += f"; `{len(left)}` of them left after a part of that day was told, and the rest was told nevertheless"
        yield LateFinding(max(latest[bit] for bit in bits), problem)
