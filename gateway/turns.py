"""Turns: long work of the core in small pieces, of which the loop runs one at a time between requests and batches.

A piece leaves the state whole: a commit may come after any of them, and so may the end of the process. Whatever no piece has
come to is withheld by whoever added it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

Pieces = Iterator[None]
"""Each ``next`` does one piece of a work, of some 20 ms at most on a small machine."""


class _Work(NamedTuple):
    name: str
    pieces: Pieces


class Turns:
    """Works under way; the earliest added is finished first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._works: deque[_Work] = deque()
        self.wake: Callable[[], None] = lambda: None
        """Called when a work is added: whoever runs the pieces sets it."""
        self._awaited: list[asyncio.Future[None]] = []

    @property
    def pending(self) -> bool:
        """Return whether any work is under way."""
        return bool(self._works)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the works under way, in the order in which they will be finished."""
        return tuple(work.name for work in self._works)

    def add(self, name: str, pieces: Pieces) -> None:
        """Begin a work; nothing of it is done before its first turn."""
        self._works.append(_Work(name, pieces))
        self.wake()

    def run_one(self) -> bool:
        """Run one piece of the earliest work; an error of a piece is raised, and ends the run.

        Returns: Whether any work is still under way.
        """
        if self._works:
            work = self._works[0]
            try:
                next(work.pieces)
            except StopIteration:
                self._works.popleft()
                self._tell()
        return self.pending

    async def finished(self, name: str) -> None:
        """Wait until no work of a name is under way."""
        while name in self.names:
            self._awaited.append(asyncio.get_running_loop().create_future())
            await self._awaited[-1]

    def _tell(self) -> None:
        """Wake those who wait for the end of a work."""
        awaited, self._awaited = self._awaited, []
        for future in awaited:
            if not future.done():
                future.set_result(None)

    def run_all(self) -> None:
        """Run every piece of every work, for commands that no loop waits behind."""
        while self.run_one():
            pass
