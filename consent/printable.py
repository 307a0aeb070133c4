"""Foreign text made fit to be shown: what would move, erase, reorder, forge or hide text is written out as an escape.

A policy, a topic, a log, a note, a bundle and an argument are other people's text. A terminal obeys control characters, a line
feed begins a line that looks like one of ours, and the bidirectional controls show words in another order than they stand in
(the "Trojan Source" attack). Here each becomes the escape that JSON has for it, so that JSON stays JSON and means the same.

It stands below everything and imports nothing. ``gateway.terminal`` puts it before the streams of every command; whoever puts
foreign text into a line of ours uses it too, since a stream cannot tell whose line feed it is.

Source: ECMA-48 (C0, C1), UAX #9 (bidirectional controls), UAX #31 and UTS #39 (default ignorable characters), RFC 8259.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LONGEST_QUOTE: Final = 200

# C0, DEL and C1; the bidirectional marks, embeddings, overrides and isolates; line and paragraph separators; characters without
# a form of their own; halves of surrogate pairs; tags. The joiners U+200C and U+200D stay: Persian, Hindi and emoji need them.
_OTHERS: Final = (
    "\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
UNPRINTABLE: Final = re.compile(f"[\0-\x1f{_OTHERS}]")
"""A character that is not shown as it is."""
_UNPRINTABLE_IN_LINES: Final = re.compile(f"[\0-\x08\x0b-\x1f{_OTHERS}]")
_SHORT: Final = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def printable(text: str) -> str:
    r"""Return a text that holds no line end and nothing that a terminal obeys: such are written as `\n` or `\u001b`."""
    return text if text.isprintable() else UNPRINTABLE.sub(_escape, text)


def printable_lines(text: str) -> str:
    r"""Return a text of any number of lines that holds nothing that a terminal obeys but line feeds and tabs."""
    return text if text.isprintable() else _UNPRINTABLE_IN_LINES.sub(_escape, text)


def as_lines(lines: Iterable[str]) -> str:
    """Return lines as one text, each ended once: what is foreign in a line cannot begin another."""
    return "".join(f"{printable(line)}\n" for line in lines)


def one_line(text: str, longest: int = LONGEST_QUOTE) -> str:
    """Return a text as it can stand in a line for people: printable, spaces as one, and not too long."""
    line = printable(" ".join(text.split()) if text.isprintable() else text)
    return line if len(line) <= longest else f"{line[:longest]}…"


def quoted(text: str) -> str:
    """Return an offending value as errors show it."""
    return f"`{one_line(text)}`"


def escaped(text: str) -> str:
    r"""Return every character of a text as JSON escapes it: `\u20ac`, beyond U+FFFF as two."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or escaped(found[0])
