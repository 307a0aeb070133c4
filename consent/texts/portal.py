"""The sentences of the portal's pages: a file for each page and language, `portal/<part>.<language>.toml`, read when asked for.

Each file holds one table, named as its part; tables within it are joined by dots. A sentence in two forms for numbers has the
keys `<key>.one` and `<key>.other`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

from consent.texts.load import TEXTS, Sentences, check, parse

LANGUAGES: Final = tuple(TEXTS)


@lru_cache(maxsize=64)
def page_sentences(part: str) -> Mapping[str, Sentences]:
    """Return the sentences of one part, by language.

    Raises: TextsError: a language lacks a sentence, or has other gaps. FileNotFoundError: there is no such part.
    """
    folder = files(__package__) / "portal"
    texts = {}
    for language in LANGUAGES:
        text = (folder / f"{part}.{language}.toml").read_text("utf-8")
        texts[language] = parse(f"portal/{part}.{language}", text)
    check(texts)
    return {language: parts[part] for language, parts in texts.items()}
