"""A publication's slices: each becomes what its flow's mechanism says, in its place, and nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from consent.core.policies.policy import PolicySet
from gateway.core.figures.close_tables import Excluded, close_tables
from gateway.core.figures.draws import Closed, Draw, NoDraw, Slice
from gateway.core.windows.cells import CellTable
from tests.support.cells import WEEK_BEGAN_MS, cell_table, cohort_of, conditions, no_noise, terms, who, whole
from tests.support.city import city

_ASK: dict[str, Any] = {"purpose": "planning", "recipient": "office", "identity": "aggregate", "space": "district"}
_ASK |= {"retention": 9, "time": "1h", "group": 4}


def town(*, noisy: bool = True) -> PolicySet:
    """Return a town with an exact flow, and a noisy one or none."""
    built = city().limits(exact_group=4).district("north").zone("mill", "north").measures("consumption", 0, 5).purpose("planning")
    built.recipient("office").quantity("electricity", "consumption", cell="1h", clip=10, presence=2)
    built.flow("exact", "consumption", statistic="sum", **_ASK)
    if noisy:
        built.flow("noisy", "consumption", statistic="sum", budget=2, **_ASK)
    return built.policies()


POLICIES = town()
UNGUARDED: Excluded = {("electricity", WEEK_BEGAN_MS): frozenset()}


def table(flow: str, homes: int = 5, cell: str = "north") -> CellTable:
    """Return a table of a flow."""
    cohort = cohort_of(POLICIES, flow, "consumption", cell=cell)
    return cell_table(POLICIES, cohort, [[100 + home] * 24 for home in range(homes)])


def close(*parts: Slice, excluded: Excluded = UNGUARDED, policies: PolicySet = POLICIES) -> list[Closed]:
    """Close slices without noise."""
    return close_tables(parts, conditions(policies), (), excluded, no_noise)


def test_each_slice_is_closed_by_its_flows_mechanism_in_its_place() -> None:
    few, exact, noisy = whole(table("exact", 3)), whole(table("exact")), whole(table("noisy", cell="south"))
    closed = close(few, noisy, exact)
    assert [one.slice for one in closed] == [few, noisy, exact]
    assert [type(one) for one in closed] == [NoDraw, Draw, Draw]
    errors = [{figure.standard_error for figure in one.figures} for one in closed if isinstance(one, Draw)]
    assert errors == [{5.0}, {0.0}]


def test_the_guard_binds_exact_figures_alone() -> None:
    guarded: Excluded = {("electricity", WEEK_BEGAN_MS): frozenset({who(0)})}
    exact, noisy = close(whole(table("exact")), whole(table("noisy")), excluded=guarded)
    assert isinstance(exact, Draw)
    assert isinstance(noisy, Draw)
    assert (who(0) in exact.members, who(0) in noisy.members) == (False, True)
    told: Excluded = {("electricity", WEEK_BEGAN_MS): None}
    exact, noisy = close(whole(table("exact")), whole(table("noisy")), excluded=told)
    assert isinstance(exact, NoDraw)
    assert (exact.suppressed, type(noisy)) == ({"told": 120}, Draw)


def test_an_exact_figure_without_a_word_of_the_guard_is_not_made() -> None:
    """Forgetting the guard is no way around it."""
    with pytest.raises(KeyError):
        close(whole(table("exact")), excluded={})


def test_a_flow_that_the_policies_no_longer_have_gives_nothing() -> None:
    """Its readings count as withdrawn: whoever permitted it permitted that flow."""
    (closed,) = close(whole(table("noisy")), policies=town(noisy=False))
    assert closed == NoDraw(closed.slice, 120, {})


def test_closing_changes_no_table() -> None:
    parts = [whole(table("exact")), whole(table("noisy"))]
    before = [(part.table.sums[:], part.table.counts[:], dict(part.table.rows)) for part in parts]
    missed = [(WEEK_BEGAN_MS, WEEK_BEGAN_MS + 1)]
    for _ in range(2):
        close_tables(parts, conditions(POLICIES, {who(1): terms()}), missed, UNGUARDED, no_noise)
    assert [(part.table.sums, part.table.counts, part.table.rows) for part in parts] == before


def test_nothing_ended_nothing_closed() -> None:
    assert close() == []
