"""Reads the sentences for citizens, and checks that every language has the same keys and each sentence the same gaps.

The files are part of the program, as constants are: they are read and checked once, when this module is imported.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Formatter
from typing import Any, Final

Sentences = Mapping[str, str]
"""Sentences of one part in one language, by their keys; tables within tables are joined by dots, gaps stand in braces."""

_GAP: Final = re.compile("[a-z][a-z0-9_]*")
_SUFFIX: Final = ".toml"


class TextsError(ValueError):
    """A file of sentences that cannot be used: it names the file and the key."""


def parse(language: str, text: str) -> dict[str, Sentences]:
    """Return the sentences of a language's file, by part.

    Raises: TextsError: the file is no TOML, or holds something other than sentences.
    """
    try:
        parts = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TextsError(f"`{language}{_SUFFIX}`: {str(error)[:1].lower()}{str(error)[1:]}") from None
    found: dict[str, Sentences] = {}
    for part, table in parts.items():
        if not isinstance(table, dict):
            raise TextsError(f"`{language}{_SUFFIX}`: `{part}` stands in no part")
        found[part] = dict(_flat(language, f"{part}.", table))
    return found


def _flat(language: str, part: str, table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{above}{name}"
        if isinstance(value, dict):
            yield from _flat(language, part, value, f"{key}.")
        elif isinstance(value, str) and value.strip():
            yield key, value
        else:
            raise TextsError(f"`{language}{_SUFFIX}`: `{part}{key}` is no sentence")


def check(texts: Mapping[str, Mapping[str, Sentences]]) -> None:
    """Check that all languages have the same keys, and each sentence the same gaps.

    Raises: TextsError: one has another key or gap than the first, or a gap that is no name.
    """
    first, *others = ({f"{part}.{key}": text for part in parts for key, text in parts[part].items()} for parts in texts.values())
    tag, *other_tags = texts
    gaps = {key: _gaps(tag, key, text) for key, text in first.items()}
    for other_tag, other in zip(other_tags, others, strict=True):
        for key in sorted(first.keys() ^ other.keys()):
            has, lacks = (tag, other_tag) if key in first else (other_tag, tag)
            raise TextsError(f"`{lacks}{_SUFFIX}`: `{key}` is missing; it stands in `{has}{_SUFFIX}`")
        for key, text in other.items():
            here = _gaps(other_tag, key, text)
            if here != gaps[key]:
                differing = min(here ^ gaps[key])
                raise TextsError(f"`{other_tag}{_SUFFIX}`: `{key}` has not the gaps of `{tag}{_SUFFIX}`: `{differing}`")


def _gaps(language: str, key: str, text: str) -> set[str]:
    """Return the names of a sentence's gaps."""
    try:
        fields = [(name, form, conversion) for _, name, form, conversion in Formatter().parse(text) if name is not None]
    except ValueError:
        raise TextsError(f"`{language}{_SUFFIX}`: `{key}` has a brace without its other half") from None
    for name, form, conversion in fields:
        if not _GAP.fullmatch(name) or form or conversion:
            raise TextsError(f"`{language}{_SUFFIX}`: `{key}` has a gap that is no plain name: `{name}`")
    return {name for name, _, _ in fields}


def _load() -> dict[str, dict[str, Sentences]]:
    """Return what stands in the files of this package, by language and part."""
    found = sorted((file for file in files(__package__).iterdir() if file.name.endswith(_SUFFIX)), key=lambda file: file.name)
    texts = {}
    for file in found:
        language = file.name.removesuffix(_SUFFIX)
        texts[language] = parse(language, file.read_text("utf-8"))
    check(texts)
    return texts


TEXTS: Final[Mapping[str, Mapping[str, Sentences]]] = _load()
"""All sentences, by language and part."""


def sentences(part: str) -> dict[str, Sentences]:
    """Return one part of the sentences, by language."""
    return {language: parts[part] for language, parts in TEXTS.items()}
