"""Runs that nobody announces: a restart is told from a replay by its time, and nothing old is new again after one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ingest.runs import MOST_RUNS, SOON_MS, Runs

HOUR_MS = 3_600_000


def test_restart_far_below_at_a_later_time_begins_a_run() -> None:
    """Frame counters of a node that was powered off begin at zero again; it goes on from there."""
    runs = Runs()
    assert [runs.admit(None, n, n * 1000) for n in (500, 501)] == [True, True]
    assert [runs.admit(None, n, 600_000 + n) for n in (0, 1, 2, 1)] == [True, True, True, False]


def test_restart_of_a_young_run_is_told_after_an_hour() -> None:
    """So near below, a number may be a copy by another gateway of the network, dated a little later."""
    runs = Runs()
    for n in range(10):
        assert runs.admit(None, n, n * 1000)
    assert not runs.admit(None, 9, 9_500)
    assert not runs.admit(None, 0, 9_000 + SOON_MS - 1)
    assert runs.admit(None, 3, 9_000 + SOON_MS)
    assert [runs.admit(None, 4, 9_001 + SOON_MS), runs.admit(None, 3, 9_002 + SOON_MS)] == [True, False]


def test_message_from_before_a_restart_is_refused_the_second_time() -> None:
    """Copies carry the time of their run, however far ahead their numbers are of the present one."""
    runs = Runs()
    for n in range(100, 110):
        assert runs.admit(None, n, n * 1000)
    assert runs.admit(None, 0, HOUR_MS)
    assert not any(runs.admit(None, n, n * 1000) for n in range(100, 110))
    assert runs.admit(None, 110, 110_000), "one that came late is new"
    assert not runs.admit(None, 110, 110_000)
    assert runs.admit(None, 1, HOUR_MS + 1)


def test_recording_of_a_run_that_is_forgotten_is_refused_too() -> None:
    """However many restarts ago, and however far ahead its number is of the runs since, named or not."""
    for boots in ([None] * (MOST_RUNS + 1), list(range(MOST_RUNS + 1))):
        runs = Runs()
        assert runs.admit(boots[0], 5_000, 0)
        for number, boot in enumerate(boots[1:], 1):
            assert runs.admit(boot, 100, number * HOUR_MS)
        assert not runs.admit(boots[0], 5_000, 0)
        assert runs.admit(boots[1], 99, HOUR_MS + 1), "one that came late is new"
        assert runs.admit(boots[-1], 101, len(boots) * HOUR_MS)


def test_old_number_with_its_own_time_begins_no_run() -> None:
    """A replay of what lies below the window is a replay, since it is not later."""
    runs = Runs()
    assert runs.admit(None, 0, 0)
    assert runs.admit(None, 1_000, HOUR_MS)
    assert not runs.admit(None, 0, 0)
    assert not runs.admit(None, 0, HOUR_MS)


def test_without_a_time_that_is_believed_nothing_begins() -> None:
    """The number is held against the present run."""
    runs = Runs()
    assert runs.admit(None, 1_000, None)
    assert not runs.admit(None, 0, None)
    assert runs.admit(None, 1_001, None)
    assert runs.admit(None, 0, 5), "and a time that is later than none"


def test_boots_have_runs_of_their_own() -> None:
    """A device that names its runs and restarts besides."""
    runs = Runs()
    assert [runs.admit(boot, 7, 1_000) for boot in ("a", "b", "a", "b")] == [True, True, False, False]
    assert runs.admit("a", 8, 2_000)


def test_the_runs_that_began_last_are_remembered() -> None:
    """A device that restarts for ever takes no more room."""
    runs = Runs()
    for n in range(3 * MOST_RUNS):
        assert runs.admit(None, 0, n * 2 * SOON_MS)
    assert len(runs.to_state()) == MOST_RUNS


@given(st.lists(st.tuples(st.sampled_from([None, "a"]), st.integers(0, 200), st.none() | st.integers(0, 10 * HOUR_MS))))
def test_no_message_is_admitted_twice_and_stored_runs_go_on_alike(messages: list[tuple[str | None, int, int | None]]) -> None:
    """Directly again, whatever came before; and a start changes nothing."""
    runs = Runs()
    for message in messages:
        other = Runs(runs.to_state())
        assert runs.admit(*message) == other.admit(*message)
        assert runs.to_state() == other.to_state()
        assert not runs.admit(*message)
