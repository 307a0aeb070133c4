"""Exact figures of a quantity and day: no noise, and for that at least so many homes, none of them most of it, and the guard.

All is decided for the whole day: who stands in it, how many, and the dominance rule with p = 100 % on the day's totals, so that
no hour's silence tells something. A window with a cell in which some, but fewer than the group, have told something is not told
either: nor a coarser one around it, since less the hours beside it that would be the same.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from consent.core.policies.quantity import Mechanism
from gateway.core.figures.draws import Closed, Draw, DrawnFigure, NoDraw, Slice
from gateway.core.figures.standing import SliceMembers, Span, cells_a_window, stand_in
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
    standing, guarded = stand_in(part, conditions, missed).without(excluded or ())
    suppressed = Counter(partial=standing.partial, guard=guarded)
    reason, homes = "told", _Homes([], array("B"), [])
    if excluded is not None:
        homes = _homes(standing, mechanism, conditions)
        reason = _refused(homes, least_homes(conditions, part.table.cohort.flow))
    if reason:
        suppressed[reason] += sum(standing.pairs)
        return NoDraw(part, standing.withdrawn, +suppressed)
    return _closed(standing, homes, mechanism, conditions, suppressed)


def least_homes(conditions: Conditions, flow: str) -> int:
    """Return how many homes an exact figure of a flow needs."""
    policies = conditions.policies
    return max(policies.limits.exact_group, policies.flows[flow].ask.group)


@dataclass(frozen=True, slots=True)
class _Homes:
    """What the members of a slice have told, in their order.

    Attributes:
        values: Of each home, cell by cell, its value in first steps; of means, the sum of the cell's readings; both clamped.
        counts: How many readings are in each cell, home after home; 0 in cells that are struck.
        day: How much each has put into the day.
    """

    values: list[Sequence[int]]
    counts: array[int]
    day: list[int]


def _homes(standing: SliceMembers, mechanism: Mechanism, conditions: Conditions) -> _Homes:
    part, struck = standing.slice, [cell - standing.slice.first for cell in standing.struck]
    cohort = part.table.cohort
    measured = measure(conditions.policies, cohort.observed_property, cohort.statistic, mechanism.quantity)
    homes = _Homes([], array(part.table.counts.typecode), [])
    for contributor in standing.members:
        sums, counts = row_of(part.table, contributor, part.first, part.last)
        for cell in struck:
            sums[cell] = counts[cell] = 0
        cells = measured.cells(sums, counts)
        homes.values.append(_bounded(sums, counts, measured) if measured.is_mean else cells)
        homes.counts.extend(counts)
        if cohort.statistic == "count":
            homes.day.append(sum(counts))
        elif measured.is_mean:
            homes.day.append(sum([abs(cell + measured.centre) for cell, n in zip(cells, counts, strict=True) if n]))
        else:
            homes.day.append(sum(map(abs, cells)))
    return homes


def _bounded(sums: Sequence[int], counts: Sequence[int], measured: Measure) -> Sequence[int]:
    """Return the sums of readings such that each cell's mean lies within the bounds."""
    if measured.low is None or measured.high is None:
        return sums
    low, high = measured.centre + measured.low, measured.centre + measured.high
    return [min(max(total, n * low), n * high) for total, n in zip(sums, counts, strict=True)]


def _refused(homes: _Homes, least: int) -> str:
    """Return why nothing of the day is told: `k` for too few homes, `p` where one made more than all but the two first; or ""."""
    if len(homes.day) < least:
        return "k"
    totals = sorted(homes.day)
    return "p" if totals[-1] > sum(totals[:-2]) else ""


def _closed(
    standing: SliceMembers, homes: _Homes, mechanism: Mechanism, conditions: Conditions, suppressed: Counter[str]
) -> Draw | NoDraw:
    part, table, cohort = standing.slice, standing.slice.table, standing.slice.table.cohort
    first_step, least = conditions.policies.properties[cohort.observed_property].ladder[0], least_homes(conditions, cohort.flow)
    a_window, figures, struck = cells_a_window(part), list[DrawnFigure](), set(standing.struck)
    pairs = standing.pairs
    for at in range(0, part.last - part.first, a_window):
        if part.first + at in standing.struck:
            continue
        counts = [homes.counts[cell :: part.last - part.first] for cell in range(at, at + a_window)]
        readings: Sequence[int] = counts[0] if a_window == 1 else [sum(each) for each in zip(*counts, strict=True)]
        present = len(readings) - readings.count(0)
        if present < least or any(0 < len(each) - each.count(0) < least for each in counts):
            struck.update(range(part.first + at, part.first + at + a_window))
            pairs = [n - taken for n, taken in zip(pairs, readings, strict=True)]
            suppressed["k"] += sum(readings)
            continue
        value = _value(_columns(homes.values, at, a_window), counts, present, cohort.statistic)
        told_value = int(value) if cohort.statistic == "count" else shown(value, first_step, Decimal(cohort.step))
        begin_ms = table.start_ms + (part.first + at) * table.shape.cell_ms
        figures.append(DrawnFigure((begin_ms, begin_ms + a_window * table.shape.cell_ms), None, told_value, 0.0))
    if not figures:
        return NoDraw(part, standing.withdrawn, +suppressed)
    members = {contributor: terms for (contributor, terms), n in zip(standing.members.items(), pairs, strict=True) if n}
    return Draw(
        slice=part,
        mechanism=mechanism,
        members=members,
        draws=1,
        told=told(len(members)),
        figures=tuple(figures),
        struck=tuple(sorted(struck)),
        pairs=[n for n in pairs if n],
        withdrawn=standing.withdrawn,
        suppressed=+suppressed,
    )


def _columns(rows: Sequence[Sequence[int]], first: int, cells: int) -> Iterator[list[int]]:
    """Yield what all homes have in each of some cells, of which all at once would take more than the rows."""
    for cell in range(first, first + cells):
        yield [row[cell] for row in rows]


def _value(values: Iterable[Sequence[int]], counts: Sequence[Sequence[int]], present: int, statistic: str) -> Fraction:
    """Return what the cells of a window come to, in first steps: for each cell, the values and counts of all homes."""
    if statistic == "count":
        return Fraction(sum(map(sum, counts)))
    if statistic != "mean":
        return Fraction(sum(map(sum, values)))
    by_divisor: dict[int, int] = {}  # fractions are added by what they are divided by: a few, for thousands of homes
    told_in: Sequence[int] = [sum(map(bool, each)) for each in zip(*counts, strict=True)] if len(counts) > 1 else ()
    for totals, readings in zip(values, counts, strict=True):
        for total, n, of in zip(totals, readings, told_in or readings, strict=True):
            if n:
                divisor = n * of if told_in else n
                by_divisor[divisor] = by_divisor.get(divisor, 0) + total
    return sum((Fraction(total, divisor) for divisor, total in by_divisor.items()), Fraction(0)) / present
