"""Closing windows: all ended windows of a recipient at once become figures, or are suppressed with a reason.

Called when a bundle is formed, never before, so that each check uses what is in force at release. The order is fixed:
members without terms leave, then the chain of checks runs; what remains of a row gives the figure. Nothing is changed
here: ``gateway.core.release`` packs the outcomes, and accounts for those that fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from consent.core.disclosure import Identity
from gateway.core.figures.checks import Check, Published, Spent, chain
from gateway.core.figures.table import ClosedAs, Conditions, Figure, Row, Suppressed, Table, Totals, stand
from gateway.core.figures.values import figure
from gateway.core.windows.windows import Window


def close(
    windows: Sequence[Window], conditions: Conditions, published: Published = (), spent: Spent | None = None
) -> list[ClosedAs]:
    """Close all ended windows of a recipient.

    Args:
        windows: Not changed.
        conditions: The terms and policies in force.
        published: The figures published before.
        spent: The privacy budget that they have used.
    Returns: The outcome of each window, in the same order.
    """
    table = tuple(stand(window, conditions) for window in windows if _gives_one_figure(window))
    checked = check(table, chain(conditions.policies), published, spent or {})
    rows = {row.window.key: row for row in checked}
    return [_outcome(rows[window.key], conditions) if _gives_one_figure(window) else Totals(window) for window in windows]


def check(table: Table, checks: Iterable[Check], published: Published, spent: Spent) -> Table:
    """Return the table after a chain of checks."""
    for one in checks:
        table = one(table, published, spent)
    return table


def _gives_one_figure(window: Window) -> bool:
    return window.cohort.identity == Identity.AGGREGATE.label


def _outcome(row: Row, conditions: Conditions) -> Figure | Suppressed:
    if not row.members:
        return Suppressed(row)
    return Figure(row, figure(row.window.cohort, row.values(), conditions.policies))
