"""What readings wait for, in words; and that no window ends meanwhile, unless nothing else can make room."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from gateway.durable.state import Durable
from gateway.intake import CLOCK, DISK, OUTBOX, WINDOWS, Intake
from tests.support.gate import HOUR_MS, LATENESS_MS, MINUTE_MS, Gate, reading, town

SCOPE = "purpose:energy"


class Held:
    """A town's state, in what an intake looks at; the test says what is wrong.

    Attributes:
        problem: Of the clock.
        has_room: Whether the disk has.
        release: The bounds.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate, self.state = gate, gate.state
        self.problem: str | None = None
        self.has_room = True
        self.release = SimpleNamespace(outbox_rows=10, contributions=1000)
        durable = SimpleNamespace(
            state=gate.state,
            clock_problem=lambda: self.problem,
            clock=SimpleNamespace(shown_ms=lambda: gate.now_ms),
            config=SimpleNamespace(release=self.release),
            store=SimpleNamespace(disk_space=SimpleNamespace(check=lambda: self.has_room)),
        )
        self.intake = Intake(cast("Durable", durable))


@pytest.fixture
def held() -> Held:
    """Return an intake that is open, behind a queue that is dry."""
    gate = Gate(town())
    gate.state.drained = True
    return Held(gate)


def make_wait(held: Held, what: str) -> None:
    """Let readings have something to wait for, or nothing."""
    held.problem = "it is slow" if what == CLOCK else None
    held.has_room = what != DISK
    held.release.outbox_rows = -1 if what == OUTBOX else 10
    held.release.contributions = -1 if what == WINDOWS else 1000


@pytest.mark.parametrize("what", [CLOCK, DISK, OUTBOX])
def test_while_readings_wait_no_window_ends_until_the_queue_is_dry_anew(held: Held, what: str) -> None:
    """A window that ended by the clock would lack what is on its way to it."""
    assert held.intake.is_open()
    make_wait(held, what)
    assert not held.intake.is_open()
    assert (held.intake.waits, held.state.drained, held.state.arrivals.waited) == (what, False, True)
    make_wait(held, "")
    assert held.intake.is_open()
    assert held.intake.resumes()
    assert (held.intake.waits, held.state.drained) == ("", False)
    assert not held.intake.resumes()


def test_full_windows_that_have_ended_wait_for_who_is_to_get_them(held: Held) -> None:
    """They make room once their recipient is back, and those that are open stay open for what waits."""
    gate, home = held.gate, held.gate.home(SCOPE)
    gate.take(reading(home, gate.now_ms + MINUTE_MS, kwh=0.5))
    gate.to(gate.now_ms + 24 * HOUR_MS + LATENESS_MS)
    make_wait(held, WINDOWS)
    assert not held.intake.is_open()
    assert (held.intake.waits, held.state.drained) == (WINDOWS, False)
    assert not held.intake.is_open(), "it would be taken in between"


def test_full_windows_of_which_none_has_ended_may_end(held: Held) -> None:
    """Nothing else would ever make room."""
    gate, home = held.gate, held.gate.home(SCOPE)
    gate.take(reading(home, gate.now_ms + MINUTE_MS, kwh=0.5))
    make_wait(held, WINDOWS)
    assert not held.intake.is_open()
    assert (held.intake.waits, held.state.drained) == (WINDOWS, True)


def test_before_the_queue_is_dry_full_windows_stop_nothing(held: Held) -> None:
    """None can end before, so it would be for ever."""
    held.state.drained = False
    make_wait(held, WINDOWS)
    assert held.intake.is_open()
