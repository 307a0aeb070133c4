"""Cohorts: their level is what records and the log write of them."""

from __future__ import annotations

from consent.core.outcome import Level
from gateway.core.windows.cohorts import Cohort


def test_level_is_written_without_flow_and_property() -> None:
    """Identity, time, space, step and cell, in that order."""
    cohort = Cohort("grid", "total", "delta", "aggregate", "1h", "district", "1", "north", public=False)
    assert cohort.level == Level("aggregate", "1h", "district", "1", "north")
