"""What is done for a whole batch at once comes to what each of its frames by itself would come to."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.errors import ConsentError
from tests.support.gate import HOUR_MS, MIDNIGHT_MS, MINUTE_MS, Gate, reading

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


def lived(life: list[Any], *, one_by_one: bool) -> tuple[list[Any], dict[str, int]]:
    """Return what a life comes to: the windows and tables, and the ledger."""
    gate = Gate()
    homes = gate.homes(3, "hourly", "daily")
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
                frames = [reading(homes[home], MIDNIGHT_MS + at * 15 * MINUTE_MS, kwh=kwh) for home, at, kwh in step]
                for batch in [[frame] for frame in frames] if one_by_one else [frames]:
                    gate.take(*batch)
        gate.commit()
    return gate.state.windows.state(), gate.state.ledger.totals


@given(LIVES)
@settings(max_examples=15, deadline=None)
def test_batch_comes_to_what_its_frames_come_to_one_by_one(life: list[Any]) -> None:
    """Windows, cells and ledger are the same, whatever was withdrawn or has ended between two batches."""
    assert lived(life, one_by_one=False) == lived(life, one_by_one=True)
