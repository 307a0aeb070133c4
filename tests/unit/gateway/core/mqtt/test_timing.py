"""The back-off: jittered, bounded, and not fooled by brokers that accept and then hang up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mqtt.timing import Backoff

jitters = st.floats(0, 1, exclude_max=True)


@given(st.lists(jitters, min_size=1, max_size=100))
def test_backoff_failing_attempts_double_their_bound(jitter: list[float]) -> None:
    """Each delay lies below 1, 2, 4 … seconds, and never above half a minute."""
    backoff = Backoff()
    for attempt, number in enumerate(jitter):
        delay_s = backoff.delay_s(0.0, number)
        assert 0 <= delay_s <= min(30.0, 2.0**attempt)
        assert delay_s == min(30.0, 2.0 ** min(attempt, 32)) * number


def test_backoff_accepted_then_kicked_keeps_growing() -> None:
    """A connection that ends at once is a failed attempt."""
    backoff, now_s, delays = Backoff(), 0.0, []
    for _ in range(8):
        backoff.connected(now_s)
        now_s += 5
        delays.append(backoff.delay_s(now_s, 0.5))
    assert delays == [0.5, 1, 2, 4, 8, 15, 15, 15]


def test_backoff_stable_connection_starts_over() -> None:
    """Half a minute of peace makes the next attempt quick again."""
    backoff = Backoff()
    for _ in range(8):
        backoff.delay_s(0.0, 0.5)
    backoff.connected(100.0)
    assert backoff.delay_s(130.0, 0.5) == 0.5


@given(jitters)
def test_backoff_long_lies_in_the_upper_half(jitter: float) -> None:
    """Where returning soon does harm, at least a quarter of a minute passes."""
    assert 15.0 <= Backoff().delay_s(0.0, jitter, long=True) <= 30.0
