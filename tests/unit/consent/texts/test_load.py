"""The sentences for citizens: the same keys and gaps in every language, at load and in the files that are shipped."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch

import pytest

from consent.core.languages import LANGUAGES
from consent.core.lifecycle.notifications import MessageKind
from consent.core.receipts.rights import RIGHTS
from consent.texts.load import TEXTS, TextsError, check, parse, sentences
from tests.support.checkout import ROOT

FOLDER = ROOT / "consent" / "texts"

ENGLISH = """
[door]
knock = "{who} knocks."
[door.days]
one = "1 day"
other = "{n} days"
"""


def changed(old: str, new: str) -> str:
    """Return the English sample with one text replaced."""
    assert old in ENGLISH
    return ENGLISH.replace(old, new)


def test_parse_joins_tables_by_dots() -> None:
    """A part is a table, and what lies in it goes by dotted keys."""
    assert parse("en", ENGLISH) == {"door": {"knock": "{who} knocks.", "days.one": "1 day", "days.other": "{n} days"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[door", "`xx.toml`: expected"),
        ("knock = 'x'", "`xx.toml`: `knock` stands in no part"),
        (changed('"1 day"', "1"), "`xx.toml`: `door.days.one` is no sentence"),
        (changed('"1 day"', '" "'), "`xx.toml`: `door.days.one` is no sentence"),
    ],
)
def test_file_without_sentences_is_refused(text: str, message: str) -> None:
    """Numbers, blanks and half a table are no sentences."""
    with pytest.raises(TextsError) as caught:
        parse("xx", text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed('one = "1 day"\n', ""), "`xx.toml`: `door.days.one` is missing; it stands in `en.toml`"),
        (ENGLISH + 'many = "{n} days"', "`en.toml`: `door.days.many` is missing; it stands in `xx.toml`"),
        (ENGLISH + '[gate]\nopen = "Open."', "`en.toml`: `gate.open` is missing; it stands in `xx.toml`"),
        (changed("{who}", "Somebody"), "`xx.toml`: `door.knock` has not the gaps of `en.toml`: `who`"),
        (changed("{n}", "{number}"), "`xx.toml`: `door.days.other` has not the gaps of `en.toml`: `n`"),
        (changed("{n}", "{n"), "`xx.toml`: `door.days.other` has a brace without its other half"),
        (changed("{n}", "{n:d}"), "`xx.toml`: `door.days.other` has a gap that is no plain name: `n`"),
        (changed("{n}", "{}"), "`xx.toml`: `door.days.other` has a gap that is no plain name: ``"),
        (changed("{n}", "{n.real}"), "`xx.toml`: `door.days.other` has a gap that is no plain name: `n.real`"),
    ],
)
def test_language_that_differs_is_refused(text: str, message: str) -> None:
    """A key or gap that one language has and another lacks, and a gap that would do more than be filled."""
    with pytest.raises(TextsError) as caught:
        check({"en": parse("en", ENGLISH), "xx": parse("xx", text)})
    assert str(caught.value) == message


def test_language_with_other_words_passes() -> None:
    """Words and the order of the gaps are the translator's."""
    check({"en": parse("en", ENGLISH), "xx": parse("xx", changed("{who} knocks.", "Toc, toc: {who}."))})


def test_shipped_files_are_those_of_the_languages_and_pass_the_check() -> None:
    """What the check at load looked at is what lies in the folder."""
    texts = {file.stem: parse(file.stem, file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.toml"))}
    check(texts)
    assert texts == TEXTS
    assert set(texts) == set(LANGUAGES)


def test_shipped_files_have_the_same_order() -> None:
    """So that a translator can read two of them side by side."""
    one, *others = ([*tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8")).items()] for language in LANGUAGES)
    assert all(_keys(dict(other)) == _keys(dict(one)) for other in others)


def _keys(table: dict[str, object]) -> list[object]:
    return [(key, _keys(value)) if isinstance(value, dict) else key for key, value in table.items()]


@pytest.mark.parametrize("part", ["notification", "right", "receipt", "audit"])
def test_no_translation_repeats_the_english(part: str) -> None:
    """A sentence that nobody has translated would look like one that is there."""
    english, *others = (sentences(part)[language] for language in LANGUAGES)
    assert [key for key, text in english.items() for other in others if other[key] == text] == []


def test_every_notification_and_right_has_its_sentences_and_no_other_has() -> None:
    """A kind without a sentence could not be told, and a sentence without a kind never would be."""
    assert sentences("notification")["en"].keys() == {kind.value for kind in MessageKind}
    assert sentences("right")["en"].keys() == {f"{right.article}.{what}" for right in RIGHTS for what in ("title", "how")}


def test_files_are_part_of_the_installed_program() -> None:
    """An installation without a checkout has them too: the build takes along what this table names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["consent.texts"]
    assert all(any(fnmatch(file.name, pattern) for pattern in patterns) for file in FOLDER.glob("*.toml"))
