"""Turns: long work of the core in small pieces, of which the loop runs one at a time between requests and batches.

A piece leaves the state whole: a commit may come after any of them, and so may the end of the process. Whatever no piece has
come to is withheld by whoever added it.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

Pieces = Iterator[None]
"""Each ``next`` does one piece of a work, of some 20 ms at most on a small machine."""


def lasting(pieces: Pieces) -> Pieces:
    """Do a work whose pieces make what lasts, such as plans: no later collection of garbage needs to look at that.

    It is set aside after each piece, or a collection would hold the loop up for longer than any piece. What is garbage by then
    would stay for good: it is collected first, which only looks at what was made since the last such work.
    """
    for number, _ in enumerate(pieces):
        if number == 0:
            gc.collect()
        gc.freeze()
        yield


class _Work(NamedTuple):
    name: str
    pieces: Pieces


class Turns:
    """Works under way; the earliest added is finished first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._works: deque[_Work] = deque()
        self._work_ended = asyncio.Event()  # another one after each work
        self.wake: Callable[[], None] = lambda: None
        """Called when a work is added: whoever runs the pieces sets it."""

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

    def begin(self, name: str, pieces: Pieces) -> bool:
        """Begin a work with its first piece, at once; the rest is added. Nothing is done while one of its name is under way.

        Returns: Whether all of it is done.
        """
        if name in self.names:
            return False
        for _ in pieces:
            self.add(name, pieces)
            return False
        return True

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
                self._work_ended.set()
                self._work_ended = asyncio.Event()
        return self.pending

    async def finished(self, name: str) -> None:
        """Wait until no work of a name is under way."""
        while name in self.names:
            await self._work_ended.wait()

    def run_all(self) -> None:
        """Run every piece of every work, for commands that no loop waits behind."""
        while self.run_one():
            pass
