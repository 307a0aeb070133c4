"""The control interface on the wire: JSON-RPC 2.0 by lines over a Unix socket, and the client that speaks it.

A request is one line and so is its answer. What a line may be at most, how deep it may be nested, and that no object has a key
twice, is checked before it is parsed: readers of JSON differ in which of two they take. The gateway's server
(``gateway.control.socket``) and every client share this module. What the methods take and answer stands in ``consent.messages``.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from consent.errors import ControlRequestError
from consent.messages import JsonObject, Parameters, decode, encode
from consent.printable import one_line

R = TypeVar("R")

LINE_BYTES: Final = 16 * 1024 * 1024
"""The longest request; ten thousand devices to register, or the files of two policies folders, are shorter."""
PARTS: Final = 1 << 18
"""The most quotation marks, and the most opening brackets, in a request."""
DEPTH: Final = 16
"""How deep arrays and objects may lie in each other."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
REFUSED: Final = -32000
SESSION_ENDED: Final = -32001
"""The token is of no session any more: whoever sent it has to come in again."""
TOO_MANY: Final = -32002
"""Too many wrong codes were typed, by whomever: nobody's is looked at for a moment."""
CODES: Final = {"session-ended": SESSION_ENDED, "too-many": TOO_MANY}
"""The reasons that have a code of their own; every other refusal has ``REFUSED``."""

_MARKS: Final = re.compile(rb'("(?:[^"\\]|\\.)*+"?)(?:[ \t\r\n]*+(:))?|[\[{]|[\]}]', re.DOTALL)
"""A text, with the colon that makes a key of it, or a bracket."""
_OPENING: Final = b"[{"


class ControlRequest(msgspec.Struct, frozen=True):
    """A request as it came, its parameters unread.

    Attributes:
        session: The token of a citizen's session, at the door that citizens use; empty elsewhere, and of a visitor.
        request: An id that the asker made for a change, 32 hexadecimal digits: the same one changes nothing twice. Empty: none.
    """

    jsonrpc: str
    method: str
    id: int | float | str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    session: str = ""
    request: str = ""


class ErrorData(msgspec.Struct, frozen=True):
    """What an error holds for programs.

    Attributes:
        lines: All of it, where the message does not say it.
        reason: In one word, where whoever asked may do something about it; the words stand at the citizens' methods.
    """

    exit_status: int
    lines: Sequence[str] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Failure(msgspec.Struct, frozen=True):
    """Why a request was refused, in one line."""

    code: int
    message: str
    data: ErrorData


class Answered(msgspec.Struct, frozen=True):
    """The answer to a request that was carried out."""

    id: int | float | str | None
    result: Any
    jsonrpc: str = "2.0"


class Refused(msgspec.Struct, frozen=True):
    """The answer to a request that was not."""

    id: int | float | str | None
    error: Failure
    jsonrpc: str = "2.0"


class _Reply(msgspec.Struct, frozen=True):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None


class WireError(Exception):
    """A line that is no request.

    Attributes:
        code: As JSON-RPC has it.
    """

    def __init__(self, code: int, message: str) -> None:
        """Take the reason, in one line."""
        super().__init__(message)
        self.code = code


def parse_request(line: bytes) -> ControlRequest:
    """Read a line as a request.

    Raises: WireError: it is none.
    """
    _check_nesting(line)
    try:
        request = msgspec.json.decode(line, type=ControlRequest)
    except msgspec.ValidationError as error:
        raise WireError(INVALID_REQUEST, "not a json-rpc 2.0 request") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise WireError(PARSE_ERROR, "not json") from error
    if request.jsonrpc != "2.0" or bytes(request.params).lstrip()[:1] != b"{":
        raise WireError(INVALID_REQUEST, "not a json-rpc 2.0 request with named parameters")
    return request


