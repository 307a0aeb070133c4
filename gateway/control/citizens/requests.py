"""Ids of requests: what was carried out under one is answered again and not done again; and the control method that asks for it.

What a resident's request has changed is kept with its id in the commit of the change itself, so that both are durable or neither
is. A secret that an answer tells once is not: it is kept in memory, for some minutes, for whoever asks again because the answer
was lost on the way. So are the answers to those who have no household, before they came in or after it was erased.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

import msgspec

from consent.citizen_messages import CHALLENGE_MINUTES, RequestNamed, RequestOutcome
from consent.messages import Parameters, Result, decode, encode, plain
from gateway.control.context import Caller, Control, MethodError
from gateway.core.changes.credentials import session_name
from gateway.core.registry import ANSWERED_KEPT, KeptAnswer

MOST_ANSWERS: Final = 1024
_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_SECRETS: Final = ("token", "paper_code", "claim_code")
"""What is told once: of an answer that is given again after a restart it is left out."""


@dataclass(frozen=True, slots=True)
class ChangeAsked:
    """A request that changes something, under an id.

    Attributes:
        kind: The struct of its answer.
    """

    caller: Caller
    method: str
    params: Parameters
    kind: type[Result]

    @property
    def owner(self) -> bytes:
        """Return for whom its answer is: the session, or, of a visitor, whoever asks exactly the same."""
        return self.caller.session or sha256(self.method.encode() + encode(self.params)).digest()


@dataclass(frozen=True, slots=True)
class _Kept:
    method: str
    answer: Result
    time_ms: int
    until_ms: int


class _Answers:
    """The latest answers, in memory."""

    def __init__(self) -> None:
        """Begin with none."""
        self._answers: OrderedDict[tuple[bytes, bytes], _Kept] = OrderedDict()

    def keep(self, owner: bytes, request: bytes, kept: _Kept, real_ms: int) -> None:
        """Remember one more."""
        self._answers[owner, request] = kept
        while len(self._answers) > MOST_ANSWERS or next(iter(self._answers.values())).until_ms <= real_ms:
            self._answers.popitem(last=False)

    def find(self, owner: bytes, request: bytes, real_ms: int) -> _Kept | None:
        """Return what was answered to a request, if that is remembered."""
        kept = self._answers.get((owner, request))
        return None if kept is None or kept.until_ms <= real_ms else kept


def read_id(text: str) -> bytes:
    """Return the id of a request.

    Raises: MethodError: it is none.
    """
    if not _ID.match(text):
        raise MethodError("`request` is no id of 32 hexadecimal digits")
    return bytes.fromhex(text)


def answered(control: Control, asked: ChangeAsked) -> Result | None:
    """Return what this request was answered before; None where it was not carried out.

    Raises: MethodError: another request had this id.
    """
    caller = asked.caller
    kept = control.kept(_Answers).find(asked.owner, caller.request, control.real_ms())
    if kept is not None:
        return _same(asked, kept.method, kept.answer)
    found = _found(control, caller, caller.request)
    if found is None:
        return None
    answer = decode(found.answer, asked.kind) if found.method == asked.method else None
    return _same(asked, found.method, answer)


def _same(asked: ChangeAsked, method: str, answer: Result | None) -> Result:
    if method != asked.method or answer is None:
        raise MethodError("another request had this id", "request-other")
    return answer


def _found(control: Control, caller: Caller, request: bytes) -> KeptAnswer | None:
    subject = control.state.registry.subjects.get(caller.subject)
    for one in () if subject is None else subject.answered:
        if hmac.compare_digest(one.request, request) and one.resident == caller.resident:
            return one
    return None


def remembered(control: Control, asked: ChangeAsked, answer: Result) -> Result:
    """Remember an answer, in the commit of what it tells of, and return it."""
    caller, time_ms, real_ms = asked.caller, control.clock.now_ms(), control.real_ms()
    kept = _Kept(asked.method, answer, time_ms, real_ms + CHALLENGE_MINUTES * 60_000)
    control.kept(_Answers).keep(asked.owner, caller.request, kept, real_ms)
    subject = control.state.registry.subjects.get(caller.subject)
    if subject is not None:
        given = KeptAnswer(caller.request, caller.resident, asked.method, time_ms, encode(_without_secrets(answer)))
        latest = (*subject.answered, given)[-ANSWERED_KEPT:]
        control.state.registry.keep_subject(msgspec.structs.replace(subject, answered=latest))
    return answer


def completed(control: Control, caller: Caller, answer: Result) -> Result:
    """Remember what has become of an answer since its commit, for whoever asks again, and return it."""
    answers, real_ms = control.kept(_Answers), control.real_ms()
    kept = answers.find(caller.session, caller.request, real_ms)
    if kept is not None:
        answers.keep(caller.session, caller.request, replace(kept, answer=answer), real_ms)
    return answer


def _without_secrets(answer: Result) -> Result:
    told = {name: "" for name in answer.__struct_fields__ if name in _SECRETS}
    return msgspec.structs.replace(answer, **told) if told else answer


def outcome(control: Control, caller: Caller, params: RequestNamed) -> RequestOutcome:
    """Tell what became of a request whose answer did not come."""
    found = _found(control, caller, bytes(params.request))
    if found is not None:
        return _told(found.method, found.time_ms, msgspec.json.decode(found.answer))
    return after_end(control, caller.token, bytes(params.request))


def after_end(control: Control, token: str, request: bytes) -> RequestOutcome:
    """Tell the same by the session's token alone: also of one that has ended, perhaps by that very request."""
    kept = control.kept(_Answers).find(session_name(token), request, control.real_ms())
    if kept is None:
        return RequestOutcome(is_done=False, method="", time_ms=0, log_indices=[])
    return _told(kept.method, kept.time_ms, plain(kept.answer))


def answered_after_end(control: Control, token: str, request: str, method: str, kind: type[Result]) -> Result | None:
    """Return what a request was answered that has ended its own session."""
    kept = control.kept(_Answers).find(session_name(token), read_id(request), control.real_ms())
    return kept.answer if kept is not None and kept.method == method and isinstance(kept.answer, kind) else None


def _told(method: str, time_ms: int, answer: Any) -> RequestOutcome:
    return RequestOutcome(is_done=True, method=method, time_ms=time_ms, log_indices=sorted(set(_indices(answer))))


def _indices(value: Any) -> Iterator[int]:
    """Yield the log indices that an answer names."""
    if isinstance(value, list):
        for one in value:
            yield from _indices(one)
    elif isinstance(value, dict):
        if isinstance(value.get("log_index"), int):
            yield value["log_index"]
        yield from value.get("log_indices", [])
        for one in value.values():
            yield from _indices(one)
