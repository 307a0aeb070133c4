"""The chain of checks: what each takes out of a table, and that nothing gets lost or comes in on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from gateway.core.figures.checks import Check, Published, Spent, chain, dominance, threshold
from gateway.core.figures.close import check
from gateway.core.figures.table import Figure, Row, Table
from gateway.core.windows.accumulators import new_contribution
from gateway.core.windows.targets import Terms
from gateway.core.windows.windows import Cohort, Window
from tests.support.gate import HOUR_MS, MIDNIGHT_MS, town

POLICIES = town(("share = 1.0", "share = 0.5"))
COHORT = Cohort("hourly", "consumption", "sum", "aggregate", "1h", "district", "0.001", "north", public=False)

Member = tuple[int, int, int]
"""(number, demanded group, value in first steps)"""


def who(number: int) -> bytes:
    """Return a contributor."""
    return number.to_bytes(16, "big")


def row(members: Sequence[Member], cell: str = "north", *, hour: int = 0, public: bool = False) -> Row:
    """Return a row in which some members stand, each with two readings that come to its value."""
    begin_ms = MIDNIGHT_MS + hour * HOUR_MS
    window = Window(COHORT._replace(cell=cell, public=public), begin_ms, begin_ms + HOUR_MS)
    terms = {}
    for number, group, value in members:
        held = window.members[who(number)] = new_contribution("sum", POLICIES.properties["consumption"].ladder[0])
        held.add(b"m", begin_ms, value)
        held.add(b"m", begin_ms + 1, 0)
        terms[who(number)] = Terms(replace(TOP, group=group), 0, NEVER_MS, 0, ())
    return Row(window, terms)


def standing(table: Table) -> list[list[int]]:
    """Return the numbers of those who stand in each row."""
    return [[int.from_bytes(member, "big") for member in one.members] for one in table]


def rows_of(members: list[list[Member]], public: Sequence[bool] = ()) -> Table:
    """Return a table of rows, each in a cell of its own."""
    who_they_are = public or [False] * len(members)
    return tuple(row(own, f"cell {at}", public=who_they_are[at]) for at, own in enumerate(members))


members = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 6), st.integers(-9, 99)), max_size=9, unique_by=lambda member: member[0]
).map(sorted)
tables = st.lists(st.tuples(members, st.booleans()), max_size=6).map(
    lambda rows: rows_of([own for own, _ in rows], [public for _, public in rows])
)


# each check


def test_threshold_counts_subjects_and_not_their_readings() -> None:
    """Two who put in four readings are two."""
    (left,) = threshold((row([(1, 3, 5), (2, 1, 5)]),), (), {})
    assert standing((left,)) == [[2]]
    assert left.suppressed == {"k": 2}


def test_threshold_judges_each_row_by_those_who_stand_in_it() -> None:
    """That there are enough next door helps nobody."""
    table = rows_of([[(1, 2, 5)], [(1, 2, 5), (2, 2, 5)], []])
    assert standing(threshold(table, (), {})) == [[], [1, 2], []]


@pytest.mark.parametrize(("share", "left"), [(0.5, []), (0.6, [1, 2, 3])])
def test_dominance_nobody_is_more_than_the_share(share: float, left: list[int]) -> None:
    """With 6 of 10 from one home the row goes whole at a share of 0.5, and stays at 0.6."""
    assert standing(dominance(share)((row([(1, 1, 6), (2, 1, 2), (3, 1, 2)]),), (), {})) == [left]


def test_dominance_looks_at_bounded_values() -> None:
    """A home that claims a million makes up no more of the figure than its bound does."""
    bounded = replace(row([(1, 1, 1_000), (2, 1, 5), (3, 1, 5)]), clamp=(0, 5))
    assert standing(dominance(0.5)((bounded,), (), {})) == [[1, 2, 3]]


# the chain


def test_chain_dominance_follows_the_threshold() -> None:
    """Those who left for want of a group hide nobody's share: one of the two who stay has 9 of 10."""
    table = (row([(1, 1, 9), (2, 1, 1), (3, 9, 90)]),)
    (left,) = check(table, chain(POLICIES), (), {})
    assert (standing((left,)), left.suppressed) == ([[]], {"k": 2, "share": 4})


