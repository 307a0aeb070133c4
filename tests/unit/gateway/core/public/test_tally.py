"""Tallies as stored: the same bytes for the same counts, and nothing lost on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.public.tally import (
    DayTally,
    FlowKey,
    FlowTally,
    Homes,
    HourTally,
    Mean,
    SeriesKey,
    decode_day,
    decode_hour,
    encode,
)

KEYS = st.builds(FlowKey, *(st.sampled_from("abc") for _ in range(4)))
COUNTS = st.integers(0, 1 << 40)
FLOWS = st.builds(FlowTally, COUNTS, COUNTS, COUNTS, COUNTS, st.dictionaries(st.integers(0, 500), COUNTS, max_size=4))
DAYS = st.builds(
    DayTally,
    st.dictionaries(KEYS, FLOWS, max_size=4),
    st.none() | st.dictionaries(st.text(max_size=3), COUNTS, max_size=3),
    st.dictionaries(st.text(max_size=3), COUNTS, max_size=3),
    COUNTS,
    st.dictionaries(st.text(max_size=3), st.builds(Homes, COUNTS, COUNTS), max_size=3),
    st.dictionaries(st.tuples(st.text(max_size=2), st.text(max_size=2)), COUNTS, max_size=3),
    COUNTS,
    st.booleans(),
)
SERIES = st.builds(SeriesKey, *(st.sampled_from("abc") for _ in range(4)))


@given(DAYS)
def test_day_comes_back_as_it_was(day: DayTally) -> None:
    """With keys of the same types."""
    assert decode_day(encode(day)) == day


@given(st.dictionaries(SERIES, st.builds(Mean, COUNTS, st.integers(-(1 << 40), 1 << 40)), max_size=5))
def test_hour_has_one_spelling(series: dict[SeriesKey, Mean]) -> None:
    """Whatever the order in which its readings left."""
    backwards = dict(reversed(series.items()))
    assert encode(HourTally(backwards)) == encode(HourTally(series))
    assert decode_hour(encode(HourTally(series))).series == series


def test_order_of_flows_does_not_change_a_day() -> None:
    """Nor that of what was told."""
    one, other = FlowKey("a", "r", "city", "x"), FlowKey("b", "r", "city", "x")
    assert encode(DayTally({one: FlowTally(told={5: 1, 10: 2}), other: FlowTally(told={})})) == encode(
        DayTally({other: FlowTally(told={}), one: FlowTally(told={10: 2, 5: 1})})
    )


def test_accounts_of_a_day_are_differences() -> None:
    """Those of none are left out; one that is new began at none."""
    day = DayTally({}, {"pairs.late": 3, "pairs.open": 5}, {"pairs.late": 3, "pairs.open": 2, "pairs.considered": 9})
    assert day.accounts() == {"pairs.open": -3, "pairs.considered": 9}
