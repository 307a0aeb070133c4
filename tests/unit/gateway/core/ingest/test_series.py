"""Series: what is held of dense, late and large readings is what a plain list would say, for 48 hours and no longer."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ingest.series import SLOT_MS, SLOTS, Series, new_series

DAY_MS = 86_400_000
NOON_MS = 1_772_409_600_000 + DAY_MS // 2


def held(series: Series, now_ms: int = NOON_MS + 10 * DAY_MS) -> list[tuple[int, int, int]]:
    """Return all that is held."""
    return [tuple(each) for each in series.held(0, now_ms)]  # type: ignore[misc]


def plain(readings: list[tuple[int, int]], *, is_counter: bool) -> list[tuple[int, int, int]]:
    """Return the same by a list of all readings: slow, and plainly right."""
    newest = -1
    slots: dict[int, list[tuple[int, int]]] = {}
    for t_ms, n in readings:
        number = (t_ms - is_counter) // SLOT_MS
        if number <= newest - SLOTS:
            continue
        newest = max(newest, number)
        slots.setdefault(number, []).append((t_ms, n))
    found = []
    for number, those in sorted(slots.items()):
        if number <= newest - SLOTS:
            continue
        last_ms = max(t_ms for t_ms, _ in those) if is_counter else those[-1][0]
        if is_counter:
            found.append((last_ms, 1, next(n for t_ms, n in reversed(those) if t_ms == last_ms)))
        else:
            found.append((last_ms, len(those), sum(n for _, n in those)))
    return found


@given(
    st.lists(st.tuples(st.integers(0, 5 * DAY_MS), st.integers(-(2**40), 2**40)), max_size=60),
    st.booleans(),
)
def test_series_holds_what_a_list_of_all_readings_would_say(readings: list[tuple[int, int]], is_counter: bool) -> None:
    """In any order, with gaps of any length, and beyond what 32 bits hold."""
    series = new_series("p", is_counter=is_counter)
    times = [(NOON_MS + at_ms, n) for at_ms, n in readings]
    for t_ms, n in times:
        series.add(t_ms, n)
    assert held(series) == plain(times, is_counter=is_counter)


def test_sum_of_dense_readings_stays_right_and_takes_one_slot() -> None:
    """One a second: the slot says how many there were, and what they come to."""
    series = new_series("p", is_counter=False)
    for second in range(900):
        series.add(NOON_MS + 1000 * second, second)
    assert held(series) == [(NOON_MS + 899_000, 900, sum(range(900)))]


def test_counter_shows_at_the_end_of_a_quarter_of_an_hour_what_it_showed_by_then() -> None:
    """Its slot includes its end: from one full hour to the next it is exactly what the hour took."""
    series = new_series("p", is_counter=True)
    for minute in range(121):
        series.add(NOON_MS + 60_000 * minute, 1000 + minute)
    shown = {t_ms: total for t_ms, _, total in held(series)}
    assert [shown[NOON_MS + hour * 3_600_000] for hour in (0, 1, 2)] == [1000, 1060, 1120]


def test_what_is_older_than_48_hours_is_gone_whether_or_not_anything_came_since() -> None:
    """A long silence leaves nothing of before, and a reading from before is not taken in."""
    series = new_series("p", is_counter=False)
    series.add(NOON_MS, 1)
    series.add(NOON_MS + SLOTS * SLOT_MS - 1, 2)
    assert [n for _, _, n in held(series)] == [1, 2]
    series.add(NOON_MS + SLOTS * SLOT_MS, 3)
    assert [n for _, _, n in held(series)] == [2, 3]
    series.add(NOON_MS + 9 * DAY_MS, 4)
    series.add(NOON_MS, 5)
    assert [n for _, _, n in held(series)] == [4]


def test_span_is_open_at_its_beginning_and_closed_at_its_end() -> None:
    """So a page that asks for what came after the last reading gets none twice."""
    series = new_series("p", is_counter=False)
    for quarter in range(8):
        series.add(NOON_MS + quarter * SLOT_MS, quarter)
    assert [n for _, _, n in series.held(NOON_MS, NOON_MS + 3 * SLOT_MS)] == [1, 2, 3]


def test_repeat_is_told_by_the_time_of_the_last_reading_of_its_slot() -> None:
    """Where no window remembers times, since nothing leaves."""
    series = new_series("p", is_counter=False)
    assert not series.has(NOON_MS)
    series.add(NOON_MS, 1)
    assert series.has(NOON_MS)
    assert not series.has(NOON_MS + 1)
    assert not series.has(NOON_MS + SLOTS * SLOT_MS)


def test_readings_without_end_in_one_slot_are_thinned_and_take_no_more_room() -> None:
    """More than four a second are of no sensor that there is: the mean stays right."""
    series = new_series("p", is_counter=False)
    for number in range(5000):
        series.add(NOON_MS + number // 6, 7)
    ((_, readings, total),) = held(series)
    assert (readings, total) == (4095, 7 * 4095)


@pytest.mark.parametrize("n", [2**62, -(2**62)])
def test_numbers_that_no_integer_of_64_bits_holds_end_at_the_bound(n: int) -> None:
    """The gateway goes on."""
    series = new_series("p", is_counter=False)
    for _ in range(4):
        series.add(NOON_MS, n)
    assert abs(held(series)[0][2]) == 2**63 - 1


def test_a_day_of_readings_takes_less_than_two_kibibytes() -> None:
    """Ten thousand households' have to lie in 24 MiB."""
    series = new_series("p", is_counter=False)
    for quarter in range(SLOTS):
        series.add(NOON_MS + quarter * SLOT_MS, 250)
    parts = (series, series._cells)
    assert sum(map(sys.getsizeof, parts)) < 2048