@given(tables)
def test_chain_keeps_every_row_in_its_place_and_loses_no_pair(table: Table) -> None:
    """Whatever stands in a table: each pair is with a member that stays, or suppressed with a reason; nobody comes in."""
    left = check(table, chain(POLICIES), (), {})
    assert [one.window for one in left] == [one.window for one in table]
    for before, after in zip(table, left, strict=True):
        assert list(after.members) == [member for member in before.members if member in after.members]
        assert after.pairs(after.members) + sum(after.suppressed.values()) == before.window.pairs()


@given(tables)
def test_chain_those_who_stay_satisfy_every_check(table: Table) -> None:
    """Of what is left, about subjects, every demanded group is met and nobody makes up more than the share."""
    for left in check(table, chain(POLICIES), (), {}):
        if left.window.cohort.public:
            continue
        assert all(terms.disclosure.group <= len(left.members) for terms in left.members.values())
        amounts = [abs(Fraction(value)) for value in left.values()]
        assert all(amount <= sum(amounts) / 2 for amount in amounts)


@given(tables)
def test_chain_leaves_data_about_nobody_alone(table: Table) -> None:
    """Rows of the city's own devices come out as they went in."""
    left = check(table, chain(POLICIES), (), {})
    assert [one for one in left if one.window.cohort.public] == [one for one in table if one.window.cohort.public]


@given(tables)
def test_chain_changes_no_table_that_it_is_given(table: Table) -> None:
    """The checks are pure: the same table gives the same again, and stands as it stood."""
    before = [(dict(one.members), dict(one.suppressed), one.window.pairs()) for one in table]
    assert check(table, chain(POLICIES), (), {}) == check(table, chain(POLICIES), (), {})
    assert [(dict(one.members), dict(one.suppressed), one.window.pairs()) for one in table] == before


# what a check may look at


def first_differing(table: Table, published: Published, _spent: Spent) -> Table:
    """Suppress a row whose members are, but for one, those of a figure that has left or of a row before it."""
    seen = [figure.row.members.keys() for figure in published]
    checked = []
    for one in table:
        one_off = any(len(one.members.keys() ^ former) == 1 for former in seen)
        checked.append(one.suppress("guard") if one_off else one)
        seen.append(checked[-1].members.keys())
    return tuple(checked)


def unspent(table: Table, _published: Published, spent: Spent) -> Table:
    """Suppress those who have spent what they may."""
    return tuple(one.suppress("spent", [c for c in one.members if spent.get((c, "electricity"), 0) >= 1]) for one in table)


def test_check_across_rows_of_one_release() -> None:
    """A check sees all rows together: the second of two that differ by one home goes."""
    table = rows_of([[(1, 1, 5), (2, 1, 5), (3, 1, 5)], [(1, 1, 5), (2, 1, 5)], [(4, 1, 5), (5, 1, 5)]])
    assert standing(check(table, [threshold, first_differing], (), {})) == [[1, 2, 3], [], [4, 5]]


def test_check_sees_what_was_published_and_spent() -> None:
    """A check sees figures that have left, and what a subject has spent; later checks see what earlier ones left."""
    left_before = Figure(row([(1, 1, 5), (2, 1, 5)]), 0.01)
    table = (row([(1, 1, 5), (2, 1, 5), (3, 1, 5)], hour=1),)
    assert standing(check(table, [first_differing], [left_before], {})) == [[]]
    spent = {(who(3), "electricity"): Fraction(1)}
    checks: list[Check] = [unspent, first_differing]
    assert standing(check(table, checks, [left_before], spent)) == [[1, 2]]
