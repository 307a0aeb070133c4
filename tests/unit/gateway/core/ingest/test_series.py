"""Series: what is held of dense, late and large readings is what a plain list would say, for 48 hours and no longer."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ingest.series import SLOT_MS, SLOTS, HeldReadings, Series

DAY_MS = 86_400_000
HOLD_MS = SLOTS * SLOT_MS
NOON_MS = 1_772_409_600_000 + DAY_MS // 2


class One:
    """A series among all, and a clock that goes with its readings."""

    def __init__(self, *, is_counter: bool = False) -> None:
        self.readings = HeldReadings()
        self.readings.begin("another", is_counter=not is_counter)
        self.series = self.readings.begin("p", is_counter=is_counter)
        self.now_ms = NOON_MS

    def add(self, t_ms: int, n: int) -> None:
        """Add a reading as it comes in."""
        self.now_ms = max(self.now_ms, t_ms)
        self.readings.add((self.series.place, t_ms, n), self.now_ms)

    def held(self) -> list[tuple[int, int, int]]:
        """Return all that is held, as plain tuples."""
        return held(self.series)


def held(series: Series) -> list[tuple[int, int, int]]:
    """Return all that is held of a series."""
    return [tuple(each) for each in series.held(0, NOON_MS + 10 * DAY_MS)]  # type: ignore[misc]


def plain(readings: list[tuple[int, int]], now_ms: int, *, is_counter: bool) -> list[tuple[int, int, int]]:
    """Return the same by a list of all readings: slow, and plainly right."""
    slots: dict[int, list[tuple[int, int]]] = {}
    for t_ms, n in readings:
        number = (t_ms - is_counter) // SLOT_MS
        if -SLOTS < number - now_ms // SLOT_MS <= DAY_MS // SLOT_MS:
            slots.setdefault(number, []).append((t_ms, n))
    found = []
    for _, those in sorted(slots.items()):
        last_ms = max(t_ms for t_ms, _ in those) if is_counter else those[-1][0]
        if is_counter:
            found.append((last_ms, 1, next(n for t_ms, n in reversed(those) if t_ms == last_ms)))
        else:
            found.append((last_ms, len(those), sum(n for _, n in those)))
    return found


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(-5 * DAY_MS, 3 * DAY_MS), st.integers(-(2**40), 2**40)), max_size=20),
        max_size=4,
    )
)
def test_series_holds_what_a_list_of_all_readings_would_say(batches: list[list[tuple[int, int, int]]]) -> None:
    """In any order, with gaps of any length, beyond what 32 bits hold, and beside others: two of amounts and one of a counter."""
    readings = HeldReadings()
    series = [readings.begin(f"p{number}", is_counter=number == 1) for number in range(3)]
    for batch in batches:
        flat = [part for which, at_ms, n in batch for part in (series[which].place, NOON_MS + at_ms, n)]
        readings.add(flat, NOON_MS)
    for number, one in enumerate(series):
        own = [(NOON_MS + at_ms, n) for batch in batches for which, at_ms, n in batch if which == number]
        assert held(one) == plain(own, NOON_MS, is_counter=number == 1)


def test_sum_of_dense_readings_stays_right_and_takes_one_slot() -> None:
    """One a second: the slot says how many there were, and what they come to."""
    one = One()
    for second in range(900):
        one.add(NOON_MS + 1000 * second, second)
    assert one.held() == [(NOON_MS + 899_000, 900, sum(range(900)))]


def test_counter_shows_at_the_end_of_a_quarter_of_an_hour_what_it_showed_by_then() -> None:
    """Its slot includes its end: from one full hour to the next it is exactly what the hour took."""
    one = One(is_counter=True)
    for minute in range(121):
        one.add(NOON_MS + 60_000 * minute, 1000 + minute)
    shown = {t_ms: total for t_ms, _, total in one.held()}
    assert [shown[NOON_MS + hour * 3_600_000] for hour in (0, 1, 2)] == [1000, 1060, 1120]


def test_counter_beyond_32_bits_shows_what_it_showed_last() -> None:
    """And what it showed before is not added to it."""
    one = One(is_counter=True)
    for n in (2**40, 2**41, 7):
        one.add(NOON_MS, n)
        assert one.held() == [(NOON_MS, 1, n)]


def test_what_is_older_than_48_hours_is_gone_whether_or_not_anything_came_since() -> None:
    """A long silence leaves nothing of before, and a reading from before is not taken in."""
    one = One()
    one.add(NOON_MS, 1)
    one.add(NOON_MS + HOLD_MS - 1, 2)
    assert [n for _, _, n in one.held()] == [1, 2]
    one.add(NOON_MS + HOLD_MS, 3)
    assert [n for _, _, n in one.held()] == [2, 3]
    one.readings.forget_old(NOON_MS + 9 * DAY_MS)
    assert one.held() == []
    one.add(NOON_MS + 9 * DAY_MS, 4)
    one.add(NOON_MS, 5)
    assert [n for _, _, n in one.held()] == [4]


def test_device_whose_clock_runs_far_ahead_takes_no_room() -> None:
    """A quarter of an hour has room for every series, so those that no clock of a well device shows are not made."""
    one = One()
    for days in range(1, 60):
        one.readings.add((one.series.place, NOON_MS + days * DAY_MS, 1), NOON_MS)
    assert [t_ms for t_ms, _, _ in one.held()] == [NOON_MS + DAY_MS]


def test_span_is_open_at_its_beginning_and_closed_at_its_end() -> None:
    """So a page that asks for what came after the last reading gets none twice."""
    one = One()
    for quarter in range(8):
        one.add(NOON_MS + quarter * SLOT_MS, quarter)
    assert [n for _, _, n in one.series.held(NOON_MS, NOON_MS + 3 * SLOT_MS)] == [1, 2, 3]


@pytest.mark.parametrize("is_counter", [False, True])
def test_repeat_is_told_by_the_time_of_the_last_reading_of_its_slot(is_counter: bool) -> None:
    """Where no window remembers times, since nothing leaves; in one batch or in two."""
    one = One(is_counter=is_counter)
    place = one.series.place
    one.readings.add_new((place, NOON_MS, 1, place, NOON_MS, 1), NOON_MS)
    one.readings.add_new((place, NOON_MS, 1, place, NOON_MS + 1, 2), NOON_MS)
    one.readings.add_new((place, NOON_MS + 1, 2), NOON_MS)
    assert one.held() == ([(NOON_MS, 1, 1), (NOON_MS + 1, 1, 2)] if is_counter else [(NOON_MS + 1, 2, 3)])


def test_readings_without_end_in_one_slot_are_thinned_and_take_no_more_room() -> None:
    """More than four a second are of no sensor that there is: the mean stays right."""
    one = One()
    for number in range(5000):
        one.add(NOON_MS + number // 6, 7)
    ((_, readings, total),) = one.held()
    assert (readings, total) == (4095, 7 * 4095)


@pytest.mark.parametrize("n", [2**62, -(2**62)])
def test_numbers_that_no_integer_of_64_bits_holds_end_at_the_bound(n: int) -> None:
    """The gateway goes on."""
    one = One()
    for _ in range(4):
        one.add(NOON_MS, n)
    assert abs(one.held()[0][2]) == 2**63 - 1


@pytest.mark.parametrize("n", [5, 2**40])
@pytest.mark.parametrize("is_counter", [False, True])
def test_place_of_a_series_that_ended_tells_the_next_one_nothing(n: int, is_counter: bool) -> None:
    """It may be another household's."""
    one = One(is_counter=is_counter)
    one.add(NOON_MS, n)
    one.series.end()
    after = one.readings.begin("q", is_counter=False)
    assert after.place == (~one.series.place if is_counter else one.series.place), "the place is used again"
    assert held(after) == []
    one.readings.add((after.place, NOON_MS, 1), NOON_MS)
    assert held(after) == [(NOON_MS, 1, 1)]


def test_series_that_begins_later_finds_room_in_every_quarter() -> None:
    """However many begin while readings are held already."""
    one = One()
    one.add(NOON_MS, 1)
    later = [one.readings.begin("p", is_counter=False) for _ in range(2000)]
    one.readings.add([part for number, each in enumerate(later) for part in (each.place, NOON_MS, number)], NOON_MS)
    assert one.held() == [(NOON_MS, 1, 1)]
    assert [held(each) for each in later] == [[(NOON_MS, 1, number)] for number in range(2000)]


def test_two_days_of_readings_take_less_than_two_kibibytes() -> None:
    """Ten thousand households' have to lie in 24 MiB."""
    gc.collect()
    tracemalloc.start()
    try:
        readings = HeldReadings()
        homes = [readings.begin("p", is_counter=False) for _ in range(1024)]
        for quarter in range(SLOTS):
            t_ms = NOON_MS + quarter * SLOT_MS
            readings.add([part for home in homes for part in (home.place, t_ms, 250)], t_ms)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert all(len(list(home.held(0, NOON_MS + HOLD_MS))) == SLOTS for home in homes)
    assert taken / len(homes) < 2048
