"""The paths of one device profile, checked as they are read: each by itself, and all of them against each other.

``parse`` and its neighbours read every path of a file through the same ``ProfilePaths``. What no message could hold is an error.
"""

from __future__ import annotations

from typing import Final

from consent.core.profiles.paths import Path, Root, Step, parse_path
from consent.core.profiles.profile import Codec
from consent.core.toml.file import TomlFile
from consent.printable import quoted

RECORDS: Final = frozenset({Codec.SENML, Codec.SENML_CBOR})
"""Formats of records, whose paths are names of records."""

WITHOUT_LISTS: Final = RECORDS | {Codec.VALUE}
"""Formats whose messages hold no lists, nor fields within fields: there is nothing that `each` or an expression could mean."""

_NO_LIST: Final = "{} begins with `^`, which means the whole message inside `each` alone"
_LONGEST_NAME: Final = 200
_LONGEST_EXPRESSION: Final = 500


class ProfilePaths:
    """How the paths of one file are written, and those that have been read so far."""

    def __init__(self, file: TomlFile, codec: Codec, *, jmespath: bool, in_list: bool) -> None:
        """Begin with none.

        Args:
            jmespath: Whether they are JMESPath expressions, of which only whoever evaluates them knows more than the length.
            in_list: Whether a list is read by element.
        """
        self._file = file
        self.codec = codec
        self._jmespath = jmespath
        self._in_list = in_list
        self._values: dict[tuple[Root, tuple[Step, ...], str], str] = {}
        """By place and topic: the key that says that a single value stands there."""

    def path(self, text: str, key: str) -> str:
        """Return a path, checked by itself.

        Raises: PolicyError: it is none, or its format has no such place.
        """
        self.parsed(text, key)
        return text

    def value(self, text: str, key: str, topic: str = "") -> str:
        """Return a path to a single value, checked by itself and against the others.

        Args:
            topic: The last levels of the topics that the value is in; empty: of any.
        Raises: PolicyError: as ``path`` does, or a value lies inside another.
        """
        path = self.parsed(text, key)
        if path is not None:
            self._check_nesting(path, topic, text, key)
            self._values.setdefault((path.root, path.steps, topic), key)
        return text

    def parsed(self, text: str, key: str) -> Path | None:
        """Return the steps of a path, checked; None where it is no path of ours but a record's name or an expression."""
        if self.codec in RECORDS:
            self._check_name(text, key)
            return None
        if self._jmespath and text not in ("", "^") and not text.startswith("$topic"):
            if text.startswith("^") and not self._in_list:
                raise self._file.error(key, _NO_LIST.format(quoted(text)))
            if not text.strip("^ ") or len(text) > _LONGEST_EXPRESSION or not text.isprintable():
                raise self._file.error(key, f"should be a JMESPath expression of at most {_LONGEST_EXPRESSION} characters")
            return None
        try:
            path = parse_path(text)
        except ValueError as error:
            raise self._file.error(key, str(error)) from error
        if path.root is Root.WHOLE and not self._in_list:
            raise self._file.error(key, _NO_LIST.format(quoted(text)))
        if self.codec is Codec.VALUE and path.root is not Root.TOPIC and path.steps:
            raise self._file.error(key, f"{quoted(text)} cannot match: a payload that is one value has no fields")
        return path

    def _check_name(self, text: str, key: str) -> None:
        if len(text) > _LONGEST_NAME or not text.isprintable() or not all(text.split(".")):
            raise self._file.error(key, "should be the name of a record")

    def _check_nesting(self, path: Path, topic: str, text: str, key: str) -> None:
        """Refuse a value inside another: no message could hold both."""
        for (root, steps, where), other in self._values.items():
            if root is not path.root or not (topic == where or not topic or not where) or steps == path.steps:
                continue
            shared = min(len(steps), len(path.steps))
            if steps[:shared] == path.steps[:shared]:
                raise self._file.error(key, f"{quoted(text)} cannot match: a value is read by `{other}` inside it, or on the way")


def topic_suffix(file: TomlFile, text: str, key: str) -> str:
    """Return the last levels of a topic, checked: `+` may be any level."""
    levels = text.split("/")
    if not text or len(text) > _LONGEST_NAME or not text.isprintable() or "#" in text or not all(levels):
        raise file.error(key, f"{quoted(text)} should be the last levels of a topic, such as `+/SENSOR`")
    if any("+" in level and level != "+" for level in levels):
        raise file.error(key, f"{quoted(text)} has a `+` inside a level, where it means nothing")
    return text


def suffixes_agree(one: str, other: str) -> bool:
    """Return whether a topic can end both ways."""
    pairs = zip(reversed(one.split("/")), reversed(other.split("/")), strict=False)
    return not one or not other or all(a == b or "+" in (a, b) for a, b in pairs)
