"""The doors: what comes in is checked against the table of methods and against who asks, and then run in the gateway's loop.

`control.sock` is the operator's door. `portal.sock` is the public's, who may know what anyone may, and nothing of a person; and
the citizens': a request that brings the token of a session is its resident's, and about nobody but them and their household,
whatever its parameters say. A method that is not for a door is, there, a method that does not exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import cast

import msgspec
from msgspec import UNSET

from consent.citizen_messages import RequestNamed
from consent.control import ControlRequest
from consent.errors import ConsentError, ControlRequestError, PolicyError
from consent.messages import Id, JsonObject, Parameters, Result, decode, encode
from consent.printable import one_line
from gateway.app import Gateway
from gateway.control import discovery
from gateway.control.citizens import requests, sessions
from gateway.control.context import OPERATOR, Caller, Control, Door, MethodError
from gateway.control.methods import METHODS, Method
from gateway.control.socket import Answer
from gateway.core.changes import settling
from gateway.durable.state import Action, answer_of

Sent = bytes | msgspec.Raw | Parameters | JsonObject
"""Parameters: as JSON, as the method's struct, or as plain data."""


class ControlDoor:
    """A way into a running gateway, for one caller; at the public's door, for whoever brings a session too."""

    def __init__(self, gateway: Gateway, caller: Caller = OPERATOR, control: Control | None = None) -> None:
        """Stand before a gateway; a connection shares its door's ``control``, and with it what is kept there."""
        self._gateway = gateway
        self._control = control or Control(gateway.durable, gateway)
        self._caller = caller

    @contextmanager
    def connection(self) -> Iterator[Answer]:
        """Answer the requests of one connection, of which what is for it alone is forgotten when it closes."""
        caller = replace(self._caller, connection=object())
        door = ControlDoor(self._gateway, caller, self._control)
        try:
            yield door.answer_request
        finally:
            discovery.end(self._control, caller)

    async def answer_request(self, request: ControlRequest) -> Result | msgspec.Raw:
        """Answer a request as it came; a long answer is encoded already.

        Raises: SluiceError: it is refused, and nothing has changed.
        """
        answer = await self.answer(request.method, request.params, request.session, request.request)
        return msgspec.Raw(await asyncio.to_thread(encode, answer)) if METHODS[request.method].is_long else answer

    async def answer(self, name: str, sent: Sent, session: str = "", request: str = "") -> Result:
        """Answer a request, once what it changed is durable.

        Raises: SluiceError: it is refused, and nothing has changed.
        """
        try:
            caller = come_in(self._control, self._caller, session, request)
        except MethodError as error:
            if error.reason == "session-ended" and (before := self._before_the_end(name, sent, session, request)) is not None:
                return before
            raise
        method = method_for(name, caller)
        params = read(method, sent, caller)
        disk_space = self._gateway.durable.store.disk_space
        prepared = await self._gateway.result_of(_prepare(self._control, method, params))
        if method.while_waiting and disk_space.waits:
            return cast("Result", method.handler(self._control, caller, params, *prepared))
        if method.at_once:
            return cast("Result", _run(self._control, caller, method, params, *prepared))
        if method.uses_reserve:
            disk_space.release_reserve()
        answer = await self._gateway.ask(lambda: _run(self._control, caller, method, params, *prepared), tick=method.ticks)
        if method.finish is None:
            return answer
        finished = await self._gateway.result_of(method.finish(self._control, answer))
        return requests.completed(self._control, caller, finished)

    def _before_the_end(self, name: str, sent: Sent, session: str, request: str) -> Result | None:
        """Return what a request was answered that has ended its own session, to whoever asks again, or what became of it."""
        method = METHODS.get(name)
        if method is None or Door.CITIZEN not in method.doors:
            return None
        if name == "request.outcome":
            named = read(method, sent)
            assert isinstance(named, RequestNamed)
            found = requests.after_end(self._control, session, named.request)
            return found if found.is_done else None
        return requests.answered_after_end(self._control, session, request, name, method.answer) if request else None


def come_in(control: Control, caller: Caller, session: str, request: str) -> Caller:
    """Return who asks, once what a request brings beside its parameters is looked at.

    Raises: MethodError: this door knows no sessions, the session has ended, or the id is none.
    """
    if (session or request) and Door.PUBLIC not in caller.door:
        raise MethodError("sessions and ids of requests are for the citizens' door")
    known = sessions.resident_of(control, caller, session) if session else caller
    return replace(known, request=requests.read_id(request)) if request else known


