"""What a bundle adds: by flow and owner, and of single readings of the city's own sensors the hour."""

from __future__ import annotations

import pytest

from gateway.audit.log.payloads import ReleasedDraw, ReleasePayload, ReleaseRecord
from gateway.core.public.bundle import bundle_tally, note_reading
from gateway.core.public.tally import HOUR_MS, FlowKey, FlowTally, HourTally, Mean, SeriesKey
from gateway.core.windows.cohorts import Cohort

LEVEL = ("exact", "block", "0.1")
SPAN = (0, 0)


def record(flow: str, identity: str = "per-record", n: int = 1, *, is_own: bool = True) -> ReleaseRecord:
    """Return what an entry states of a record."""
    usual = ReleaseRecord(flow, LEVEL, "mill", SPAN, n, identity, "LAeq")
    return ReleaseRecord(flow, LEVEL, "mill", SPAN, n, identity, "LAeq", owner="city") if is_own else usual


def draw(told: int, records: int, n: int = 40) -> ReleasedDraw:
    """Return what an entry states of a draw."""
    period, span = "day", (0, 24 * HOUR_MS)
    return ReleasedDraw("f", LEVEL, "north", "LAeq", "mean", period, span, "gaussian", "1", 1, "75", "10", told, records, (), n)  # type: ignore[arg-type]


def test_bundle_counts_once_for_each_flow_in_it() -> None:
    """However many levels of identity its records have; and nobody takes a home's for the city's own."""
    records = (record("a"), record("a", n=3), record("b", is_own=False), record("b", "per-epoch", 5, is_own=False))
    tally = bundle_tally(ReleasePayload("office", records), 7, {})
    assert tally.flows == {
        FlowKey("a", "office", "city", "per-record"): FlowTally(1, 2, 4, 7, {}),
        FlowKey("b", "office", "resident", "per-record"): FlowTally(1, 1, 1, 7, {}),
        FlowKey("b", "office", "resident", "per-epoch"): FlowTally(0, 1, 5, 7, {}),
    }


@pytest.mark.parametrize("is_home_first", [True, False])
def test_exact_number_of_bundles_does_not_tell_that_a_home_spoke_in_one(is_home_first: bool) -> None:
    """A bundle that holds both counts as one about nobody, in whatever order: those are told as they are."""
    records = [record("a"), record("a", "per-epoch", is_own=False)]
    tally = bundle_tally(ReleasePayload("office", tuple(reversed(records) if is_home_first else records)), 7, {})
    assert {(key.owner, flow.bundles) for key, flow in tally.flows.items()} == {("city", 1), ("resident", 0)}


def test_figures_are_counted_by_what_was_told() -> None:
    """Each record of a draw states the same; a draw that gave none counts for nothing."""
    tally = bundle_tally(ReleasePayload("office", (), (draw(20, 24), draw(25, 3), draw(20, 1), draw(50, 0))), 7, {})
    assert tally.flows == {FlowKey("f", "office", "resident", "aggregate"): FlowTally(1, 28, 120, 7, {20: 25, 25: 3})}


@pytest.mark.parametrize(
    ("space", "span_ms", "counts"),
    [
        ("block", (HOUR_MS, HOUR_MS), True),
        ("exact", (HOUR_MS, 2 * HOUR_MS), True),
        ("block", (HOUR_MS - 1, HOUR_MS + 1), False),
        ("block", (0, 4 * HOUR_MS), False),
        ("district", (HOUR_MS, HOUR_MS), False),
        ("city", (HOUR_MS, HOUR_MS), False),
    ],
)
def test_reading_counts_where_its_record_tells_zone_and_hour(space: str, span_ms: tuple[int, int], counts: bool) -> None:
    """The public is not told more finely than the recipient was."""
    hours: dict[int, HourTally] = {}
    cohort = Cohort("a", "LAeq", "", "per-record", "exact", space, "0.1", "mill", public=True)
    note_reading(hours, cohort, span_ms, 605)
    note_reading(hours, cohort, span_ms, 595)
    assert hours == ({1: HourTally({SeriesKey("a", "mill", "LAeq", "0.1"): Mean(2, 1200)})} if counts else {})
