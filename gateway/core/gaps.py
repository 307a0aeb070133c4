"""Gaps: what the log says of moments behind which something is missing that nobody knows, or times cannot be compared.

A start after an unclean end or a longer absence, a session that the broker has lost, a clock that was set. The edge notices, and
says which run of the machine it is and how its clock stands; ``sluice restore`` logs its own.
"""

from __future__ import annotations

from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import GapPayload
from gateway.core.state import State


def note_gap(state: State, reason: str, boot_id: str, clock: str, now_ms: int) -> int:
    """Log a gap.

    Args:
        state: Changed in place.
        reason: One of those of ``GapPayload``.
        boot_id: The kernel's name for this run of the machine; it names no person, and no machine beyond its next start.
        clock: How the machine's clock stands; a simulated one counts more.
        now_ms: The gateway's clock.
    Returns: The entry's index.
    """
    clock = "simulated" if state.identity.simulated_clock else clock
    return state.append(Kind.GAP, now_ms, state.one_part(GapPayload(reason, boot_id, clock).encode()))
