"""The sentences of the portal's pages: without the field's terms, which readers need not know, whole in number, and all said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from consent.core.languages import LANGUAGES
from consent.texts.load import sentences
from consent.texts.portal import page_sentences
from tests.support.checkout import ROOT
from tests.support.plain_words import AVOIDED, EVERYWHERE, found_in

FOLDER = ROOT / "consent" / "texts" / "portal"
PORTAL = ROOT / "consent" / "portal"
_GAP = r"[\w-]+(\.[\w-]+)*"
_JOINED = re.compile(r'(\w[\w.\[\]]* ?~ ?)?"([\w.-]*)"( ?~)?|[`\']([\w.-]*)(\$\{)?')
"""A literal of a template or a script, and whether something is put before or after it."""


def parts() -> Iterator[str]:
    """Go through the parts of the pages' sentences."""
    yield from sorted({file.name.split(".")[0] for file in Path(FOLDER).glob("*.toml")})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", list(parts()))
def test_pages_speak_without_the_fields_terms(part: str, language: str) -> None:
    """A word of the list in a sentence names the sentence, so that it can be said in other words."""
    said = {key: found_in(language, text) for key, text in page_sentences(part)[language].items()}
    assert {key: words for key, words in said.items() if words} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_odds_that_pages_show_speak_without_them_too(language: str) -> None:
    """They are those of answers and explanations."""
    odds = [text for key, text in sentences("explanation")[language].items() if key.startswith(("odds.", "time.", "area."))]
    assert odds
    assert [found_in(language, text) for text in odds] == [[]] * len(odds)


@pytest.mark.parametrize("language", LANGUAGES)
def test_list_finds_what_it_names(language: str) -> None:
    """Whole words alone: what is to be avoided is found, and `avoid` itself is not."""
    for word in (*EVERYWHERE, *AVOIDED[language]):
        assert word in found_in(language, f"({word.capitalize()}).")
    assert found_in("en", "Avoid the subjective; look.") == []


@pytest.mark.parametrize("part", list(parts()))
def test_every_number_has_both_its_forms(part: str) -> None:
    """A sentence for one has another for more, which says how many."""
    said = page_sentences(part)["en"]
    forms = (".one", ".other")
    stems = {key.rpartition(".")[0] for key, text in said.items() if key.endswith(forms) and "{n}" in text}
    for stem, language in product(stems, LANGUAGES):
        texts = page_sentences(part)[language]
        assert "{n}" in texts[f"{stem}.other"]


def test_part_that_is_nowhere_is_an_error() -> None:
    """A page whose sentences are missing is found by its first test, not by its first reader."""
    with pytest.raises(FileNotFoundError):
        page_sentences("nothing-such")


def literals_of_markup(text: str) -> Iterator[str]:
    """Yield the literals of a template or a script as patterns."""
    for before, one, after, other, gap in _JOINED.findall(text):
        yield (_GAP if before else "") + re.escape(one or other) + (_GAP if after or gap else "")


def literals_of_code(text: str) -> Iterator[str]:
    """Yield the literals of a module as patterns, with a gap where a value is put in."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else _GAP for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.escape(node.value)


@cache
def said_somewhere() -> re.Pattern[str]:
    """Return what matches every key that the portal names."""
    found = {one for file in PORTAL.rglob("*.py") for one in literals_of_code(file.read_text("utf-8"))}
    for file in (*PORTAL.rglob("*.html"), *PORTAL.rglob("*.js")):
        found |= set(literals_of_markup(file.read_text("utf-8")))
    return re.compile("|".join(sorted(one for one in found if re.search(r"[a-z]", one.replace(_GAP, "")))))


def is_said(key: str) -> bool:
    """Return whether the portal names a key, as a whole, by its beginning or end, or table and name each by itself."""
    table, _, name = key.partition(".")
    return any(all(map(said_somewhere().fullmatch, each)) for each in ([key], [table, name]))


def stems(keys: Sequence[str]) -> set[str]:
    """Return the keys as sources name them: those in two forms for numbers once, those of the script without their table."""
    both = {key.removesuffix(".one") for key in keys if f"{key.removesuffix('.one')}.other" in keys}
    forms = {f"{key}.{form}" for key in both for form in ("one", "other")}
    return {key.removeprefix("say.") for key in [*both, *(key for key in keys if key not in forms)]}


@pytest.mark.parametrize("part", list(parts()))
def test_every_sentence_is_said_somewhere(part: str) -> None:
    """One that no page, module or script names is one that three languages keep for nobody."""
    assert [key for key in sorted(stems(list(page_sentences(part)["en"]))) if not is_said(key)] == []


def test_sentence_that_nobody_says_is_found() -> None:
    """The search for names is not so wide that it finds any."""
    assert not any(map(is_said, ("spare", "heading-spare", "spare.heading-spare", "first.spare")))
