"""Guards: fixed by the first bundle, given up with the last void, and broken by who leaves after something was sent."""

from __future__ import annotations

from gateway.core.windows.guards import Guard, GuardKey, Guards
from tests.support.gate import DAY_MS, HOUR_MS, MIDNIGHT_MS

T = MIDNIGHT_MS
KEY = GuardKey("electricity", T)
A, B = b"a" * 16, b"b" * 16


def fixed() -> Guards:
    """Return guards of which one is fixed by the bundle 7, and rested on by the bundle 8."""
    guards = Guards()
    guards.rest_on(KEY, [A], 7)
    guards.rest_on(KEY, [B], 8)
    return guards


def held(guards: Guards) -> Guard:
    """Return the guard that must be there."""
    guard = guards.get(KEY)
    assert guard is not None
    return guard


def test_first_bundle_fixes_it() -> None:
    """Who was excluded then stays so: whatever is computed later, the figures must be of the same homes."""
    assert held(fixed()).excluded == frozenset([A])
    assert fixed().fixed == 1


def test_given_up_when_every_bundle_was_voided() -> None:
    """Nothing was sent, so nothing can be compared."""
    guards = fixed()
    guards.void(7)
    assert held(guards).excluded == frozenset([A])
    guards.void(8)
    assert guards.get(KEY) is None


def test_stands_once_a_bundle_was_sent() -> None:
    """Also where the one that fixed it was voided."""
    guards = fixed()
    guards.sent(8)
    guards.void(7)
    assert held(guards).excluded == frozenset([A])


def test_who_leaves_what_was_partly_sent_ends_the_rest() -> None:
    """Of that quantity and day, and of no other."""
    guards = fixed()
    guards.sent(7)
    guards.leaves("electricity", T + DAY_MS)
    guards.leaves("noise", T)
    assert not held(guards).has_left
    guards.leaves("electricity", T + 5 * HOUR_MS)
    assert held(guards).has_left


def test_who_leaves_before_anything_was_formed_ends_nothing() -> None:
    """There is no guard yet."""
    guards = Guards()
    guards.leaves("electricity", T)
    assert len(guards) == 0


def test_after_a_restart_whatever_rests_on_it_counts_as_sent() -> None:
    """Nobody knows whether a byte had left."""
    guards = fixed()
    guards.all_sent()
    guards.void(7)
    guards.void(8)
    assert held(guards).excluded == frozenset([A])


def test_state_survives() -> None:
    """Exclusions and departures are stored with the snapshot."""
    guards = fixed()
    guards.sent(7)
    guards.sent(8)
    guards.leaves("electricity", T)
    again = Guards()
    again.restore(guards.state())
    assert again.state() == guards.state()
    assert (held(again).excluded, held(again).has_left) == (frozenset([A]), True)


def test_dropped_when_nothing_of_it_waits() -> None:
    """Else the memory of a year of days would stay."""
    guards = fixed()
    guards.sent(7)
    guards.keep_only([])
    assert list(guards) == [KEY]
    guards.sent(8)
    guards.keep_only([])
    assert list(guards) == []
