"""What a restart would make of what a gateway in memory has committed, and what two memories are compared by."""

from __future__ import annotations

from typing import Any

from gateway.core import recovery
from gateway.core.changes import changes
from gateway.core.state import State
from gateway.core.windows.cells import CellTable
from tests.support.gate import Gate


def refolded(gate: Gate) -> State:
    """Return the memory that a restart would make of what was committed."""
    state = State(gate.state.identity)
    assert gate.state.force is not None
    changes.put_in_force(state, gate.state.force)
    fold = recovery.restore(state, gate.snapshot)
    gate.fold(fold)
    state.windows.advance(gate.state.windows.watermark_ms)  # a watermark that no reading follows is not written down
    return state


def standing(state: State) -> Any:
    """Return windows, tables, baselines and registers without their order."""
    watermark_ms, whole_since_ms, windows, series, counters, _, missed = state.windows.state()
    members = {(tuple(cohort), start_ms): dict(rows) for cohort, start_ms, _, rows in windows}
    baselines = {(tuple(row[0]), *row[1:]) for row in map(_hashable, series)}
    return watermark_ms, whole_since_ms, members, baselines, sorted(map(repr, counters)), rows_of(state), missed


def rows_of(state: State) -> dict[Any, Any]:
    """Return the tables' rows that hold anything: (cohort, beginning) → contributor → cell → (sum, count)."""
    return {
        key: rows
        for key, table in state.windows.tables.items()
        if (rows := {contributor: cells for contributor in table if (cells := _cells(table, contributor))})
    }


def pairs_standing(state: State) -> int:
    """Return how many pairs stand in windows and tables."""
    return sum(window.pairs() for window in state.windows) + sum(table.pairs() for table in state.windows.tables.values())


def _cells(table: CellTable, contributor: bytes) -> dict[int, tuple[int, int]]:
    sums, counts = table.cells_of(contributor)
    return {cell: (total, count) for cell, (total, count) in enumerate(zip(sums, counts, strict=True)) if total or count}


def _hashable(row: list[Any]) -> list[Any]:
    return [tuple(row[0]), *row[1:]]
