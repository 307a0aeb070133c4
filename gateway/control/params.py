"""Parameters of control methods: read one by one, so that what is missing, wrong or unknown is named in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.config import parse_utc_ms
from gateway.durable.state import Answer, Durable
from gateway.errors import SluiceError

Params = dict[str, Any]
Method = Callable[[Durable, Params], Answer]
"""Runs between two steps of the loop, so it sees and leaves a whole state."""

_ID_BYTES = 16
_REQUIRED: Any = object()


class MethodError(SluiceError):
    """A request that cannot be carried out, in one line, in the words of the person who asked."""

    exit_status = 2


def take(params: Params, key: str, kind: type, default: Any = _REQUIRED) -> Any:
    """Take a parameter out.

    Raises: MethodError: it is missing and has no default, or is of another kind.
    """
    if key not in params:
        if default is _REQUIRED:
            raise MethodError(f"`{key}` is missing")
        return default
    value = params.pop(key)
    if not isinstance(value, kind):
        raise MethodError(f"`{key}` has the wrong type")
    return value


def no_more(params: Params) -> None:
    """Refuse what nobody took: a misspelt parameter must not pass for its default.

    Raises: MethodError: something is left.
    """
    for key in params:
        raise MethodError(f"`{key}` is not a parameter")


def id_of(key: str, text: str) -> bytes:
    """Return the 16 bytes of an id written in hexadecimal digits.

    Raises: MethodError: it is no id.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != _ID_BYTES:
        raise MethodError(f"`{key}` is no id of {2 * _ID_BYTES} hexadecimal digits")
    return value


def take_subject(durable: Durable, params: Params, key: str = "subject") -> bytes:
    """Take the id of a subject that is known.

    Raises: MethodError: it is no id, or nobody's.
    """
    return known_subject(durable, take(params, key, str), key)


def known_subject(durable: Durable, text: str, key: str = "subject") -> bytes:
    """Return the id of a subject that is known.

    Raises: MethodError: it is no id, or nobody's.
    """
    subject = id_of(key, text)
    if subject not in durable.state.registry.subjects:
        raise MethodError("there is no such subject")
    return subject


def actor(durable: Durable, params: Params) -> tuple[bytes, bytes]:
    """Take who speaks: a subject and one of its residents, of whom the only one need not be named.

    Raises: MethodError: there is no such subject, or it has several residents and none is named.
    """
    subject = take_subject(durable, params)
    residents = durable.state.registry.book.residents(subject)
    named = take(params, "resident", str, "")
    if named:
        return subject, id_of("resident", named)
    if len(residents) != 1:
        raise MethodError(f"the subject has `{len(residents)}` residents: name one")
    return subject, residents[0]


def time_ms(key: str, text: str) -> int:
    """Return the instant of an ISO 8601 text in UTC.

    Raises: MethodError: it is none.
    """
    try:
        return parse_utc_ms(text)
    except ValueError as error:
        raise MethodError(f"`{key}`: {error}") from error
