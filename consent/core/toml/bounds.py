"""Bounds on TOML text, counted by a tokenizer before any parser sees it: a short text must not take all memory or time.

``file`` asks here first. The tokenizer knows strings, comments, words, dots and brackets, no grammar: whatever `tomllib`
gets past, it has counted in the same way, and where it cannot go on, `tomllib` cannot either. It takes time in proportion to
the length of the text, and next to no memory.
"""

from __future__ import annotations

import re
from typing import Final

MOST_PARTS: Final = 16
"""The most parts of a key. `tomllib` keeps every beginning of it: memory grows with the square of their number."""
DEEPEST: Final = 16
"""How deep arrays and inline tables may lie in each other; each level is several calls of the parser."""
LONGEST_WORD: Final = 128
"""The most characters of a bare word: a part of a key, a number, a date. To match a number takes a hundred times its length."""
MOST_WORDS: Final = 50_000
"""The most words and strings in a text, keys and values together; a table takes its parser a kilobyte."""
MOST_BRACKETS: Final = 100_000
"""The most opening brackets: of arrays and inline tables, which may be empty, and of headers, which have one or two."""

# A run of what is neither a word nor a string goes by as one token, as far as it changes nothing that is counted.
_TOKEN: Final = re.compile(
    r"""[ \t\r]++ | (?P<comment>\#[^\n]*+) | (?P<lines>\n[ \t\r\n]*+) | (?P<dot>\.) | (?P<open>[\[{]) | (?P<close>[\]}]) |
    (?P<other>[=,]) | (?P<long>"{3}|'{3}) | (?P<basic>") | (?P<literal>'[^'\n]*+'?+) | (?P<word>[^ \t\r\n\#.\[\]{}=,"']++)""",
    re.VERBOSE,
)
_BASIC_STOP: Final = re.compile(r'[\\"\n]')
_LONG_STOP: Final = {'"""': re.compile(r'\\|"{3,5}'), "'''": re.compile("'{3,5}")}


def excess(text: str) -> str | None:
    """Return what of a TOML text is out of bounds, and in which line; None where nothing is, or the text is no TOML before that.

    Args:
        text: Whatever claims to be TOML.
    """
    parts = depth = words = brackets = at = 0
    in_key_chain = False  # whether a dot came last, so that what follows is one more part
    while (token := _TOKEN.match(text, at)) is not None:
        kind, start, at = token.lastgroup, at, token.end()
        match kind:
            case "dot":
                in_key_chain = True
                continue
            case "open":
                depth += 1
                brackets += 1
                parts = 0
                if brackets > MOST_BRACKETS:
                    return _said(text, start, f"there are more than {MOST_BRACKETS} opening brackets")
                if depth > DEEPEST:
                    return _said(text, start, f"arrays and tables lie more than {DEEPEST} deep in each other")
            case "close":
                depth = max(0, depth - 1)
                parts = 0
            case "other" | "lines":
                parts = 0
            case "word" | "long" | "basic" | "literal":
                words += 1
                parts = parts + 1 if in_key_chain else 1
                if kind == "word" and at - start > LONGEST_WORD:
                    return _said(text, start, f"a key, number or date is longer than {LONGEST_WORD} characters")
                if parts > MOST_PARTS:
                    return _said(text, start, f"a key has more than {MOST_PARTS} parts")
                if words > MOST_WORDS:
                    return _said(text, start, f"there are more than {MOST_WORDS} keys and values")
                if kind in ("long", "basic"):
                    at = _long_end(text, at, token[0]) if kind == "long" else _basic_end(text, at)
                    if at < 0:
                        return None
            case _:
                continue
        in_key_chain = False
    return None


def _basic_end(text: str, at: int) -> int:
    """Return where a string of one line ends; -1 where it does not."""
    while (stop := _BASIC_STOP.search(text, at)) is not None:
        if stop[0] == '"':
            return stop.end()
        if stop[0] == "\n":
            return -1
        at = stop.end() + 1
    return -1


def _long_end(text: str, at: int, quotes: str) -> int:
    """Return where a string of several lines ends, up to two more quotation marks being its own; -1 where it does not."""
    while (stop := _LONG_STOP[quotes].search(text, at)) is not None:
        if stop[0] != "\\":
            return stop.end()
        at = stop.end() + 1
    return -1


def _said(text: str, at: int, what: str) -> str:
    return f"{what} (line {text.count(chr(10), 0, at) + 1})"
