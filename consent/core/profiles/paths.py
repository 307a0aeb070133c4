"""Paths into messages: the grammar in which a device profile says where something stands.

``parse`` takes every path of a profile through here, and ``gateway.core.codecs.message.place`` compiles the steps. A path is
names joined by dots, with list positions and the topic's levels beside them:

    a.b                  the field `b` of the field `a`
    "pm2.5".x            a name that holds a dot, in quotation marks of either kind
    [0]  [-1]            an element of a list; the last one
    [key=value]          the first element of a list whose field `key` is that, as text; either may be quoted
    $topic[2]            a level of the topic, from 0 on; -1 is the last
    (nothing)            the payload itself
    ^a.b                 from the whole message, where lists are read by element
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

LONGEST: Final = 200
"""The most characters of a path."""

_TOPIC: Final = "$topic"
_BARE: Final = re.compile(r"""[^.\[\]"'=^]+""")
_POSITION: Final = re.compile(r"-?[0-9]{1,6}")
_QUOTED: Final = re.compile(r"""(?P<mark>["'])(?P<text>(?:(?!(?P=mark)).)+)(?P=mark)""")


class Root(Enum):
    """Where a path begins."""

    MESSAGE = "message"
    WHOLE = "whole"
    TOPIC = "topic"


@dataclass(frozen=True, slots=True)
class Name:
    """The field of this name."""

    key: str


@dataclass(frozen=True, slots=True)
class Index:
    """The element at this position of a list (of the topic: the level); a negative one counts from the end."""

    position: int


@dataclass(frozen=True, slots=True)
class Where:
    """The first element of a list whose field is this, compared as text."""

    key: str
    value: str


Step = Name | Index | Where


@dataclass(frozen=True, slots=True)
class Path:
    """A place in a message.

    Attributes:
        root: MESSAGE is the element where a list is read by element, and the whole message where none is.
        steps: From there on; of TOPIC exactly one ``Index``.
    """

    root: Root
    steps: tuple[Step, ...]

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names that lead from the message to the place; None where anything else does."""
        if self.root is not Root.MESSAGE or not self.steps:
            return None
        names = tuple(step.key for step in self.steps if isinstance(step, Name))
        return names if len(names) == len(self.steps) else None


def parse_path(text: str) -> Path:
    """Parse a path.

    Raises:
        ValueError: It is none; the reason stands in the error, in words that can follow "should be" or stand alone.
    """
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    if text == _TOPIC or text.startswith(f"{_TOPIC}["):
        return _topic_level(text)
    root, at = (Root.WHOLE, 1) if text.startswith("^") else (Root.MESSAGE, 0)
    steps: list[Step] = []
    while at < len(text):
        if text[at] == "[":
            step, at = _bracketed(text, at)
        else:
            at = _past_dot(text, at, first=not steps)
            key, at = _name(text, at)
            step = Name(key)
        steps.append(step)
    return Path(root, tuple(steps))


def _topic_level(text: str) -> Path:
    position = text[len(_TOPIC) + 1 : -1]
    if not text.endswith("]") or not _POSITION.fullmatch(position):
        raise ValueError(f"`{text}` should name one level of the topic, such as `$topic[1]` or `$topic[-1]`")
    return Path(Root.TOPIC, (Index(int(position)),))


def _past_dot(text: str, at: int, *, first: bool) -> int:
    """Return where a name begins: after the dot that joins it to what stands before, or at once."""
    if first:
        return at
    if text[at] != ".":
        raise ValueError(f"`{text}` should have a dot before `{text[at:]}`")
    return at + 1


def _name(text: str, at: int) -> tuple[str, int]:
    """Read a name, bare or quoted; return it and where it ends."""
    if (quoted := _QUOTED.match(text, at)) is not None:
        return quoted["text"], quoted.end()
    if text[at : at + 1] in ("'", '"'):
        raise ValueError(f"`{text}` has a quotation mark that is not closed, or nothing between two")
    if (bare := _BARE.match(text, at)) is not None:
        return bare[0], _checked_end(text, bare.end())
    if at < len(text) and text[at] in "]=^":
        raise ValueError(f"`{text}` holds `{text[at]}`, which means nothing there: a name that has one stands in quotation marks")
    raise ValueError(f"`{text}` should be names joined by dots; one of them is empty")


def _checked_end(text: str, at: int) -> int:
    """Return where a bare name ends, once it is clear that it ends there."""
    if at < len(text) and text[at] not in ".[":
        raise ValueError(f"`{text}` holds `{text[at]}`, which means nothing there: a name that has one stands in quotation marks")
    return at


def _bracketed(text: str, at: int) -> tuple[Step, int]:
    """Read `[0]` or `[key=value]`; return the step and where it ends."""
    end = _closing(text, at)
    inner = text[at + 1 : end]
    if _POSITION.fullmatch(inner):
        return Index(int(inner)), end + 1
    equals = _equals(inner)
    if equals is None:
        raise ValueError(f"`{text}` should have a position such as `[0]`, or `[key=value]`, between its brackets")
    key, value = _unquoted(inner[:equals]), _unquoted(inner[equals + 1 :])
    if not key or not value:
        raise ValueError(f"`{text}` should have a key and a value between its brackets")
    return Where(key, value), end + 1


def _closing(text: str, at: int) -> int:
    """Return where the bracket that opens at a place is closed, quoted brackets aside."""
    place = at + 1
    while place < len(text):
        if (quoted := _QUOTED.match(text, place)) is not None:
            place = quoted.end()
        elif text[place] == "]":
            return place
        else:
            place += 1
    raise ValueError(f"`{text}` has a bracket that is not closed")


def _equals(inner: str) -> int | None:
    """Return where the key ends within brackets."""
    quoted = _QUOTED.match(inner)
    place = inner.find("=", quoted.end() if quoted is not None else 0)
    return place if place >= 0 else None


def _unquoted(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    return quoted["text"] if quoted is not None else text
