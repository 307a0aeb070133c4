"""What bundles of totals and publications share: the terms in force at release, and what is guarded beside exact figures.

Pseudonymous totals count among what a household stands in (``gateway.core.figures.guard``). A guard is computed over a whole
day: so totals of a quantity of which some flow draws exact figures leave once their UTC day has ended, whatever their windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Stamp:
    """What must be as it was, for a part that was formed aside to be applied: plans, guards, and what was missed."""

    revision: int
    guards: int
    missed: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, state: State) -> Stamp:
        """Return the present one."""
        return cls(state.revision, state.windows.guards.fixed, tuple(state.windows.missed))


@dataclass(frozen=True, slots=True)
class Guarded:
    """A quantity and day of which exact figures are to be drawn, and what a guard is computed from where none is fixed.

    Attributes:
        excluded: Who stands in no exact figure; None where nobody may, or where it is still to be computed.
        is_fixed: Whether it need not be computed.
    """

    key: GuardKey
    is_fixed: bool
    excluded: frozenset[bytes] | None
    tables: Sequence[CellTable] = ()
    windows: Sequence[Window] = ()
    singles: Singles | None = None

    @property
    def rows(self) -> int:
        """Return how many rows and members it is computed from: what computing costs."""
        return sum(len(table.rows) for table in self.tables) + sum(len(window.members) for window in self.windows)

    def compute(self, conditions: Conditions) -> frozenset[bytes]:
        """Return who may stand in no exact figure of the quantity and day."""
        return excluded_of(self.tables, self.windows, conditions, self.key.quantity, self.key.day_ms, self.singles)


@dataclass(frozen=True, slots=True)
class GuardTask:
    """A guard that totals of a recipient wait for, and what it is computed from; nothing of it is changed meanwhile."""

    recipient: str
    guarded: Guarded
    conditions: Conditions
    stamp: Stamp

    @property
    def rows(self) -> int:
        """Return what computing costs, in rows."""
        return self.guarded.rows

    def compute(self) -> frozenset[bytes]:
        """Return who may stand in no exact figure; it may run in another thread."""
        return self.guarded.compute(self.conditions)

    def is_current(self, state: State) -> bool:
        """Return whether nothing has changed of what it is computed from."""
        return self.stamp == Stamp.of(state)


def terms_in_force(state: State, now_ms: int) -> TermsOf:
    """Return how to learn the terms of a contributor in a cohort, from the plans now in force."""

    def terms_of(contributor: bytes, cohort: Cohort) -> Terms | None:
        name, held = cohort.observed_property, list[Terms]()
        for plan in state.by_contributor.get(contributor, ()):
            slot = plan.slots.get(name)
            for target in () if slot is None else slot.targets:
                own = target.lane.cohort
                if (own is cohort or own == cohort) and now_ms < target.permission.expires_ms:
                    held.append(target.terms)  # no generator: it runs for every member
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


def guarded(state: State, key: GuardKey) -> Guarded:
    """Return the guard of a quantity and day, or else copies of all that waits of it."""
    guard = state.windows.guards.get(key)
    if guard is not None:
        return Guarded(key, True, None if guard.has_left else guard.excluded)
    tables = [table.ended() for table in guarded_tables(state.windows, key)]
    windows = [window.copy() for window in guarded_windows(state.windows, key)]
    return Guarded(key, False, None, tables, windows, singles_of(state, key.quantity))


def guard_task(state: State, recipient: str, key: GuardKey, now_ms: int) -> GuardTask:
    """Return what a guard is to be computed from, for totals of a recipient."""
    return GuardTask(recipient, guarded(state, key), conditions_of(state, now_ms), Stamp.of(state))


def compute_guard(state: State, key: GuardKey, conditions: Conditions) -> frozenset[bytes]:
    """Return who may stand in no exact figure of a quantity and day, from all that waits of it."""
    return guarded(state, key).compute(conditions)


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
