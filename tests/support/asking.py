"""Asks control methods of a state in this process, with plain data in and out, as whoever has the control socket does."""

from __future__ import annotations

from typing import Any

from consent.messages import Result, plain
from gateway.app import Gateway
from gateway.control import doors
from gateway.control.context import OPERATOR, Caller, Control
from gateway.durable.state import Durable, answer_of

Answer = dict[str, Any]


def call(durable: Durable, method: str, params: dict[str, Any] | None = None, caller: Caller = OPERATOR) -> Answer:
    """Run a method that needs the memory alone; commit nothing.

    Raises: MethodError: it is refused.
    """
    answer = doors.action(Control(durable), method, params or {}, caller)()
    assert isinstance(answer, Result)
    return as_plain(answer)


async def begin(durable: Durable, method: str, params: dict[str, Any] | None = None, caller: Caller = OPERATOR) -> Answer:
    """Run a method, and commit no more than it does by itself.

    Raises: MethodError: it is refused.
    """
    return as_plain(await answer_of(doors.action(Control(durable), method, params or {}, caller)))


async def perform(durable: Durable, *calls: tuple[str, dict[str, Any]]) -> list[Answer]:
    """Run methods where no gateway runs: all in one commit, which is published.

    Raises: MethodError: one is refused.
    """
    return [as_plain(answer) for answer in await doors.perform(Control(durable), calls)]


async def ask(app: Gateway, method: str, params: dict[str, Any] | None = None, caller: Caller = OPERATOR) -> Answer:
    """Ask a running gateway through a door; the answer is given once the change is committed.

    Raises: SluiceError: it is refused.
    """
    return as_plain(await doors.ControlDoor(app, caller).answer(method, params or {}))


def as_plain(answer: Result) -> Answer:
    """Return an answer as a client reads it."""
    shown: Answer = plain(answer)
    return shown
