"""Work aside: the one publication part that is computed in another thread, so that neither readings nor withdrawals wait for it.

``gateway.delivery`` begins it and applies the result between two steps of the loop. The thread computes on copies and changes
nothing; where plans have changed meanwhile the result is dropped, with its draw, and where only the log has grown its entry is
made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.core.inflight import ReadyBundle
from gateway.core.release.publication import Drawn, Task, draw, is_current, settle
from gateway.core.state import State

MOST_ROWS_AT_ONCE: Final = 1000
"""Parts of more rows are computed aside: a thousand take some 50 ms on a small machine."""
_MOST_ENTRIES: Final = 3
"""So often an entry is made again aside, where others are logged all the time; then it is made at once."""


class Aside:
    """At most one part of a publication that is being computed.

    Args:
        wake: Called when it is computed.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._task: Task | None = None
        self._future: asyncio.Future[Drawn] | None = None
        self._entries = 0

    @property
    def recipient(self) -> str | None:
        """Return whose part is being computed, or None while none is."""
        return None if self._task is None else self._task.due.recipient

    @property
    def is_ready(self) -> bool:
        """Return whether the part is computed and waits to be applied."""
        return self._future is not None and self._future.done()

    def begin(self, task: Task, index: int) -> None:
        """Compute a part for the entry at a log index; none may be under way."""
        assert self._task is None
        self._task, self._entries = task, 0
        self._run(lambda: draw(task, index))

    def apply(self, state: State, now_ms: int) -> ReadyBundle | None:
        """Apply the part that is ready; None where something has changed, or its entry is made again first."""
        assert self._future is not None
        drawn, index = self._future.result(), state.log.size
        if is_current(state, drawn) and drawn.entry.index != index and self._entries < _MOST_ENTRIES:
            self._entries += 1
            self._run(lambda: drawn.for_index(index))
            return None
        self._task = self._future = None
        return settle(state, drawn, now_ms)

    def _run(self, work: Callable[[], Drawn]) -> None:
        self._future = asyncio.get_running_loop().run_in_executor(None, work)
        self._future.add_done_callback(lambda _: self._wake())
