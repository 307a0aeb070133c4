"""What is done beside a test is done until it ends, and what fails there fails the test."""

from __future__ import annotations

import threading

import pytest

from tests.support.repeated import Repeated
from tests.support.waiting import HANG_S


class Failing:
    """A step that goes well so many times, and then fails."""

    def __init__(self, times: int) -> None:
        self.done = 0
        self.failed = threading.Event()
        self._times = times

    def step(self) -> None:
        """Take it."""
        if self.done == self._times:
            self.failed.set()
            raise ValueError("the last step")
        self.done += 1


def test_step_that_fails_fails_the_test_where_it_looks_and_at_its_end() -> None:
    """Nothing that went wrong in another thread goes unseen, though nobody looks."""
    failing = Failing(2)
    with pytest.raises(ValueError, match="the last step"), Repeated("failing", failing.step, lambda: 0.0) as repeated:
        assert failing.failed.wait(HANG_S)
    assert failing.done == 2
    with pytest.raises(ValueError, match="the last step"):
        repeated.check()


def test_error_of_the_test_itself_is_the_one_that_is_seen() -> None:
    """It came first."""
    failing = Failing(0)
    with pytest.raises(KeyError), Repeated("failing", failing.step, lambda: 0.0):
        raise_once_failed(failing)


def raise_once_failed(failing: Failing) -> None:
    """Raise another error than the step."""
    assert failing.failed.wait(HANG_S)
    raise KeyError


def test_steps_end_with_the_context_however_long_the_pause() -> None:
    """A pause is cut short."""
    steps = list[int]()
    with Repeated("waiting", lambda: steps.append(1), lambda: 10 * HANG_S):
        pass
    assert steps == []
