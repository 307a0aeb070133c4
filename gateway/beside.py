"""Work beside the loop: tasks that run while the gateway does, and whose failure ends it with their error.

Such work never changes the core's state; it queues an action for the loop, or reads what is durable.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from gateway.errors import CorruptionError, UnavailableError

P = ParamSpec("P")
T = TypeVar("T")


class Beside:
    """The tasks of one run."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()

    def add(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run work until it is done; called where an event loop runs, before the gateway does or while it does."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def guarded(self, callback: Callable[P, None]) -> Callable[P, None]:
        """Return a callback whose failure is one of the run: an event loop only logs that of a timer or a socket, and goes on."""

        def call(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                callback(*args, **kwargs)
            except Exception as error:
                self._fail(error)
                raise

        return call

    async def result_of(self, work: Awaitable[T]) -> T:
        """Return the result of work that is done for somebody who is told why it is refused; where the disk fails, the run does.

        Raises:
            SluiceError: It is refused, or the disk's content is damaged.
            UnavailableError: The disk failed.
        """
        try:
            return await work
        except CorruptionError as error:
            self._fail(error)
            raise
        except (OSError, sqlite3.Error) as error:
            self._fail(error)
            raise UnavailableError("the gateway is ending") from error

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
            self._failed.set()

    async def watch(self) -> None:
        """Wait for the first failure, and raise it."""
        await self._failed.wait()
        assert self._failure is not None
        raise self._failure

    async def end(self) -> None:
        """Cancel what has not ended, and wait until it has."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
