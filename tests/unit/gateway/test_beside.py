"""Work beside the loop: it may end, it ends the run where it fails, and it does not outlive it."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from gateway.beside import Beside
from gateway.errors import OperatorError, UnavailableError


def test_failure_is_told_however_early_it_came() -> None:
    """Also that of work which failed before anybody watched; work that is done is no failure."""

    async def work() -> None:
        beside, release = Beside(), asyncio.Event()

        async def done() -> None:
            release.set()

        async def fail() -> None:
            await release.wait()
            raise ValueError("found late")

        beside.add(done(), "done")
        beside.add(fail(), "failing")
        await release.wait()
        with pytest.raises(ValueError, match="found late"):
            await asyncio.wait_for(beside.watch(), 60)

    asyncio.run(work())


def test_end_cancels_what_has_not_ended() -> None:
    """And waits until it has put away its things."""

    async def work() -> bool:
        beside, began, put_away = Beside(), asyncio.Event(), asyncio.Event()

        async def forever() -> None:
            try:
                began.set()
                await asyncio.Event().wait()
            finally:
                put_away.set()

        beside.add(forever(), "endless")
        await began.wait()
        await beside.end()
        return put_away.is_set()

    assert asyncio.run(work())


def test_callback_that_fails_ends_the_run_and_one_that_does_not_is_called_as_it_is() -> None:
    """Of a timer or a socket an event loop would log the failure, and go on without what the callback was to do."""

    async def work() -> None:
        beside, heard = Beside(), list[int]()

        def fail() -> None:
            raise ValueError("in a timer")

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        loop.call_soon(beside.guarded(heard.append), 5)
        loop.call_soon(beside.guarded(fail))
        with pytest.raises(ValueError, match="in a timer"):
            await asyncio.wait_for(beside.watch(), 60)
        assert heard == [5]

    asyncio.run(work())


@pytest.mark.parametrize("failure", [OSError(5, "Input/output error"), sqlite3.OperationalError("disk I/O error")])
def test_disk_that_fails_under_a_request_ends_the_run_and_a_refusal_does_not(failure: Exception) -> None:
    """Whoever asked is told that the gateway ends; nobody else's request is answered by one that has lost what it wrote."""

    async def work() -> None:
        beside = Beside()

        async def refuse() -> None:
            raise OperatorError("not so")

        async def fail() -> None:
            raise failure

        with pytest.raises(OperatorError, match="not so"):
            await beside.result_of(refuse())
        assert beside._failure is None
        with pytest.raises(UnavailableError):
            await beside.result_of(fail())
        with pytest.raises(type(failure)):
            await asyncio.wait_for(beside.watch(), 60)

    asyncio.run(work())
