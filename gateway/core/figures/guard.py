"""The guard over a quantity's exact figures of a day: no combination of them is about fewer homes than a class holds.

Every exact figure is a sum over a set of homes, and every own total one over a single home. Homes that stand in the same sets,
over all flows and recipients, form a class: whatever sums and differences somebody makes of the figures, all homes of a class
enter with the same weight. So a home of which there are too few of its kind stands in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from consent.core.disclosure import DAY_MS, Identity
from gateway.core.figures.draws import Slice
from gateway.core.figures.exact import least_homes
from gateway.core.figures.standing import stand_in
from gateway.core.figures.table import Conditions, stand
from gateway.core.windows.cells import CellTable
from gateway.core.windows.windows import Cohort, Window

Membership = Mapping[bytes, frozenset[Cohort]]
"""contributor → in which exact figures and own totals of a quantity and day it stands."""


def excluded_of(
    tables: Iterable[CellTable], windows: Iterable[Window], conditions: Conditions, quantity: str, day_ms: int
) -> frozenset[bytes]:
    """Return who may stand in no exact figure of a quantity and day.

    Args:
        tables: All that are open, of all recipients.
        windows: Likewise; those whose homes' own totals leave one by one count.
        conditions: The terms and policies in force.
        quantity: Its id.
        day_ms: When the day begins.
    """
    policies = conditions.policies
    standing: dict[bytes, set[Cohort]] = {}
    for table in tables:
        cohort = table.cohort
        mechanism = policies.mechanisms.get((cohort.flow, cohort.observed_property))
        if mechanism is None or not mechanism.is_exact or mechanism.quantity.id != quantity or table.start_ms != day_ms:
            continue
        for contributor in stand_in(Slice(table, 0, table.shape.cells), conditions, ()).members:
            standing.setdefault(contributor, set()).add(cohort)
    properties = policies.quantities[quantity].properties
    for window in windows:
        cohort = window.cohort
        if (
            not cohort.public
            and cohort.identity != Identity.AGGREGATE.label
            and cohort.observed_property in properties
            and day_ms <= window.start_ms < day_ms + DAY_MS
        ):
            for contributor in stand(window, conditions).members:
                standing.setdefault(contributor, set()).add(cohort)
    least = {
        cohort: least_homes(conditions, cohort.flow)
        for cohorts in standing.values()
        for cohort in cohorts
        if cohort.identity == Identity.AGGREGATE.label
    }
    return small_classes({contributor: frozenset(cohorts) for contributor, cohorts in standing.items()}, least)


def small_classes(membership: Membership, least: Mapping[Cohort, int]) -> frozenset[bytes]:
    """Return the homes in classes that are smaller than some exact figure of theirs demands.

    Args:
        membership: In what each home stands.
        least: How many homes each exact cohort demands; own totals demand none.
    """
    classes: dict[frozenset[Cohort], list[bytes]] = {}
    for contributor, cohorts in membership.items():
        classes.setdefault(cohorts, []).append(contributor)
    return frozenset(
        contributor
        for cohorts, homes in classes.items()
        if len(homes) < max((least[cohort] for cohort in cohorts if cohort in least), default=0)
        for contributor in homes
    )
