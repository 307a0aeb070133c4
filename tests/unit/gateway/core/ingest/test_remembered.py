"""Times of kept readings: the newest are remembered exactly, older ones are never taken for new, and all have a bound."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ingest.remembered import (
    FORGOTTEN,
    MOST_TIMES,
    NEW,
    OWN_TIMES,
    REPEATED,
    RememberedTimes,
    SharedRoom,
)


@given(st.lists(st.integers(0, 400), max_size=600), st.sampled_from([0, 64, 256]), st.sampled_from([1, 2**24, 2**30, 2**33]))
def test_no_time_is_taken_for_new_twice_whatever_was_forgotten(times: list[int], shared: int, apart_ms: int) -> None:
    """With a set that forgets nothing beside it: new is only what is new, and known what is known, however far apart they lie."""
    room = SharedRoom(shared)
    remembered = RememberedTimes(room)
    kept: set[int] = set()
    for t_ms in [number * apart_ms for number in times]:
        known = NEW if t_ms > remembered.newest_ms else remembered.recall(t_ms)
        assert known != NEW or t_ms not in kept
        assert known != REPEATED or t_ms in kept
        if known == NEW:
            remembered.add(t_ms)
            kept.add(t_ms)
    assert len(remembered) <= OWN_TIMES + shared
    assert len(kept) == len(remembered) + room.forgotten
    assert list(remembered) == sorted(remembered)
    assert kept.issuperset(remembered)
    horizon_ms = 200 * apart_ms
    remembered.drop_before(horizon_ms)
    assert all(remembered.recall(t_ms) != NEW for t_ms in kept if t_ms >= horizon_ms)
    assert not any(t_ms < horizon_ms for t_ms in remembered)


@pytest.mark.parametrize("count", [10, OWN_TIMES, 1000, 100_000])
def test_times_in_order_are_new_however_many_they_are(count: int) -> None:
    """A device that sends its backlog oldest first loses nothing, even with no room but its own."""
    remembered = RememberedTimes(SharedRoom(0))
    for t_ms in range(count):
        assert t_ms > remembered.newest_ms
        remembered.add(t_ms)
    assert len(remembered) == min(count, OWN_TIMES)


def test_backlog_newest_first_is_new_as_far_as_there_is_room_and_no_further() -> None:
    """What is beyond it cannot be told from a repeat, and neither is anything older."""
    remembered = RememberedTimes(SharedRoom(64))
    taken = 0
    for t_ms in range(1000, 0, -1):
        if remembered.recall(t_ms) == NEW:
            remembered.add(t_ms)
            taken += 1
    assert taken == OWN_TIMES + 64 + 1
    assert remembered.recall(1000 - taken) == FORGOTTEN
    assert remembered.recall(1000) == REPEATED


def test_one_device_leaves_the_others_what_is_their_own() -> None:
    """However much one sends, it has a bound of its own, and every other still has its 64."""
    room = SharedRoom(2 * MOST_TIMES)
    greedy, other = RememberedTimes(room), RememberedTimes(room)
    for t_ms in range(1_000_000):
        greedy.add(t_ms)
    assert len(greedy) == MOST_TIMES
    more = [RememberedTimes(room) for _ in range(3)]
    for one in (*more, other):
        for t_ms in range(10_000):
            one.add(t_ms)
    assert room.left < 64
    assert min(len(one) for one in (greedy, other, *more)) >= OWN_TIMES
    assert sum(len(one) for one in (greedy, other, *more)) <= 2 * MOST_TIMES + 5 * OWN_TIMES


def test_dropped_times_give_their_room_back() -> None:
    """Once their windows have closed others may have it, to the last."""
    room = SharedRoom(10_000)
    remembered = RememberedTimes(room, range(3000))
    assert room.left < 10_000 - 2900
    remembered.drop_before(2990)
    assert list(remembered) == list(range(2990, 3000))
    assert room.left == 10_000
    assert remembered.recall(5) == NEW, "its window has closed, so its target says that it is late"
    remembered.drop_before(1 << 60)
    assert not remembered
    assert remembered.newest_ms == -1


def test_stored_times_are_the_same_again_in_any_order() -> None:
    """The times, and the newest that was forgotten."""
    times = list(range(0, 200, 2))
    before = RememberedTimes(SharedRoom(0), times)
    shuffled = list(before)
    random.Random(1).shuffle(shuffled)
    again = RememberedTimes(SharedRoom(0), shuffled, before.forgotten_ms)
    assert list(again) == list(before)
    assert [again.recall(t_ms) for t_ms in range(200)] == [before.recall(t_ms) for t_ms in range(200)]