def _check_nesting(line: bytes) -> None:
    """Refuse a line that is nested too deep, or has too many parts for that to be counted in time, or a key twice in one object.

    Raises: WireError: it is.
    """
    if line.count(b"[") + line.count(b"{") > PARTS or line.count(b'"') > PARTS:
        raise WireError(PARSE_ERROR, "not json, or nested too deep")
    keys: list[set[bytes]] = []  # of each object that is open
    for mark in _MARKS.finditer(line):
        if mark[2] is not None:
            key = _key(mark[1])
            if keys and key in keys[-1]:
                raise WireError(INVALID_REQUEST, f"the key `{one_line(key.decode(errors='replace'))}` stands twice in one object")
            if keys:
                keys[-1].add(key)
        elif mark[1] is None:
            if line[mark.start()] not in _OPENING:
                del keys[-1:]
            elif len(keys) == DEPTH:
                raise WireError(PARSE_ERROR, "not json, or nested too deep")
            else:
                keys.append(set())


def _key(text: bytes) -> bytes:
    """Return a key as it is meant: a letter may be written as its number."""
    if b"\\" not in text:
        return text[1:-1]
    try:
        return msgspec.json.decode(text, type=str).encode(errors="replace")
    except (msgspec.DecodeError, UnicodeError):
        return text  # no json, as its reader will find


def answered(request_id: float | str | None, result: Any) -> bytes:
    """Return the line of an answer."""
    return encode(Answered(request_id, result)) + b"\n"


def refused(
    request_id: float | str | None,
    code: int,
    message: str,
    exit_status: int = 2,
    lines: Sequence[str] = (),
    reason: str = "",
) -> bytes:
    """Return the line of a refusal."""
    return encode(Refused(request_id, Failure(code, message, ErrorData(exit_status, lines or UNSET, reason or UNSET)))) + b"\n"


class ControlError(Exception):
    """A request that brought no result.

    Attributes:
        exit_status: What a command that asked should end with.
    """

    exit_status = 1
    lines: tuple[str, ...] = ()
    """Where one line does not tell all: the lines that do."""


class AwayError(ControlError):
    """No gateway serves there, or it went away before it answered."""


class RefusedError(ControlError):
    """The gateway refused a request.

    Attributes:
        code: As JSON-RPC has it: ``REFUSED``, or one of ``CODES``.
        reason: In one word, where it has one; see ``ErrorData``.
    """

    def __init__(
        self, message: str, exit_status: int, lines: Sequence[str] = (), *, code: int = REFUSED, reason: str = ""
    ) -> None:
        """Carry the gateway's own exit status on, its lines, and its reason."""
        super().__init__(message)
        self.exit_status = exit_status
        self.lines = tuple(lines)
        self.code = code
        self.reason = reason


def _refusal(failure: Failure) -> RefusedError:
    data = failure.data
    lines = () if data.lines is UNSET else data.lines
    reason = "" if data.reason is UNSET else data.reason
    return RefusedError(failure.message, data.exit_status, lines, code=failure.code, reason=reason)


class ControlClient:
    """A connection to a running gateway: plain blocking calls."""

    def __init__(self, path: Path, timeout_s: float = 60.0) -> None:
        """Connect.

        Raises: AwayError: no gateway serves there.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            why = "this user may not ask the gateway" if isinstance(error, PermissionError) else "no gateway is running"
            raise AwayError(f"`{path}`: {why}") from error
        self._file = self._socket.makefile("rb")
        self._next_id = 0

    def ask(self, method: str, params: Parameters, kind: type[R]) -> R:
        """Ask, and return the answer as a struct.

        Raises: RefusedError: the gateway refuses. AwayError: it went away. ControlRequestError: its answer is of another form.
        """
        return decode(self._ask(method, params), kind)

    def call(self, method: str, params: Parameters | JsonObject | None = None) -> JsonObject:
        """Ask, and return the answer as plain data.

        Raises: RefusedError: the gateway refuses. AwayError: it went away.
        """
        result: JsonObject = json.loads(bytes(self._ask(method, params or {})))
        return result

    def _ask(self, method: str, params: Parameters | JsonObject) -> msgspec.Raw:
        self._next_id += 1
        line = encode({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}) + b"\n"
        try:
            self._socket.sendall(line)
            answer = self._file.readline()
        except OSError as error:
            raise AwayError("the gateway went away before it answered") from error
        if not answer:
            raise AwayError("the gateway went away before it answered")
        try:
            reply = msgspec.json.decode(answer, type=_Reply)
        except msgspec.DecodeError as error:
            raise ControlRequestError("the answer is not one of json-rpc 2.0") from error
        if reply.error is not None:
            raise _refusal(reply.error)
        return reply.result

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection at the end."""
        self.close()
