"""What bundles of totals and publications share: the terms in force at release, and what is guarded beside exact figures.

Pseudonymous totals count among what a household stands in (``gateway.core.figures.guard``). A guard is computed over a whole
day: so totals of a quantity of which some flow draws exact figures leave once their UTC day has ended, whatever their windows.
"""

from __future__ import annotations

from collections.abc import Iterator

from consent.core.periods import Period
from consent.core.policies.policy import PolicySet
from gateway.core.figures.guard import Singles, excluded_of
from gateway.core.figures.table import CohortsOf, Conditions, TermsOf
from gateway.core.plans import least_terms
from gateway.core.state import State
from gateway.core.windows.cells import CellTable
from gateway.core.windows.guards import GuardKey
from gateway.core.windows.targets import RecordTarget, Terms
from gateway.core.windows.windows import Cohort, Window, Windows


def terms_in_force(state: State, now_ms: int) -> TermsOf:
    """Return how to learn the terms of a contributor in a cohort, from the plans now in force."""

    def terms_of(contributor: bytes, cohort: Cohort) -> Terms | None:
        held = [
            target.terms
            for plan in state.by_contributor.get(contributor, ())
            for slot in plan.slots.values()
            for target in slot.targets
            if target.cohort == cohort and now_ms < target.terms.expires_ms
        ]
        return least_terms(held)

    return terms_of


def conditions_of(state: State, now_ms: int) -> Conditions:
    """Return what is in force at the moment of release."""
    terms_of = terms_in_force(state, now_ms)
    return Conditions(state.policies, terms_of, state.windows.whole_since_ms, _cohorts_in_force(state))


def _cohorts_in_force(state: State) -> CohortsOf:
    def cohorts_of(contributor: bytes, cohort: Cohort) -> int:
        plans = state.by_contributor.get(contributor, ())
        if len(plans) < 2:
            return 1
        flow, name = cohort.flow, cohort.observed_property
        standing = [target.cohort for plan in plans for target in plan.targets()]
        return max(1, len({each for each in standing if each.flow == flow and each.observed_property == name}))

    return cohorts_of


def guarded_flows(policies: PolicySet) -> dict[tuple[str, str], str]:
    """Return (flow, property) → quantity, of flows of exact figures, and of totals of those quantities of which there are any."""
    exact = {mechanism.quantity.id for mechanism in policies.mechanisms.values() if mechanism.is_exact}
    guarded: dict[tuple[str, str], str] = {}
    for flow in policies.flows.values():
        for name in flow.properties:
            quantity, mechanism = policies.quantity_of.get(name), policies.mechanisms.get((flow.id, name))
            gives_totals = mechanism is None and flow.statistic_of(name) != "" and policies.rests_on_consent(flow)
            if quantity is not None and quantity.id in exact and (gives_totals or (mechanism is not None and mechanism.is_exact)):
                guarded[flow.id, name] = quantity.id
    return guarded


def guard_of(windows: Windows, cohort: Cohort, start_ms: int) -> GuardKey | None:
    """Return the quantity and day by which figures or totals are guarded; None where nothing exact is drawn of the quantity."""
    quantity = None if cohort.public else windows.guarded.get((cohort.flow, cohort.observed_property))
    return None if quantity is None else GuardKey(quantity, Period.DAY.start_ms(start_ms))


def compute_guard(state: State, key: GuardKey, conditions: Conditions) -> frozenset[bytes]:
    """Return who may stand in no exact figure of a quantity and day, from all that waits of it."""
    tables = guarded_tables(state.windows, key)
    windows = guarded_windows(state.windows, key)
    return excluded_of(tables, windows, conditions, key.quantity, key.day_ms, singles_of(state, key.quantity))


def singles_of(state: State, quantity: str) -> Singles:
    """Return whose readings of a quantity leave one by one: an exact figure less those is about the others alone."""
    policies, singles = state.policies, dict[bytes, dict[Cohort, Terms]]()
    names = policies.quantities[quantity].properties
    if not any(
        flow.statistic_of(name) == "" and policies.rests_on_consent(flow)
        for flow in policies.flows.values()
        for name in flow.properties
        if name in names
    ):
        return singles
    for contributor, plans in state.by_contributor.items():
        for target in (target for plan in plans for target in plan.targets()):
            if isinstance(target, RecordTarget) and not target.cohort.public and target.cohort.observed_property in names:
                held, terms = singles.setdefault(contributor, {}), target.terms
                former = held.get(target.cohort, terms)
                held[target.cohort] = former if former.since_ms <= terms.since_ms else terms  # a new device ends no older one's
    return singles


def guarded_tables(windows: Windows, key: GuardKey) -> list[CellTable]:
    """Return the tables of exact figures that stand under a guard."""
    return [table for table in windows.tables.values() if guard_of(windows, table.cohort, table.start_ms) == key]


def guarded_windows(windows: Windows, key: GuardKey) -> list[Window]:
    """Return the windows of totals that stand under a guard."""
    return [window for window in windows if guard_of(windows, window.cohort, window.start_ms) == key]


def waiting_guards(windows: Windows) -> Iterator[GuardKey]:
    """Yield the guards of everything that waits: the others are needed no more."""
    for cohort, start_ms in (*windows.open, *windows.tables):
        if (key := guard_of(windows, cohort, start_ms)) is not None:
            yield key
