"""What simulated devices measured, made by hand, for tests of whatever is compared with it."""

from __future__ import annotations

from firmware_sim.misbehaviour.truth import Truth


def truth(topic: str, measured_ms: int, kwh: float, kind: str = "meter", sent: bool = True) -> Truth:
    """Return what a device measured, heard at once where it was sent; times in Unix milliseconds."""
    values = {"kwh": kwh}
    return Truth(topic, "7", kind, measured_ms, values, measured_ms, values, 1, 1, (measured_ms,) if sent else (), ())
