"""Line protocol, as InfluxDB, Telegraf and their devices write it: `weather,site=a temp=21.5,hum=40i 1465839830100400200`.

A line is a measurement's name, tags, fields and a time; each is read as a message of its own, in the shape that Telegraf gives
to the same in JSON: `name`, `tags`, `fields`, `timestamp`. A profile's fields are keys of `fields`, its other paths begin in the
line. Times are nanoseconds, unless the profile says otherwise; a line without one is of its arrival. Numbers are floats, or
integers with `i` or `u`; texts stand in quotation marks, booleans are `t`, `true`, `f`, `false`. What is none of these stays the
text that it is, and costs only its field.

Source: InfluxDB OSS 2 documentation, "Line protocol": syntax, data types, special characters, comments.
"""

from __future__ import annotations

import re
from typing import Any, Final

from consent.core.profiles.profile import Profile
from gateway.core.codecs.elements import compile_elements
from gateway.core.codecs.envelopes.envelope import plain_profile
from gateway.core.codecs.tree import MOST_ELEMENTS
from gateway.core.model import MALFORMED, TOO_LARGE, Decoded, Decoder, Reject

_NAME: Final = re.compile(r"(?:[^, \\\n]|\\[^\n])+")
_KEY: Final = re.compile(r"(?:[^,= \\\n]|\\[^\n])+")
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BARE: Final = re.compile(r"[^, \n]+")
_BLANKS: Final = re.compile(r" +")
_END: Final = re.compile(r" *\r?(?:\n|\Z)")
_TIME: Final = re.compile(r"-?[0-9]{1,19}")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,20}[iu]")
_ESCAPED: Final = re.compile(r"\\([,= ])")
_ESCAPED_IN_TEXT: Final = re.compile(r'\\(["\\])')
_BOOLEANS: Final = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), False
)

Line = dict[str, Any]
"""`name`, `tags` by key, `fields` by key, and `timestamp` where the line has one."""


class _LineError(ValueError):
    """A line that is none."""


def compile_line_protocol(profile: Profile) -> Decoder:
    """Compile the decoder of a profile whose codec is ``line-protocol``.

    Raises:
        PolicyError: The profile names a list itself, or one of its paths is none.
    """
    read = compile_elements(plain_profile(profile, "fields"))

    def decode(topic: str, payload: bytes, received_ms: int) -> Decoded:
        try:
            text = payload.decode().removeprefix("\ufeff")
        except UnicodeDecodeError:
            return MALFORMED
        if text.count("\n") > MOST_ELEMENTS:
            return TOO_LARGE
        return read(topic, parse_lines(text), received_ms)

    return decode


def parse_lines(text: str) -> list[Line | Reject]:
    """Return the lines of a payload; comments and empty lines are left out.

    A line against the grammar is ``malformed`` by itself, since the next begins after it.
    """
    lines: list[Line | Reject] = []
    at = 0
    while at < len(text):
        if text[at] in " \t\r\n\0":
            at += 1
        elif text[at] == "#":
            at = _line_end(text, at)
        else:
            line: Line | Reject
            try:
                line, at = _parse_line(text, at)
            except _LineError:
                line, at = MALFORMED, _line_end(text, at)
            lines.append(line)
    return lines


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _parse_line(text: str, at: int) -> tuple[Line, int]:
    """Read one line; return it and where the next begins."""
    name, at = _take(_NAME, text, at)
    tags: dict[str, str] = {}
    while text[at : at + 1] == ",":
        key, at = _take(_KEY, text, at + 1)
        value, at = _take(_KEY, text, _past(text, at, "="))
        tags[_plain(key)] = _plain(value)
    _, at = _take(_BLANKS, text, at)
    line: Line = {"name": _plain(name), "tags": tags, "fields": {}}
    at = _parse_fields(text, at, line["fields"])
    blanks = _BLANKS.match(text, at)
    time = None if blanks is None else _TIME.match(text, blanks.end())
    if time is not None:
        line["timestamp"] = int(time[0])
        at = time.end()
    _, at = _take(_END, text, at)
    return line, at


def _parse_fields(text: str, at: int, fields: dict[str, Any]) -> int:
    """Read the fields of a line into a map; return where they end."""
    while True:
        key, at = _take(_KEY, text, at)
        at = _past(text, at, "=")
        if text[at : at + 1] == '"':
            value, at = _take(_TEXT, text, at)
            fields[_plain(key)] = _ESCAPED_IN_TEXT.sub(r"\1", value[1:-1])
        else:
            value, at = _take(_BARE, text, at)
            fields[_plain(key)] = _value(value.rstrip("\r\0"))
        if text[at : at + 1] != ",":
            return at
        at += 1


def _take(form: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    found = form.match(text, at)
    if found is None:
        raise _LineError
    return found[0], found.end()


def _past(text: str, at: int, sign: str) -> int:
    if text[at : at + 1] != sign:
        raise _LineError
    return at + 1


def _plain(text: str) -> str:
    """Take the escapes of names out; a backslash before anything else is a backslash."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _value(text: str) -> float | int | bool | str:
    """Return what a value without quotation marks is; its text where it is nothing that the format knows."""
    if _FLOAT.fullmatch(text):
        return float(text)
    if _WHOLE.fullmatch(text):
        return int(text[:-1])
    return _BOOLEANS.get(text, text)
