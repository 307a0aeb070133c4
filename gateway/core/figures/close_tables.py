"""Closing tables: all slices of one publication become draws of figures, or are suppressed with a reason.

Pure: nothing is changed here. It may run in a thread of its own over copies of the tables; ``gateway.core.release`` applies what
comes out if nothing has changed meanwhile. Called when a publication is formed, never before, so that who has left by then is in
none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consent.core.periods import Period
from gateway.core.figures.draws import Closed, NoDraw, Slice
from gateway.core.figures.exact import close_exact
from gateway.core.figures.gaussian import Noise
from gateway.core.figures.noisy import close_noisy
from gateway.core.figures.standing import Span
from gateway.core.figures.table import Conditions

Excluded = Mapping[tuple[str, int], frozenset[bytes] | None]
"""(quantity, day) → who stands in no exact figure of it; None where somebody left after the first was sent, and none is told."""


def close_tables(
    slices: Sequence[Slice], conditions: Conditions, missed: Sequence[Span], excluded: Excluded, noise: Noise
) -> list[Closed]:
    """Close the slices of one publication.

    Args:
        slices: Not changed.
        conditions: The terms and policies in force.
        missed: Of what spans readings may be lacking.
        excluded: For every quantity and day of which a slice is exact.
        noise: Gives the noise.
    Returns: What became of each slice, in the same order.
    """
    return [_close(part, conditions, missed, excluded, noise) for part in slices]


def _close(part: Slice, conditions: Conditions, missed: Sequence[Span], excluded: Excluded, noise: Noise) -> Closed:
    table = part.table
    mechanism = conditions.policies.mechanisms.get((table.cohort.flow, table.cohort.observed_property))
    if mechanism is None:  # the policies no longer have it: nobody has terms
        return NoDraw(part, table.pairs(part.first, part.last), {})
    if not mechanism.is_exact:
        return close_noisy(part, mechanism, conditions, missed, noise)
    assert mechanism.period is Period.DAY, "exact figures are of days"
    return close_exact(part, mechanism, conditions, missed, excluded[mechanism.quantity.id, table.start_ms])
