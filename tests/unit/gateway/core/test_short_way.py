"""The short way of a reading to where the last one of its slot went: it must come to what each target by itself would do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.errors import ConsentError
from gateway.core import pipeline
from gateway.core.windows.cells import MOST_STEPS
from gateway.core.windows.targets import CellTarget
from tests.support.gate import DAY_MS, HOUR_MS, LATENESS_MS, MIDNIGHT_MS, MINUTE_MS, Gate, reading

T = MIDNIGHT_MS

TOLD = st.tuples(st.integers(0, 2), st.integers(-2, 40), st.sampled_from([0.0, 0.3, 1.0, -2.5, 9e9]))
"""(household, quarter of an hour, kilowatt hours)"""
LIVES = st.lists(
    st.one_of(
        st.lists(TOLD, min_size=1, max_size=12),
        st.tuples(st.just("later"), st.integers(1, 30)),
        st.tuples(st.sampled_from(["withdraw", "grant"]), st.integers(0, 2)),
    ),
    max_size=12,
)


def lived(life: list[Any]) -> tuple[list[Any], dict[str, int], list[bytes]]:
    """Return what a life comes to: the windows and tables, the ledger, and what each commit stored in the journal."""
    gate = Gate()
    homes = gate.homes(3, "hourly", "daily")
    journal = []
    for step in life:
        match step:
            case ("later", int(hours)):
                gate.to(gate.now_ms + hours * HOUR_MS)
            case ("withdraw", int(home)):
                with suppress(ConsentError):  # it has already
                    gate.withdraw(homes[home], "hourly")
            case ("grant", int(home)):
                with suppress(ConsentError):
                    gate.grant(homes[home], "hourly")
            case _:
                gate.take(*(reading(homes[home], T + at * 15 * MINUTE_MS, kwh=kwh) for home, at, kwh in step))
        journal.append(gate.commit().journal)
    return gate.state.windows.state(), gate.state.ledger.totals, journal


@given(LIVES)
@settings(max_examples=15, deadline=None)
def test_short_way_comes_to_what_each_target_would_do(life: list[Any]) -> None:
    """Windows, cells, ledger and journal are the same bytes, whatever was withdrawn or has ended between two readings."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "destination_of", lambda *_: None)
        expected = lived(life)
    assert msgspec.msgpack.encode(lived(life)) == msgspec.msgpack.encode(expected)


def test_short_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reading of an hour asks the targets, the next does not."""
    asked: list[int] = []
    take = CellTarget.take

    def noted(self: CellTarget, t_ms: int, n: int) -> int:
        asked.append(t_ms)
        return take(self, t_ms, n)

    monkeypatch.setattr(CellTarget, "take", noted)
    gate = Gate()
    home = gate.home("hourly", "daily")
    gate.take(reading(home, T, kwh=1.0))
    first = len(asked)
    gate.take(reading(home, T + MINUTE_MS, kwh=1.0))
    assert (first > 0, len(asked)) == (True, first)
    gate.take(reading(home, T + HOUR_MS, kwh=1.0))
    assert len(asked) > first


def test_sum_beyond_the_integers_stays_at_the_most() -> None:
    """As where the target itself adds."""
    gate = Gate()
    home = gate.home("hourly", "daily")
    gate.take(*(reading(home, T + n, kwh=1.0) for n in range(2)))
    (table, *_) = gate.state.windows.tables.values()
    table.sums[table.rows[home.contributor]] = MOST_STEPS - 1
    gate.take(reading(home, T + 2, kwh=1000.0))
    assert table.sums[table.rows[home.contributor]] == MOST_STEPS


def test_short_way_ends_with_the_window() -> None:
    """What ends in between takes nothing more, though the reading before went there."""
    gate = Gate()
    home = gate.home("hourly", "daily")
    gate.take(reading(home, T, kwh=1.0))
    standing = gate.count("pairs.contributed")
    gate.to(T + DAY_MS + LATENESS_MS)
    gate.take(reading(home, T + MINUTE_MS, kwh=1.0))
    assert (gate.count("pairs.late"), gate.count("pairs.contributed")) == (standing, standing)
