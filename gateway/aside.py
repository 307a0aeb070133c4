"""Work aside: the one part of a publication, or guard, that is computed in another thread, so that nothing waits for it.

``gateway.delivery`` begins it and applies the result between two steps of the loop. The thread computes on copies and changes
nothing; where plans have changed meanwhile the result is dropped, with its draw, and where only the log has grown its entry is
made again. Where answers change faster than a draw takes, as on the day that a newspaper tells of it, neither goes on for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.core.inflight import ReadyBundle
from gateway.core.release.guarding import GuardTask
from gateway.core.release.publication import Drawn, Task, draw, is_current, settle
from gateway.core.state import State
from gateway.core.windows.guards import GuardKey

MOST_ROWS_AT_ONCE: Final = 500
"""What is computed from more rows is computed aside: as many take some 20 ms on a small machine."""
_MOST_DROPPED: Final = 3
"""So often in a row a result is dropped, where people change their answers all the time; then one is computed at once."""
_MOST_ENTRIES: Final = 3
"""So often an entry is made again aside, where others are logged all the time; then it is made at once."""


class Aside:
    """At most one part of a publication, or guard, that is being computed.

    Args:
        wake: Called when it is computed.

    Attributes:
        dropped: How many results in a row were dropped because something had changed.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.dropped = 0
        self._wake = wake
        self._task: Task | GuardTask | None = None
        self._future: asyncio.Future[Drawn | frozenset[bytes]] | None = None
        self._entries = 0
        self._guard: tuple[GuardTask, frozenset[bytes]] | None = None

    @property
    def recipient(self) -> str | None:
        """Return whose part or guard is being computed, or None while none is."""
        return None if self._task is None else self._task.recipient

    @property
    def is_ready(self) -> bool:
        """Return whether what was begun is computed and waits to be applied."""
        return self._future is not None and self._future.done()

    def takes(self, rows: int) -> bool:
        """Return whether what is computed from so many rows is to be computed aside, and not at once."""
        return rows > MOST_ROWS_AT_ONCE and self.dropped < _MOST_DROPPED

    def begin(self, task: Task | GuardTask, index: int) -> None:
        """Compute a guard, or a part for the entry at a log index; nothing may be under way."""
        assert self._task is None
        self._task, self._entries = task, 0
        self._run(task.compute if isinstance(task, GuardTask) else partial(draw, task, index))

    def apply(self, state: State, now_ms: int) -> ReadyBundle | None:
        """Apply what is ready; None for a guard, where something has changed, or where a part's entry is made again first."""
        assert self._task is not None
        assert self._future is not None
        task, result, index = self._task, self._future.result(), state.log.size
        if isinstance(result, Drawn) and self._entries < _MOST_ENTRIES and _has_grown(state, result):
            self._entries += 1
            self._future = None  # which holds the former entry
            result = result.without_entry()
            self._run(partial(result.for_index, index))
            return None
        self._task = self._future = None
        if isinstance(result, Drawn):
            settled = settle(state, result, now_ms)
            self.dropped = self.dropped + 1 if settled is None else 0
            return settled
        assert isinstance(task, GuardTask)
        self._guard = (task, result)
        return None

    def guard(self, state: State, key: GuardKey) -> frozenset[bytes] | None:
        """Return a guard that was computed aside; None where another was, or something has changed since."""
        if self._guard is None or self._guard[0].guarded.key != key:
            self._guard = None
            return None
        task, excluded = self._guard
        if not task.is_current(state):
            self._guard = None
            self.dropped += 1
            return None
        self.dropped = 0
        return excluded

    def _run(self, work: Callable[[], Drawn | frozenset[bytes]]) -> None:
        future = self._future = asyncio.get_running_loop().run_in_executor(None, work)
        future.add_done_callback(lambda _: self._wake())


def _has_grown(state: State, drawn: Drawn) -> bool:
    """Return whether only the log has changed since a part was drawn."""
    return is_current(state, drawn) and drawn.entry is not None and drawn.entry.index != state.log.size
