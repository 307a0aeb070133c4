"""Exact figures of a quantity and day: no noise, and for that at least so many homes, none of them most of it, and the guard.

All is decided for the whole day: who stands in it, how many, and the dominance rule with p = 100 % on the day's totals, so that
no hour's silence tells something. A window in which fewer have told something than the group is not told either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction

from consent.core.policies.quantity import Mechanism
from gateway.core.figures.draws import Closed, Draw, DrawnFigure, NoDraw, Slice
from gateway.core.figures.standing import Span, Standing, cells_a_window, stand_in
from gateway.core.figures.table import Conditions
from gateway.core.figures.values import shown, told
from gateway.core.figures.vectors import Measure, measure, row_of


def close_exact(
    part: Slice, mechanism: Mechanism, conditions: Conditions, missed: Sequence[Span], excluded: Collection[bytes] | None
) -> Closed:
    """Return the exact figures of a slice, or why there are none.

    Args:
        mechanism: One without μ.
        conditions: The terms and policies in force.
        missed: Of what spans readings may be lacking.
        excluded: Who stands in no exact figure of the quantity and day; None where somebody left after the first had been sent.
    """
    standing = stand_in(part, conditions, missed)
    standing, guarded = standing.without(() if excluded is None else excluded)
    suppressed = Counter(partial=standing.partial, guard=guarded)
    reason = _refused(standing, mechanism, conditions) if excluded is not None else "told"
    if reason or standing.is_struck_whole:
        suppressed[reason] += sum(standing.pairs.values())
        return NoDraw(part, standing.withdrawn, +suppressed)
    return _drawn(standing, mechanism, conditions, suppressed)


def least_homes(conditions: Conditions, flow: str) -> int:
    """Return how many homes an exact figure of a flow needs."""
    policies = conditions.policies
    return max(policies.limits.exact_group, policies.flows[flow].ask.group)


def _refused(standing: Standing, mechanism: Mechanism, conditions: Conditions) -> str:
    """Return why nothing of the day is told: `k` for too few homes, `p` where one made more than all but the two first; or ""."""
    part = standing.slice
    cohort = part.table.cohort
    if len(standing.members) < least_homes(conditions, cohort.flow):
        return "k"
    measured = measure(conditions.policies, cohort.observed_property, cohort.statistic, mechanism.quantity)
    totals = sorted(_day_total(standing, contributor, measured) for contributor in standing.members)
    largest, rest = totals[-1], sum(totals[:-2])
    return "p" if largest > rest else ""


def _day_total(standing: Standing, contributor: bytes, measured: Measure) -> int:
    """Return the size of what a home puts into the day, in first steps."""
    part = standing.slice
    sums, counts = row_of(part.table, contributor, part.first, part.last)
    cells = measured.cells(sums, counts)
    return sum(
        abs(cell + measured.centre)
        for number, (cell, n) in enumerate(zip(cells, counts, strict=True), part.first)
        if n and number not in standing.struck
    )


def _drawn(standing: Standing, mechanism: Mechanism, conditions: Conditions, suppressed: Counter[str]) -> Closed:
    part = standing.slice
    table, cohort = part.table, part.table.cohort
    prop = conditions.policies.properties[cohort.observed_property]
    measured = measure(conditions.policies, cohort.observed_property, cohort.statistic, mechanism.quantity)
    least, a_window = least_homes(conditions, cohort.flow), cells_a_window(part)
    pairs, struck, figures = dict(standing.pairs), set(standing.struck), list[DrawnFigure]()
    for begin in range(part.first, part.last, a_window):
        if begin in struck:
            continue
        held = {
            contributor: row_of(table, contributor, begin, begin + a_window)
            for contributor in standing.members
            if pairs[contributor]
        }
        present = {contributor: row for contributor, row in held.items() if any(row[1])}
        if len(present) < least:
            struck.update(range(begin, begin + a_window))
            for contributor, (_, counts) in present.items():
                pairs[contributor] -= sum(counts)
                suppressed["k"] += sum(counts)
            continue
        value = _value(list(present.values()), measured, cohort.statistic)
        begin_ms = table.start_ms + begin * table.shape.cell_ms
        span_ms = (begin_ms, begin_ms + a_window * table.shape.cell_ms)
        figures.append(DrawnFigure(span_ms, None, shown(value, prop.ladder[0], Decimal(cohort.step)), 0.0))
    members = {contributor: terms for contributor, terms in standing.members.items() if pairs[contributor]}
    if not figures:
        return NoDraw(part, standing.withdrawn, +suppressed)
    return Draw(
        slice=part,
        mechanism=mechanism,
        members=members,
        draws=1,
        told=told(len(members)),
        figures=tuple(figures),
        struck=tuple(sorted(struck)),
        pairs={contributor: pairs[contributor] for contributor in members},
        withdrawn=standing.withdrawn,
        suppressed=+suppressed,
    )


def _value(rows: list[tuple[Sequence[int], Sequence[int]]], measured: Measure, statistic: str) -> Fraction:
    """Return what the rows of those who are present in a window come to, in first steps."""
    if statistic == "count":
        return Fraction(sum(sum(counts) for _, counts in rows))
    if statistic != "mean":
        return Fraction(sum(sum(measured.cells(sums, counts)) for sums, counts in rows))
    by_divisor: Counter[int] = Counter()  # fractions are added by what they are divided by: a few, for thousands of homes
    for sums, counts in rows:
        told_in = sum(1 for n in counts if n)
        for total, n in zip(sums, counts, strict=True):
            if n:
                by_divisor[n * told_in] += _within(total, n, measured)
    return sum((Fraction(total, divisor) for divisor, total in by_divisor.items()), Fraction(0)) / len(rows)


def _within(total: int, n: int, measured: Measure) -> int:
    """Return n times a cell's mean, within the bounds."""
    if measured.low is None or measured.high is None:
        return total
    return min(max(total, n * (measured.centre + measured.low)), n * (measured.centre + measured.high))
