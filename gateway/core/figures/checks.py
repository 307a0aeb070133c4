"""The chain of checks that every figure over subjects passes before anything is packed.

A check takes the table of all ended windows of a recipient, what was published before and what was spent, and returns the table
with the same rows, from which members may have been removed; it never sees a record, a bundle or the log. So a check may look at
one row (threshold, dominance) or across rows and at earlier figures. Rows without subjects pass unchecked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from consent.core.policies.policy import PolicySet
from gateway.core.figures.table import Figure, Row, Table

Published = Sequence[Figure]
"""Figures published before; combined with them, those of the table must not give anybody away."""

Spent = Mapping[tuple[bytes, str], Fraction]
"""(subject, quantity) → how much of the subject's privacy budget its figures have used."""

Check = Callable[[Table, Published, Spent], Table]
"""(table, published, spent) → the table, its rows in the same order, without members that may not be in it."""


def chain(policies: PolicySet) -> tuple[Check, ...]:
    """Return the checks that policies require, in the order in which they apply."""
    return (threshold,)


def threshold(table: Table, _published: Published, _spent: Spent) -> Table:
    """Keep in each row the most members whose demanded groups are all met: k distinct subjects."""
    return tuple(row if row.window.cohort.public else _largest_met(row) for row in table)


def _largest_met(row: Row) -> Row:
    """Check the largest demanded group first; members whose demand is not met leave, and the rest are checked again."""
    while row.members:
        demanded = max(terms.disclosure.group for terms in row.members.values())
        if len(row.members) >= demanded:
            break
        row = row.suppress("k", [c for c, terms in row.members.items() if terms.disclosure.group == demanded])
    return row


def dominance(share: float) -> Check:
    """Return the check that suppresses a row in which one member makes up more than ``share``."""
    limit = Fraction(str(share))

    def check(table: Table, _published: Published, _spent: Spent) -> Table:
        return tuple(row.suppress("share") if not row.window.cohort.public and _dominated(row, limit) else row for row in table)

    return check


def _dominated(row: Row, limit: Fraction) -> bool:
    """Return whether one member's value makes up more than the limit of the values that are combined, as bounded, by size.

    Of a mean those are the members' own means: one among many may still be most of it. An extreme is always one member's value.
    """
    if not row.members:
        return False
    if row.window.cohort.statistic in ("min", "max"):
        return True
    amounts = [value if value >= 0 else -value for value in row.values()]
    return max(amounts) > limit * sum(amounts)
