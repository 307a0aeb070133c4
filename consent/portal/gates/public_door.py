"""The real ``Gate``: asks the gateway over `portal.sock`, few questions at a time, and keeps each answer for a moment.

A hundred readers of a page ask the gateway once: whoever asks while a question is under way waits for its answer, which is kept
for a moment after that. Public numbers change by the hour and no sooner, so most are kept for seconds. That the gateway is
away is kept for a moment too, so that a page with four questions waits for one of them. The wire is that of ``consent.control``.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from consent.control import Failure
from consent.errors import ControlRequestError
from consent.messages import Nothing, Parameters, decode, encode
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.gates.ranges import check_ranges
from consent.portal.gates.wire import GateConnections
from consent.public_messages import (
    DayOf,
    EntryAt,
    EntryTold,
    PlaceOn,
    PlaceTold,
    PublicBalance,
    PublicDoor,
    PublicFlows,
    PublicSensors,
    PublicState,
)

R = TypeVar("R")

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Waits:
    """How long is waited, and how long is kept.

    Attributes:
        answer_s: For an answer, with the wait for a free connection.
        moment_s: For so long a state is kept, and that the gateway is away, and any answer of a gateway with a simulated clock.
        numbers_s: For so long other answers are kept, and not beyond the gateway's hour.
        answers: So many answers are kept at most.
        connections: So many questions are asked at once.
    """

    answer_s: float = 3.0
    moment_s: float = 1.0
    numbers_s: float = 10.0
    answers: int = 512
    connections: int = 4


@dataclass(slots=True)
class _Kept:
    """A question under way, or its answer.

    Attributes:
        until: Up to when it is kept, by the loop's clock; None while it is under way.
    """

    task: asyncio.Task[Any]
    until: float | None = None


class PublicGate:
    """The gateway behind one socket; of one event loop."""

    def __init__(self, path: Path, waits: Waits | None = None, clock: Callable[[], float] | None = None) -> None:
        """Name the socket; nothing is opened before the first question.

        Args:
            clock: Monotonic seconds; the event loop's where none is given.
        """
        self._waits = waits or Waits()
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._kept: OrderedDict[tuple[str, bytes], _Kept] = OrderedDict()  # those longest unused first
        self._connections = GateConnections(path, asyncio.Semaphore(self._waits.connections))
        self._away_until = float("-inf")
        self._state: PublicState | None = None

    async def state(self) -> PublicState:
        """Return how the gateway is; see ``Gate``."""
        return await self._ask("public.state", Nothing(), PublicState)

    async def sensors(self) -> PublicSensors:
        """Return what is registered; see ``Gate``."""
        return await self._ask("public.sensors", Nothing(), PublicSensors)

    async def flows(self) -> PublicFlows:
        """Return how far each flow is open; see ``Gate``."""
        return await self._ask("public.flows", Nothing(), PublicFlows)

    async def balance(self, day: str = "") -> PublicBalance:
        """Return where the readings of a day went; see ``Gate``."""
        return await self._ask("public.balance", DayOf(day=day), PublicBalance)

    async def place(self, zone: str, day: str = "") -> PlaceTold:
        """Return what left of the city's own sensors in a zone; see ``Gate``."""
        return await self._ask("public.place", PlaceOn(zone=zone, day=day), PlaceTold)

    async def entry(self, index: int) -> EntryTold:
        """Return what an entry says; see ``Gate``."""
        return await self._ask("public.entry", EntryAt(index=index), EntryTold)

    async def close(self) -> None:
        """Close the connections, and leave the questions under way."""
        for kept in self._kept.values():
            kept.task.cancel()
        await asyncio.gather(*(kept.task for kept in self._kept.values()), return_exceptions=True)
        self._kept.clear()
        self._connections.close()

    async def _ask(self, method: PublicDoor, params: Parameters, kind: type[R]) -> R:
        key = (method, encode(params))
        kept = self._kept.get(key)
        if kept is None or (kept.until is not None and kept.until <= self._clock()):
            kept = self._kept[key] = _Kept(asyncio.create_task(self._answer(method, params, kind)))
            kept.task.add_done_callback(lambda task, kept=kept: self._keep(key, kept, task))  # type: ignore[misc]
            self._forget()
        self._kept.move_to_end(key)
        return cast("R", await asyncio.shield(kept.task))  # who leaves does not take the answer from the others

    def _keep(self, key: tuple[str, bytes], kept: _Kept, task: asyncio.Task[Any]) -> None:
        """Set for how long an answer is kept; an error is told to those who wait, and to nobody after them."""
        if task.cancelled() or task.exception() is not None:
            if self._kept.get(key) is kept:
                del self._kept[key]
            return
        kept.until = self._clock() + (self._waits.moment_s if isinstance(task.result(), PublicState) else self._numbers_s())

    def _numbers_s(self) -> float:
        """Return for how long numbers are kept: those of the present hour not into the next."""
        state = self._state
        if state is None or state.simulated:
            return self._waits.moment_s
        return min(self._waits.numbers_s, (_HOUR_MS - state.now_ms % _HOUR_MS) / 1000)

    def _forget(self) -> None:
        """Drop the answers longest unused beyond the bound; questions under way stay, as many as there are readers who wait."""
        over = len(self._kept) - self._waits.answers
        for key in [key for key, kept in self._kept.items() if kept.until is not None][: max(over, 0)]:
            del self._kept[key]

    async def _answer(self, method: PublicDoor, params: Parameters, kind: type[R]) -> R:
        if self._clock() < self._away_until:
            raise GateAwayError
        try:
            async with asyncio.timeout(self._waits.answer_s):
                reply = await self._connections.question({"jsonrpc": "2.0", "method": method, "params": params})
            if reply.error is not None:
                raise _refusal(params, reply.error)
            check_ranges(reply.result)
            answer = decode(reply.result, kind)
        except (OSError, TimeoutError, EOFError, ValueError, ControlRequestError, RecursionError, msgspec.DecodeError) as error:
            self._away_until = self._clock() + self._waits.moment_s
            raise GateAwayError from error
        if isinstance(answer, PublicState):
            self._state = answer
        return answer


def _refusal(params: Parameters, failure: Failure) -> Exception:
    """Return what a refusal means: a gateway that refuses a question without parameters does not know the question."""
    return ControlRequestError(failure.message) if isinstance(params, Nothing) else GateRefusedError(failure.message)