def method_for(name: str, caller: Caller) -> Method:
    """Return a method by its name.

    Raises: MethodError: there is none for this caller.
    """
    method = METHODS.get(name)
    if method is None or caller.door not in method.doors:
        raise MethodError(f"there is no method `{one_line(name)}`")
    return method


def read(method: Method, sent: Sent, caller: Caller = OPERATOR) -> Parameters:
    """Return a method's parameters, read and checked; those that name a citizen's household and resident name the citizen's own.

    Raises: MethodError: they do not fit it.
    """
    if isinstance(sent, method.params) and not caller.session:
        return sent
    data = sent if isinstance(sent, bytes | msgspec.Raw) else encode(sent)
    if len(memoryview(data)) > method.longest_bytes:
        raise MethodError(f"the parameters are longer than {method.longest_bytes} bytes")
    try:
        return decode(_own(method, data, caller) if caller.session else data, method.params)
    except ControlRequestError as error:
        raise MethodError(str(error)) from error


def _own(method: Method, data: bytes | msgspec.Raw, caller: Caller) -> bytes | msgspec.Raw:
    """Return parameters with the caller's own household and resident, where the method takes any.

    Raises: MethodError: they are no table.
    """
    own = {"subject": caller.subject.hex(), "resident": caller.resident.hex()}
    named = {key: value for key, value in own.items() if key in method.params.__struct_fields__}
    if not named:
        return data
    try:
        return encode({**msgspec.json.decode(data, type=dict[str, msgspec.Raw]), **named})
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MethodError("the parameters are not json") from error


def action(control: Control, name: str, sent: Sent, caller: Caller = OPERATOR) -> Action[Result]:
    """Return what a request does, to be run between two steps of the core.

    Raises: MethodError: there is no such method for the caller, or the parameters do not fit it.
    """
    method = method_for(name, caller)
    params = read(method, sent, caller)
    if method.prepare is None and method.finish is None:
        return lambda: _run(control, caller, method, params)

    async def whole() -> Result:
        prepared = await _prepare(control, method, params)
        answer = await answer_of(partial(_run, control, caller, method, params, *prepared))
        return answer if method.finish is None else await method.finish(control, answer)

    return whole


async def perform(control: Control, calls: Sequence[tuple[str, Sent]], caller: Caller = OPERATOR) -> list[Result]:
    """Run requests where no gateway runs: all of them in one commit, which is published.

    Raises: MethodError: one is refused.
    """
    return await control.durable.perform([action(control, name, sent, caller) for name, sent in calls])


async def _prepare(control: Control, method: Method, params: Parameters) -> tuple[object, ...]:
    """Return what a handler gets besides its parameters."""
    with _refusals_named():
        return () if method.prepare is None else (await method.prepare(control, params),)


def _run(control: Control, caller: Caller, method: Method, params: Parameters, *prepared: object) -> Result | Awaitable[Result]:
    """Run a handler, for a subject that exists and that the caller may act for; what was done already is answered again."""
    if caller.session:
        sessions.refuse_ended(control, caller)  # it may have ended while the request waited for its turn
    subject, resident = (getattr(params, key, UNSET) or b"" for key in ("subject", "resident"))
    caller.refuse_other(subject, resident)
    if isinstance(subject, Id) and subject not in control.state.registry.subjects:  # a choice of one, its method checks
        raise MethodError("there is no such subject")
    asked = requests.ChangeAsked(caller, method.name, params, method.answer) if method.once and caller.request else None
    if asked is not None and (before := requests.answered(control, asked)) is not None:
        return before
    if not method.at_once:
        concerned = [each for each in (subject, caller.subject) if isinstance(each, bytes) and each]
        settling.settle(control.state, concerned, control.clock.now_ms())
    with _refusals_named():
        answer = method.handler(control, caller, params, *prepared)
    if isinstance(answer, Awaitable):
        return _read(control, asked, answer)
    return answer if asked is None else requests.remembered(control, asked, answer)


async def _read(control: Control, asked: requests.ChangeAsked | None, answer: Awaitable[Result]) -> Result:
    with _refusals_named():
        result = await answer
    return result if asked is None else requests.remembered(control, asked, result)


@contextmanager
def _refusals_named() -> Iterator[None]:
    """Turn what consents or policies refuse into a refusal of the request.

    Raises: MethodError: they do.
    """
    try:
        yield
    except (ConsentError, PolicyError) as error:
        raise MethodError(str(error)) from error
