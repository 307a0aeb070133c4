"""Closing windows: ended windows of a recipient become figures, own totals, or are suppressed with a reason.

Called when a bundle is formed, never before, so that what is in force at release decides. Figures here are about no subject, from
the city's own devices: those about households come from tables of cells (``figures.close_tables``), and own totals of households
leave one by one. Nothing is changed here: ``gateway.core.release`` packs the outcomes, and accounts for those that fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from consent.core.disclosure import Identity
from gateway.core.figures.table import ClosedAs, Conditions, Figure, Suppressed, Totals, stand
from gateway.core.figures.values import figure
from gateway.core.windows.windows import Window


def close(windows: Iterable[Window], conditions: Conditions) -> Iterator[ClosedAs]:
    """Close ended windows of a recipient, each when it is asked for: no more than there is room for.

    Args:
        windows: Not changed.
        conditions: The terms and policies in force.
    Returns: The outcome of each window, in the same order.
    """
    return (_close(window, conditions) for window in windows)


def _close(window: Window, conditions: Conditions) -> ClosedAs:
    if window.cohort.identity != Identity.AGGREGATE.label:
        return Totals(window)
    row = stand(window, conditions)
    if not window.cohort.public:  # of an earlier version: nothing about households leaves in a figure of one window any more
        row = row.suppress("partial")
    return Figure(row, figure(window.cohort, row.values(), conditions.policies)) if row.members else Suppressed(row)
