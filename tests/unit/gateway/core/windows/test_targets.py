"""Targets of registers: they take totals, and leave out the windows of readings that were refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consent.core.disclosure import TOP
from consent.core.outcome import NEVER_MS
from gateway.core.ingest.counters import CounterRule, Register
from gateway.core.windows.accumulators import BASELINE, CONTRIBUTED, EXPIRED, LATE
from gateway.core.windows.targets import CounterTarget, Terms
from gateway.core.windows.windows import Cohort, Windows
from tests.support.gate import HOUR_MS, MIDNIGHT_MS

ANN, METER = b"a" * 16, b"m" * 16
COHORT = Cohort("grid", "total", "delta", "aggregate", "1h", "district", "1", "north", public=False)
T = MIDNIGHT_MS


def target(since_ms: int = 0, expires_ms: int = NEVER_MS) -> tuple[Windows, Register, CounterTarget]:
    """Return windows, a register of any counts, and what takes it into them."""
    windows = Windows({"total": Decimal(1)})
    register = Register(windows.counters, (ANN, METER, "total"), CounterRule(-1, -1, ""))
    return windows, register, CounterTarget(register, windows, COHORT, ANN, METER, Terms(TOP, since_ms, expires_ms, 0, ()))


def test_total_is_taken_in_place_of_what_the_register_shows() -> None:
    """And the register is told that it was taken."""
    windows, register, one = target()
    for hour, total in ((0, 100), (1, 130)):
        register.total, register.kept = total, False
        assert one.take(T + hour * HOUR_MS, 5) == CONTRIBUTED
        assert register.kept
    windows.advance(NEVER_MS)
    assert [window.members[ANN].value() for window in windows] == [None, 30]


def test_total_that_is_not_taken_is_not_remembered() -> None:
    """It is late, or no longer permitted."""
    windows, register, one = target(expires_ms=T + 3 * HOUR_MS)
    windows.advance(T)
    assert one.take(T, 5) == LATE
    assert one.take(T + 3 * HOUR_MS, 5) == EXPIRED
    assert not register.kept


@pytest.mark.parametrize(("at_ms", "concerned"), [(T, False), (T + 1, True), (T + HOUR_MS, True), (T + 3 * HOUR_MS, False)])
def test_doubt_concerns_a_window_that_is_open_and_permitted(at_ms: int, concerned: bool) -> None:
    """A window includes its end."""
    windows, _, one = target(expires_ms=T + 3 * HOUR_MS)
    windows.advance(T)
    assert one.doubt(at_ms) == concerned
    assert bool(windows.open) == concerned


def test_doubt_before_the_first_whole_window_takes_the_baseline() -> None:
    """Unless it is of an earlier moment."""
    windows, register, one = target(since_ms=T + 1)
    register.total = 100
    assert one.take(T + 10, 5) == BASELINE
    assert one.doubt(T + 5)
    assert list(windows.baselines(ANN)) == [(COHORT, METER, T + 10, 100)]
    assert one.doubt(T + 11)
    assert list(windows.baselines(ANN)) == []
