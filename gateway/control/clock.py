"""Control methods of the clock."""

from __future__ import annotations

from consent.messages import ClockAt, ClockTo
from gateway.control.context import Caller, Control, MethodError


def advance(control: Control, caller: Caller, params: ClockTo) -> ClockAt:
    """Set a standing simulated clock forward; the loop runs one release tick before it answers."""
    try:
        control.clock.advance(int(params.to))
    except ValueError as error:
        raise MethodError(str(error)) from error
    return ClockAt(now_ms=control.clock.now_ms())
