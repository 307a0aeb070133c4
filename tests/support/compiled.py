"""Every plan compiled at once, for tests and benches that change a state past the doors."""

from __future__ import annotations

from gateway.core.changes.settling import settle_all, unsettle
from gateway.core.state import State


def compile_all(state: State, now_ms: int) -> None:
    """Recompile every device's plan."""
    settle_all(state, unsettle(state), now_ms)
