"""An attempt keeps the names of what befell it, and none of what spared it."""

from __future__ import annotations

from firmware_sim.misbehaviour.attempt import Attempt

ATTEMPT = Attempt(1000, {"temperature": 15.0, "humidity": 40.0}, 1000, 1, 0, (1000,))


def test_attempt_that_a_fault_changes_bears_its_name() -> None:
    """In the order in which the faults came."""
    changed = ATTEMPT.befallen_values("spikes", {"temperature": 150.0}).befallen("loss", sent_ms=())
    assert changed.faults == ("spikes", "loss")
    assert changed.values == {"temperature": 150.0, "humidity": 40.0}
    assert changed.sent_ms == ()


def test_attempt_whose_values_stay_the_same_bears_no_name() -> None:
    """A stuck sensor that shows what is so is not told from a sound one."""
    assert ATTEMPT.befallen_values("stuck", {"temperature": 15.0}) is ATTEMPT
    assert ATTEMPT.befallen_values("stuck", {}) is ATTEMPT
