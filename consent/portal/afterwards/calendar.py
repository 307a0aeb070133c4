"""A calendar file of one event: the day on which an answer ends by itself, with a reminder two weeks before.

Source: RFC 5545 (iCalendar), sections 3.1 (lines and their folding), 3.3.11 (text), 3.6.1 (events) and 3.6.6 (alarms).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

CALENDAR: Final = "text/calendar; charset=utf-8"
_PRODUCT: Final = "-//Sluice//portal//EN"
_LONGEST_LINE: Final = 75
"""Octets of a line, its end not counted."""
_EARLIER: Final = "-P2W"
_ESCAPED: Final = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}


@dataclass(frozen=True, slots=True)
class EndOfAnswer:
    """When an answer ends by itself.

    Attributes:
        record: The hash of its record, in hexadecimal: the event is the same however often the file is fetched.
        said_ms: When it was given, Unix time.
        ends_ms: When it ends.
        title: What the calendar shows.
        text: What it tells besides.
        address: Of the receipt; empty where the portal does not know its own address.
    """

    record: str
    said_ms: int
    ends_ms: int
    title: str
    text: str
    address: str


def calendar_of(end: EndOfAnswer) -> bytes:
    """Return the file."""
    return b"".join(_folded(line) for line in _lines(end))


def _lines(end: EndOfAnswer) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{_PRODUCT}", "CALSCALE:GREGORIAN", "BEGIN:VEVENT")
    yield f"UID:{end.record}"
    yield f"DTSTAMP:{_instant(end.said_ms)}"
    yield f"DTSTART:{_instant(end.ends_ms)}"
    yield f"SUMMARY:{_text(end.title)}"
    yield f"DESCRIPTION:{_text(end.text)}"
    if end.address:
        yield f"URL:{end.address}"
    yield from ("CLASS:PRIVATE", "TRANSP:TRANSPARENT")
    yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:{_EARLIER}", f"DESCRIPTION:{_text(end.title)}", "END:VALARM")
    yield from ("END:VEVENT", "END:VCALENDAR")


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """Return a text as a value: escaped, its lines joined by `\\n`, without other control characters."""
    lines = "\n".join(text.splitlines())
    return "".join(_ESCAPED.get(letter, letter) for letter in lines if letter in "\n\t" or letter.isprintable())


def _folded(line: str) -> bytes:
    """Return a line with its end, broken before it would be too long and never within a letter."""
    found, room = bytearray(), _LONGEST_LINE
    for letter in line:
        octets = letter.encode()
        if len(octets) > room:
            found += b"\r\n "
            room = _LONGEST_LINE - 1
        found += octets
        room -= len(octets)
    return bytes(found) + b"\r\n"
