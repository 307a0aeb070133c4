"""What bundles of totals and publications share: the terms in force at release, and what is guarded beside exact figures.

Pseudonymous totals count among what a household stands in (``gateway.core.figures.guard``). A guard is computed over a whole
day: so totals of a quantity of which some flow draws exact figures leave once their UTC day has ended, whatever their windows.
"""

from __future__ import annotations

from collections.abc import Iterator

from consent.core.disclosure import Identity
from consent.core.periods import Period
from consent.core.policies.policy import PolicySet
from gateway.core.figures.guard import excluded_of
from gateway.core.figures.table import Conditions, TermsOf
from gateway.core.plans import least_terms
from gateway.core.state import State
from gateway.core.windows.cells import CellTable
from gateway.core.windows.guards import GuardKey
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window, Windows


def terms_in_force(state: State, now_ms: int) -> TermsOf:
    """Return how to learn the terms of a contributor in a cohort, from the plans now in force."""

    def terms_of(contributor: bytes, cohort: Cohort) -> Terms | None:
        held = [
            target.terms
            for plan in state.by_contributor.get(contributor, ())
            for target in plan.targets()
            if target.cohort == cohort and now_ms < target.terms.expires_ms
        ]
        return least_terms(held)

    return terms_of


def guard_of(policies: PolicySet, window: Window) -> GuardKey | None:
    """Return the quantity and day by which a window of totals is guarded; None where nothing exact is drawn beside it."""
    cohort = window.cohort
    quantity = policies.quantity_of.get(cohort.observed_property)
    if cohort.public or cohort.identity == Identity.AGGREGATE.label or quantity is None:
        return None
    if not any(each.is_exact and each.quantity.id == quantity.id for each in policies.mechanisms.values()):
        return None
    return GuardKey(quantity.id, Period.DAY.start_ms(window.start_ms))


def compute_guard(state: State, key: GuardKey, conditions: Conditions) -> frozenset[bytes]:
    """Return who may stand in no exact figure of a quantity and day, from all that waits of it."""
    tables = guarded_tables(state.windows, state.policies, key)
    return excluded_of(tables, guarded_windows(state.windows, state.policies, key), conditions, key.quantity, key.day_ms)


def guarded_tables(windows: Windows, policies: PolicySet, key: GuardKey) -> list[CellTable]:
    """Return the tables of exact figures that stand under a guard."""
    return [table for table in windows.tables.values() if guard_of_table(policies, table) == key]


def guard_of_table(policies: PolicySet, table: CellTable) -> GuardKey | None:
    """Return the quantity and day by which a table is guarded; None where its figures have noise."""
    mechanism = policies.mechanisms.get((table.cohort.flow, table.cohort.observed_property))
    return GuardKey(mechanism.quantity.id, table.start_ms) if mechanism is not None and mechanism.is_exact else None


def guarded_windows(windows: Windows, policies: PolicySet, key: GuardKey) -> list[Window]:
    """Return the windows of totals that stand under a guard."""
    return [window for window in windows if guard_of(policies, window) == key]


def waiting_guards(windows: Windows, policies: PolicySet) -> Iterator[GuardKey]:
    """Yield the guards of everything that waits: the others are needed no more."""
    for window in windows:
        if (key := guard_of(policies, window)) is not None:
            yield key
    for table in windows.tables.values():
        if (key := guard_of_table(policies, table)) is not None:
            yield key
