"""One file as parsed TOML, and the reading of its tables into typed records with errors that name file and key.

``consent.core.policies.parse`` and its neighbours, and ``gateway.config``, define what the tables mean; here a table becomes a
struct, and a fault becomes one ``PolicyError``. Numbers with a point are read as exact decimals.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Container
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from consent.core.toml.bounds import excess
from consent.core.toml.durations import duration_text, parse_duration_ms
from consent.core.toml.misfit import misfit
from consent.errors import PolicyError
from consent.printable import one_line, quoted

S = TypeVar("S", bound=msgspec.Struct)
C = TypeVar("C", bound=StrEnum)

Number = int | Decimal
"""A number as TOML writes it: with a point an exact decimal, without one an integer."""

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PROPERTY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LONGEST_ID: Final = 64
_LONGEST_TEXT: Final = 2000
_LOOKED_AT_BYTES: Final = 64
_TWICE: Final = re.compile(r"Cannot declare \((.*)\) twice \(at line (\d+), .*\)", re.DOTALL)
_OF_THEIR_OWN: Final = re.compile(r"(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a policy file; keys that it does not name are errors."""


class TomlFile:
    """A file that is valid TOML."""

    def __init__(self, path: str, data: bytes) -> None:
        """Parse the file.

        Args:
            path: As errors name it; of a policy file, relative to the policies folder.
        Raises: PolicyError: the bytes are not TOML, or out of ``bounds``.
        """
        self.path = path
        text = self._decoded(data)
        if (found := excess(text)) is not None:
            raise self.error("", found)
        try:
            self.tables: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise self.error("", f"is not toml: {_sentence(_parsers_words(str(error)))}") from error
        except (ArithmeticError, ValueError) as error:
            raise self.error("", "is not toml: a number or date in it is out of all bounds") from error

    def _decoded(self, data: bytes) -> str:
        """Return the text of a file, or raise an error that names its encoding where that is wrong."""
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:_LOOKED_AT_BYTES]:
            raise self.error("", "is not utf-8, but looks like utf-16: save it as utf-8")
        if data.startswith(codecs.BOM_UTF8):
            raise self.error("", "begins with a byte order mark: save it as utf-8 without one")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self.error("", f"is not utf-8 at byte {error.start}, in line {line}") from error

    def error(self, key: str, message: str) -> PolicyError:
        """Return the error that names this file and a key in it."""
        return PolicyError(self.path, key, message)

    def table(self, value: Any, shape: type[S], key: str) -> S:
        """Read a parsed table into a struct.

        Args:
            key: Where the table stands in the file; empty for the file as a whole.
        Raises: PolicyError: a key is unknown or missing, or a value has another type.
        """
        try:
            return msgspec.convert(value, shape, builtin_types=(Decimal,))
        except (msgspec.ValidationError, RecursionError) as error:
            where, said = refusal(value, shape, error)
            raise self.error(_joined(key, where) if key and where else key or where, said) from error

    def id(self, text: str, key: str) -> str:
        """Return a short name, checked: lower-case words and digits joined by hyphens."""
        if len(text) > _LONGEST_ID or not _ID.fullmatch(text):
            raise self.error(key, f"{quoted(text)} is no name of lower-case letters, digits and single hyphens")
        return text

    def property_name(self, text: str, key: str) -> str:
        """Return the name of an observed property, checked: letters, digits and underscores."""
        if len(text) > _LONGEST_ID or not _PROPERTY.fullmatch(text):
            raise self.error(key, f"{quoted(text)} is no name of letters, digits and underscores")
        return text

    def text(self, text: str, key: str) -> str:
        """Return a text that is neither empty nor longer than a screen."""
        if not text.strip() or len(text) > _LONGEST_TEXT:
            raise self.error(key, f"should be a text of 1 to {_LONGEST_TEXT} characters")
        return text

    def texts(self, value: dict[str, Any], languages: tuple[str, ...], key: str) -> dict[str, str]:
        """Return a text in each of the city's languages, and in no other."""
        for language, text in value.items():
            if language not in languages:
                spoken = ", ".join(f"`{one}`" for one in languages)
                raise self.error(_joined(key, language), f"is none of the city's languages, {spoken}")
            if not isinstance(text, str):
                raise self.error(_joined(key, language), "should be a text")
            self.text(text, _joined(key, language))
        for language in languages:
            if language not in value:
                raise self.error(_joined(key, language), "is missing")
        return {language: value[language] for language in languages}

    def number(self, value: Number, least: Decimal, most: Decimal, key: str) -> Decimal:
        """Return a number that lies between two others, or on either."""
        number = Decimal(value)
        if not (number.is_finite() and least <= number <= most):
            raise self.error(key, f"{quoted(str(value))} should be a number from {least:f} to {most:f}")
        return number

    def duration_ms(self, text: str, least_ms: int, most_ms: int, key: str) -> int:
        """Return a length of time such as `30s`, `10min`, `2h` or `3d`, that lies between two others, or on either."""
        span_ms = parse_duration_ms(text)
        if span_ms is None:
            raise self.error(key, f"{quoted(text)} is no length of time such as `30s`, `10min`, `2h` or `3d`")
        if not least_ms <= span_ms <= most_ms:
            raise self.error(key, f"{quoted(text)} should be from {duration_text(least_ms)} to {duration_text(most_ms)}")
        return span_ms

    def choice(self, value: Any, choices: type[C], key: str) -> C:
        """Return the member of an enumeration that a text names."""
        try:
            return choices(value)
        except ValueError as error:
            shown = f"{quoted(value)} is" if isinstance(value, str) else "is"
            raise self.error(key, f"{shown} none of {', '.join(choices)}") from error

    def known(self, name: str, among: Container[str], what: str, key: str) -> str:
        """Return a name that refers to something that exists."""
        if name not in among:
            raise self.error(key, f"there is no {what} {quoted(name)}")
        return name


def refusal(value: Any, shape: type[msgspec.Struct], error: Exception) -> tuple[str, str]:
    """Return the key at fault and what is wrong there, where a struct could not be made of a table.

    Args:
        value: The table.
        shape: The struct.
        error: What msgspec raised: of the type's own check, or where ``misfit`` finds nothing, of the struct's.
    """
    if isinstance(error, RecursionError):
        return "", "nested too deep"
    if (found := misfit(value, shape)) is not None:
        return found
    own = _OF_THEIR_OWN.fullmatch(str(error))
    assert own is not None  # it matches every text
    path, said = (own["path"] or "").lstrip("."), _sentence(own["text"])
    if inner := re.match(r"`(\w+)`: ", said):
        return _joined(path, inner[1]), said[inner.end() :]
    return path, said


def _joined(key: str, last: str) -> str:
    return one_line(f"{key}.{last}" if key else last)


def _sentence(text: str) -> str:
    """Return another parser's message in our form: one line that begins in lower case."""
    line = one_line(text)
    return line[:1].lower() + line[1:]


def _parsers_words(text: str) -> str:
    """Return what `tomllib` says of a text; what it quotes may be as long as the text, and look like anything."""
    found = _TWICE.fullmatch(text)  # from the beginning: to search for it would take time by the square of the length
    if found is None:
        return text
    name = ".".join(part.strip("'\"") for part in found[1].rstrip(",").split(", "))
    return f"`{one_line(name)}` stands there twice, the second time in line {found[2]}"
