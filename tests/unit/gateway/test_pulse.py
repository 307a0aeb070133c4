"""What the gateway measures of itself: each value counts once, and the longest of late stays long enough and not too long."""

from __future__ import annotations

import pytest

from gateway.pulse import REMEMBERED_S, Longest, Pulse, Spread


def test_value_counts_under_the_first_bound_that_it_does_not_exceed() -> None:
    """A bound belongs to what is below it, as in Prometheus' histograms."""
    spread = Spread((1.0, 10.0))
    for value in (0.5, 1.0, 1.5, 10.0, 11.0):
        spread.add(value)
    assert spread.counts == [2, 2, 1]
    assert spread.total == pytest.approx(24.0)


def test_longest_is_told_for_at_least_five_minutes_and_at_most_ten() -> None:
    """However seldom anybody looks, or anything happens."""
    now_s = 1000.0
    longest = Longest(lambda: now_s)
    longest.add(3.0)
    longest.add(1.0)
    now_s += REMEMBERED_S - 1
    assert longest.read() == 3.0
    now_s += 2
    longest.add(2.0)
    assert longest.read() == 3.0
    now_s += REMEMBERED_S
    assert longest.read() == 2.0
    now_s += 10 * REMEMBERED_S
    assert longest.read() == 0.0


def test_turn_is_counted_and_measured() -> None:
    """A watch goes by the number, an operator by the time."""
    pulse = Pulse()
    pulse.turned(0.3)
    pulse.turned(0.001)
    assert (pulse.turns, sum(pulse.turn_s.counts), pulse.longest_turn_s.read()) == (2, 2, 0.3)
