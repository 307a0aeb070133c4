"""Tables of cells, filled at once, as the intake of a day's or week's readings would leave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import inf

from consent.core.disclosure import TOP, WINDOW_MS, Time
from consent.core.outcome import NEVER_MS
from consent.core.periods import Publish
from consent.core.policies.policy import PolicySet
from gateway.core.figures.draws import Slice
from gateway.core.figures.table import Conditions
from gateway.core.windows.cells import CellShape, CellTable
from gateway.core.windows.cohorts import Cohort
from gateway.core.windows.targets import Terms

WEEK_BEGAN_MS = 1_777_852_800_000
"""Monday 2026-05-04, midnight UTC."""

Rows = Sequence[Sequence[int]]
"""A household's cells in each, in first steps."""


def who(number: int) -> bytes:
    """Return a contributor."""
    return number.to_bytes(16, "big")


def terms(budget: float = inf, *, group: int = 1, since_ms: int = 0) -> Terms:
    """Return terms that grant a μ and demand a group."""
    return Terms(replace(TOP, budget=budget, group=group), since_ms, NEVER_MS, 0, ())


def no_noise(count: int, _variance: Fraction) -> list[int]:
    """Stand in for noise: none."""
    return [0] * count


def cohort_of(policies: PolicySet, flow: str, observed_property: str, *, cell: str = "north", time: str = "") -> Cohort:
    """Return a cohort of a flow: at its own level of time, unless another is said."""
    ask = policies.flows[flow].ask
    step = policies.properties[observed_property].rung(ask.step(observed_property))
    statistic = policies.flows[flow].statistic_of(observed_property)
    level = ("aggregate", time or ask.time.label, ask.space.label, f"{step:f}", cell)
    return Cohort(flow, observed_property, statistic, *level, public=False)


def cell_table(
    policies: PolicySet,
    cohort: Cohort,
    rows: Rows | Mapping[bytes, Sequence[int]],
    counts: Rows | None = None,
    *,
    start_ms: int = WEEK_BEGAN_MS,
) -> CellTable:
    """Return a table in which households stand, one for each row; one reading in each cell unless counts are given."""
    mechanism = policies.mechanisms[cohort.flow, cohort.observed_property]
    window_ms = WINDOW_MS[Time.named(cohort.time)] if mechanism.publish is Publish.WINDOW else mechanism.period.length_ms
    table = CellTable(cohort, CellShape(mechanism.quantity.cell_ms, mechanism.period, window_ms), start_ms)
    named = rows if isinstance(rows, Mapping) else {who(number): row for number, row in enumerate(rows)}
    for number, (contributor, row) in enumerate(named.items()):
        at = table.row(contributor)
        for cell, total in enumerate(row):
            table.add_sum(at + cell, total)
            table.add_count(at + cell, 1 if counts is None else counts[number][cell])
    return table


def whole(table: CellTable) -> Slice:
    """Return all of a table."""
    return Slice(table, 0, table.shape.cells)


def conditions(policies: PolicySet, held: Mapping[bytes, Terms] | Iterable[bytes] | None = None) -> Conditions:
    """Return conditions under which some contributors have terms, or all of them, of the usual kind."""
    usual = terms()
    if held is None:
        return Conditions(policies, lambda *_: usual, 0)
    known = held if isinstance(held, Mapping) else dict.fromkeys(held, usual)
    return Conditions(policies, lambda contributor, _: known.get(contributor), 0)
