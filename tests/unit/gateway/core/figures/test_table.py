"""Rows: who stands in them, and what leaves with whom."""

from __future__ import annotations

from dataclasses import replace

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from gateway.core.figures.table import Conditions, stand
from gateway.core.windows.accumulators import new_contribution
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window
from tests.support.gate import HOUR_MS, MIDNIGHT_MS, town

POLICIES = town()
COHORT = Cohort("hourly", "consumption", "sum", "aggregate", "1h", "district", "0.001", "north", public=False)
TERMS = Terms(replace(TOP, group=1), 0, NEVER_MS, 0, ())


def window(*values: int) -> Window:
    """Return a window whose members, b"a", b"b" and so on, have put in one reading each, the last of them first."""
    made = Window(COHORT, MIDNIGHT_MS, MIDNIGHT_MS + HOUR_MS)
    for at, value in reversed(list(enumerate(values))):
        held = made.members[bytes([97 + at])] = new_contribution("sum", POLICIES.properties["consumption"].ladder[0])
        held.add(b"m", MIDNIGHT_MS, value)
    return made


def test_stand_members_in_their_order_whatever_the_order_of_arrival() -> None:
    """The order of records, and of parts in an opening, does not tell who reported first."""
    row = stand(window(1, 2, 3), Conditions(POLICIES, lambda *_: TERMS, 0))
    assert (list(row.members), row.values()) == ([b"a", b"b", b"c"], [1, 2, 3])


def test_suppress_counts_the_pairs_of_those_who_leave_with_their_reason() -> None:
    """Reasons add up, and the row that was is as it was."""
    row = stand(window(1, 2, 3), Conditions(POLICIES, lambda *_: TERMS, 0))
    some = row.suppress("k", [b"b"]).suppress("k", [b"a"])
    assert (list(some.members), some.suppressed) == ([b"c"], {"k": 2})
    assert some.suppress("partial").suppressed == {"k": 2, "partial": 1}
    assert (len(row.members), row.suppressed) == (3, {})
