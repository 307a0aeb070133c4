"""The real ``CitizenGate``: asks the gateway over `portal.sock` for one person at a time, and keeps no answer.

A question is asked again on a new connection where the gateway has closed the one that was free. A change is sent once, on a
connection of its own: where that cannot be opened, nothing was changed; where it was sent and no whole answer came back in time,
nobody knows, and the visitor is told so (``OutcomeUnknownError``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from consent.control import SESSION_ENDED, Failure
from consent.errors import ControlRequestError
from consent.messages import Parameters, Result, decode
from consent.portal.gates.citizen import OutcomeUnknownError, SessionEndedError
from consent.portal.gates.public import GateAwayError, GateRefusedError
from consent.portal.gates.ranges import check_ranges
from consent.portal.gates.wire import GateConnections

R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class CitizenWaits:
    """How long is waited, and for how many at once.

    Attributes:
        question_s: For an answer, with the wait for a free connection.
        change_s: Likewise; a change is durable before it is answered.
        connections: So many people are asked for at once.
    """

    question_s: float = 3.0
    change_s: float = 7.0
    connections: int = 8


class CitizenDoor:
    """The gateway behind one socket; of one event loop."""

    def __init__(self, path: Path, waits: CitizenWaits | None = None) -> None:
        """Name the socket; nothing is opened before the first question."""
        self._waits = waits or CitizenWaits()
        self._connections = GateConnections(path, asyncio.Semaphore(self._waits.connections))

    async def ask(self, method: str, params: Parameters, kind: type[R], *, session: str = "", request: str = "") -> R:
        """Return the gateway's answer; see ``CitizenGate``."""
        line = {"jsonrpc": "2.0", "method": method, "params": params, "session": session, "request": request}
        sent = asyncio.Event()
        try:
            async with asyncio.timeout(self._waits.change_s if request else self._waits.question_s):
                reply = await (self._connections.change(line, sent) if request else self._connections.question(line))
            if reply.error is not None:
                raise _refusal(reply.error)
            check_ranges(reply.result)
            return decode(reply.result, kind)
        except (OSError, TimeoutError, EOFError, ValueError, ControlRequestError, RecursionError, msgspec.DecodeError) as error:
            if sent.is_set():
                raise OutcomeUnknownError from error
            raise GateAwayError from error

    async def close(self) -> None:
        """Close the connections that are free."""
        self._connections.close()


def _refusal(failure: Failure) -> Exception:
    """Return what a refusal means; nothing was changed."""
    if failure.code == SESSION_ENDED:
        return SessionEndedError()
    reason = failure.data.reason
    return GateRefusedError(failure.message, reason if isinstance(reason, str) else "")
