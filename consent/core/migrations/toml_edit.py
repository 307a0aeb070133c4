"""Edits of TOML text that change or remove one value and nothing else: comments, order, spaces and line ends stay as they are.

No writer of TOML is used. The value is sought in the text wherever it stands between quotation marks, and an edit counts only if
the text after it parses to the same as before with that one value changed or gone. So an edit is right, or there is none.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_MOST_TRIED: Final = 64

Table = dict[str, object]


@dataclass(frozen=True, slots=True)
class Edited:
    """A text after an edit, and the line in which it was made, from 1."""

    text: str
    line: int


def replace_text(text: str, keys: Sequence[str], new: str) -> Edited | None:
    """Return a TOML text with the text value of a key replaced; None where that cannot be done in safety.

    Args:
        text: Valid TOML.
        keys: The names that lead to the value, from the outermost table.
        new: The value to set; it needs no escaping.
    """
    before = _parsed(text)
    table = _table(before, keys[:-1])
    old = table.get(keys[-1])
    if not isinstance(old, str):
        return None
    wanted = copy.deepcopy(before)
    _table(wanted, keys[:-1])[keys[-1]] = new
    quoted = re.compile(f"(?<=\"){re.escape(old)}(?=\")|(?<='){re.escape(old)}(?=')")
    for tried, found in enumerate(quoted.finditer(text)):
        if tried == _MOST_TRIED:
            break
        after = text[: found.start()] + new + text[found.end() :]
        if _parsed(after) == wanted:
            return Edited(after, line_at(text, found.start()))
    return None


def remove_key(text: str, keys: Sequence[str]) -> Edited | None:
    """Return a TOML text without a key, whose line goes with all that stands on it; None where that cannot be done in safety.

    Args:
        text: Valid TOML.
        keys: As for ``replace_text``.
    """
    wanted = _parsed(text)
    table = _table(wanted, keys[:-1])
    if keys[-1] not in table:
        return None
    del table[keys[-1]]
    own = re.compile(rf"^[ \t]*[\"']?{re.escape(keys[-1])}[\"']?[ \t]*=.*(?:\n|\Z)", re.MULTILINE)
    for tried, found in enumerate(own.finditer(text)):
        if tried == _MOST_TRIED:
            break
        after = text[: found.start()] + text[found.end() :]
        if _parses_to(after, wanted):
            return Edited(after, line_at(text, found.start()))
    return None


def line_of(text: str, keys: Sequence[str]) -> int:
    """Return the line that most likely leads to a key: its own after its table's header, else the header, else the first."""
    start = 0
    for end in range(len(keys), 0, -1):
        names = r"\s*\.\s*".join(f"[\"']?{re.escape(key)}[\"']?" for key in keys[:end])
        header = re.search(rf"^[ \t]*\[\s*{names}\s*\]", text, re.MULTILINE)
        if header is not None:
            start = header.start()
            break
    own = re.compile(rf"(?<![\w-]){re.escape(keys[-1])}[\"']?\s*=").search(text, start)
    return line_at(text, own.start() if own is not None else start)


def line_at(text: str, position: int) -> int:
    """Return the number of the line in which a position stands, from 1."""
    return text.count("\n", 0, position) + 1


def _parsed(text: str) -> Table:
    return tomllib.loads(text, parse_float=Decimal)


def _parses_to(text: str, wanted: Table) -> bool:
    try:
        return _parsed(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _table(document: Table, keys: Sequence[str]) -> Table:
    """Return the table that names lead to; an empty one where they lead nowhere."""
    table: object = document
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}
