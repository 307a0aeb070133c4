"""Replay windows and the clock window."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ingest.admission import MAX_AHEAD_MS, MAX_BEHIND_MS, SequenceWindows, clock_reject
from gateway.core.model import CLOCK_AHEAD, CLOCK_BEHIND, Reject

NOW_MS = 1_731_110_400_000


def test_sequence_is_admitted_once() -> None:
    """The attack: send an old signed frame again."""
    windows = SequenceWindows()

    assert [windows.admit(7, n) for n in (5, 6, 6, 5, 7)] == [True, True, False, False, True]


def test_sequence_out_of_order_is_admitted_within_64() -> None:
    """Radio networks reorder; what is further back cannot be told from a replay."""
    windows = SequenceWindows()
    windows.admit(None, 100)

    assert windows.admit(None, 37)
    assert not windows.admit(None, 37)
    assert not windows.admit(None, 36)
    assert not windows.admit(None, 0)


@pytest.mark.parametrize("jump", [2, 63, 64, 65, 1_000_000, 2**63])
def test_sequence_after_a_gap_keeps_the_marks_of_the_window(jump: int) -> None:
    """A third of all messages may be lost on the way."""
    windows = SequenceWindows()
    windows.admit(1, 10)

    assert windows.admit(1, 10 + jump)
    assert not windows.admit(1, 10)
    assert windows.admit(1, 10 + jump - 1)


def test_sequence_of_a_new_boot_begins_anew() -> None:
    """A device that restarts counts from zero; its earlier runs stay known."""
    windows = SequenceWindows()

    assert windows.admit("a", 500)
    assert windows.admit("b", 0)
    assert not windows.admit("a", 500)
    assert not windows.admit("b", 0)


def test_sequence_windows_keep_the_sixteen_newest_boots() -> None:
    """Memory per device is bounded: the run that began first is forgotten first, however lately it was heard."""
    windows = SequenceWindows()
    for boot in range(17):
        windows.admit(0, 1000 + boot)
        windows.admit(boot, 5)

    assert len(windows.to_state()) == 16
    assert {boot for boot, _, _ in windows.to_state()} == set(range(1, 17))


@given(st.lists(st.tuples(st.sampled_from([None, 1, "x"]), st.integers(0, 200)), max_size=200), st.integers(0, 200))
def test_sequence_windows_agree_with_a_set_of_all_numbers(arrivals: list[tuple[int | str | None, int]], pause: int) -> None:
    """The bitmap is the set of what was seen, cut off at 64 below the highest; a stored state carries on as if never stored."""
    windows = SequenceWindows()
    seen: dict[int | str | None, set[int]] = {}
    for index, (boot, sequence) in enumerate(arrivals):
        if index == pause:
            windows = SequenceWindows.from_state(msgspec.msgpack.decode(msgspec.msgpack.encode(windows.to_state())))
        known = seen.setdefault(boot, set())
        expected = sequence not in known and (not known or sequence > max(known) - 64)
        assert windows.admit(boot, sequence) is expected
        known.add(sequence)


@pytest.mark.parametrize(
    ("time_ms", "reject"),
    [
        (NOW_MS, None),
        (NOW_MS + MAX_AHEAD_MS, None),
        (NOW_MS + MAX_AHEAD_MS + 1, CLOCK_AHEAD),
        (NOW_MS - MAX_BEHIND_MS, None),
        (NOW_MS - MAX_BEHIND_MS - 1, CLOCK_BEHIND),
        (0, CLOCK_BEHIND),
    ],
)
def test_clock_window_is_one_day_ahead_and_three_years_behind(time_ms: int, reject: Reject | None) -> None:
    """The bounds themselves are inside; a device that thinks it is 1970 is not."""
    assert clock_reject(time_ms, NOW_MS) is reject
