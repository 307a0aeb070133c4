"""Slices: what time a part of a table is of."""

from __future__ import annotations

from consent.core.disclosure import DAY_MS
from consent.core.periods import Period
from gateway.core.figures.draws import Slice
from gateway.core.windows.cells import CellShape, CellTable
from gateway.core.windows.cohorts import Cohort

COHORT = Cohort("hourly", "consumption", "sum", "aggregate", "4h", "district", "0.001", "north", public=False)


def test_a_slice_spans_its_cells() -> None:
    """From the beginning of its first to the end of its last: a publication says of what time it is."""
    hour_ms = DAY_MS // 24
    table = CellTable(COHORT, CellShape(hour_ms, Period.DAY, 4 * hour_ms), 10 * DAY_MS)
    assert Slice(table, 4, 8).span_ms == (10 * DAY_MS + 4 * hour_ms, 10 * DAY_MS + 8 * hour_ms)
    assert Slice(table, 0, 24).span_ms == (10 * DAY_MS, 11 * DAY_MS)
