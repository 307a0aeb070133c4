"""What the core writes into the log of its own accord: its beginning, the accounts and checkpoints, and gaps.

A gap is a moment behind which something is missing that nobody knows, or times cannot be compared: a start after an unclean
end or a longer absence, a session that the broker has lost, a clock that was set. The edge notices, and says which run of the
machine it is and how its clock stands; ``sluice restore`` logs its own.
"""

from __future__ import annotations

from gateway.audit.log.entries import Kind
from gateway.audit.log.payloads import AccountPayload, GapPayload, GenesisPayload
from gateway.core.state import State


def begin_log(state: State, now_ms: int) -> None:
    """Write the genesis entry, if the log is empty, and an account of nothing; a simulated clock is said in the genesis."""
    if state.log.size == 0:
        payload = GenesisPayload(state.identity.signer.name, state.identity.simulated_clock)
        state.append(Kind.GENESIS, now_ms, state.one_part(payload.encode()))
        state.append(Kind.ACCOUNT, now_ms, state.one_part(AccountPayload({}, {}).encode()))


def checkpoint(state: State, now_ms: int, *, heartbeat: bool = False) -> None:
    """Bring the account up to date and sign the log as it is.

    Args:
        state: Changed in place.
        now_ms: The gateway's clock.
        heartbeat: Account for nothing too: only an entry's time tells how fresh a checkpoint is.
    """
    if heartbeat or state.ledger.differences():
        totals, differences = state.ledger.close_period()
        payload = AccountPayload({name: n for name, n in totals.items() if n}, differences)
        state.append(Kind.ACCOUNT, now_ms, state.one_part(payload.encode()))
    state.sign_head()


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
