"""The guard over a quantity's exact figures of a day: no combination of them is about fewer homes than a class holds.

Every exact figure is a sum over a set of homes, and every own total or record one over a single home. Homes that stand in the
same sets, over all flows and recipients, form a class: whatever sums and differences somebody makes of the figures, all homes of
a class enter with the same weight. So a home of which there are too few of its kind stands in none of them. Homes stand in the
same sets only where they do so hour by hour: one that tells an hour to one flow and not to another is of another kind.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from consent.core.disclosure import DAY_MS, Identity
from gateway.core.figures.draws import Slice
from gateway.core.figures.exact import least_homes
from gateway.core.figures.standing import stand_in
from gateway.core.figures.table import Conditions, stand
from gateway.core.windows.cells import CellTable
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window

Membership = Mapping[bytes, frozenset[Cohort]]
"""contributor → in which exact figures and own totals of a quantity and day it stands."""


Singles = Mapping[bytes, Mapping[Cohort, Terms]]
"""contributor → by which flows its readings of a quantity leave one by one, and under which terms."""


def excluded_of(
    tables: Iterable[CellTable],
    windows: Iterable[Window],
    conditions: Conditions,
    quantity: str,
    day_ms: int,
    singles: Singles | None = None,
) -> frozenset[bytes]:
    """Return who may stand in no exact figure of a quantity and day.

    Args:
        tables: All that are open, of all recipients.
        windows: Likewise; those whose homes' own totals leave one by one count.
        conditions: The terms and policies in force.
        quantity: Its id.
        day_ms: When the day begins.
        singles: Whose readings leave one by one.
    """
    policies = conditions.policies
    cell_ms = policies.quantities[quantity].cell_ms
    told: dict[bytes, dict[Cohort, int]] = {}  # in which cells of the day, a bit each, each stands by each cohort
    for table in tables:
        cohort = table.cohort
        mechanism = policies.mechanisms.get((cohort.flow, cohort.observed_property))
        if mechanism is None or not mechanism.is_exact or mechanism.quantity.id != quantity or table.start_ms != day_ms:
            continue
        for contributor in stand_in(Slice(table, 0, table.shape.cells), conditions, ()).members:
            counts = table.cells_of(contributor)[1]
            told.setdefault(contributor, {})[cohort] = int("".join(["1" if n else "0" for n in reversed(counts)]), 2)
    properties = policies.quantities[quantity].properties
    for window in windows:
        cohort = window.cohort
        if (
            not cohort.public
            and cohort.identity != Identity.AGGREGATE.label
            and cohort.observed_property in properties
            and day_ms <= window.start_ms < day_ms + DAY_MS
        ):
            cells = _cells(window.start_ms - day_ms, window.end_ms - day_ms, cell_ms)
            for contributor, terms in stand(window, conditions).members.items():
                held = told.setdefault(contributor, {})
                held[cohort] = held.get(cohort, 0) | cells & _since(terms, day_ms, cell_ms)
    for contributor, cohorts in (singles or {}).items():
        for cohort, terms in cohorts.items():
            if terms.since_ms < day_ms + DAY_MS:
                told.setdefault(contributor, {})[cohort] = _since(terms, day_ms, cell_ms)
    least = {
        cohort: least_homes(conditions, cohort.flow)
        for held in told.values()
        for cohort in held
        if cohort.identity == Identity.AGGREGATE.label
    }
    apart = {contributor: _apart(held) for contributor, held in told.items() if len(held) > 1}
    return small_classes({contributor: frozenset(held) for contributor, held in told.items()}, least, apart)


def _cells(from_ms: int, until_ms: int, cell_ms: int) -> int:
    """Return the cells that a span of the day touches, a bit each."""
    first, last = from_ms // cell_ms, -(-min(until_ms, DAY_MS) // cell_ms)
    return (1 << last) - (1 << first) if last > first else 0


def _since(terms: Terms, day_ms: int, cell_ms: int) -> int:
    """Return the cells of the day that lie wholly under some terms, a bit each."""
    return _cells(-(-max(terms.since_ms - day_ms, 0) // cell_ms) * cell_ms, DAY_MS, cell_ms)


def _apart(held: Mapping[Cohort, int]) -> Hashable:
    """Return in what a home's cohorts differ: those of the cells that it tells in exact figures that each does without."""
    figures = 0
    for cohort, cells in held.items():
        if cohort.identity == Identity.AGGREGATE.label:
            figures |= cells
    return frozenset((cohort, lacking) for cohort, cells in held.items() if (lacking := figures & ~cells))


def small_classes(
    membership: Membership, least: Mapping[Cohort, int], apart: Mapping[bytes, Hashable] | None = None
) -> frozenset[bytes]:
    """Return the homes in classes that are smaller than some exact figure of theirs demands.

    Args:
        membership: In what each home stands.
        least: How many homes each exact cohort demands; own totals demand none.
        apart: What besides tells homes apart that stand in the same.
    """
    classes: dict[tuple[frozenset[Cohort], Hashable], list[bytes]] = {}
    nothing: Hashable = frozenset()
    for contributor, cohorts in membership.items():
        classes.setdefault((cohorts, (apart or {}).get(contributor, nothing)), []).append(contributor)
    return frozenset(
        contributor
        for (cohorts, _), homes in classes.items()
        if len(homes) < max((least[cohort] for cohort in cohorts if cohort in least), default=0)
        for contributor in homes
    )
