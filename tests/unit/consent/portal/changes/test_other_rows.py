"""Which keys of the review have sentences: all of them, as far as they are no flow's."""

from __future__ import annotations

import re

import pytest

from consent.core.review.reach import Direction
from consent.core.review.rules import Rule
from consent.portal.changes.other_rows import _SAID, OTHER, SECTIONS, ceiling_rows, other_rows
from consent.portal.changes.pair import SetsPair
from consent.portal.visit import Visit
from consent.texts.portal import LANGUAGES, page_sentences
from tests.support.changed_rules import EDITS, rules_after


def _rules() -> set[str]:
    pairs = [SetsPair.of(rules_after(), rules_after(edit)) for edit in EDITS]
    return {rule.key for pair in pairs for rule in pair.difference.rules}


def test_the_edits_of_the_tests_reach_every_kind_of_key() -> None:
    keys = _rules()
    assert [pattern for pattern, _, _ in _SAID if not any(re.fullmatch(pattern, key) for key in keys)] == []


def test_a_key_of_a_later_review_is_told_without_words_of_its_own() -> None:
    pair = SetsPair.of(rules_after(), rules_after("time"))
    section, row = other_rows(Visit("en"), pair, Rule(Direction.RISES, "something.new", "a", "b"))
    assert (section, row.direction, row.text) == (OTHER, Direction.RISES, "Something else in the rules differs.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_has_a_title(language: str) -> None:
    assert all(page_sentences("change")[language][f"section.{name}"] for name in SECTIONS)


@pytest.mark.parametrize("part", [".public_key_file", " public key", ".sink"])
def test_recipients_are_told_by_key_and_way(part: str) -> None:
    pair = SetsPair.of(rules_after(), rules_after("time"))
    said = other_rows(Visit("en"), pair, Rule(Direction.RISES, f"recipient.office{part}", "a", "b"))[1].text
    assert said.startswith("Energy office: ")
    assert ("another key" in said) is (part != ".sink")


def test_ceilings_tell_nothing_by_themselves() -> None:
    rows = list(ceiling_rows(Visit("en"), SetsPair.of(rules_after("ceiling"), rules_after())))
    assert [row.direction for row in rows] == [Direction.DIFFERS]
    assert rows[0].text.startswith("The city’s own limit, Time: no limit; until then in stretches of four hours.")
