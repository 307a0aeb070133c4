"""Every kind of edit is told in a sentence, in the direction that the review of policies finds, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings

from consent.core.disclosure import Disclosure
from consent.core.policies.policy import PolicySet
from consent.core.review.reach import Direction
from consent.portal.changes.pair import SetsPair
from consent.portal.changes.sections import ChangeRow
from consent.portal.changes.telling import first_sections, sections, summary
from consent.portal.visit import Visit
from consent.texts.portal import LANGUAGES, page_sentences
from tests.support.changed_rules import EDITS, rules_after
from tests.support.checkout import ROOT
from tests.support.consent_samples import points
from tests.support.policy_folder import load_policies

SHIPPED = load_policies(ROOT / "policies")


def _pairs() -> Iterator[tuple[str, SetsPair]]:
    for edit in EDITS:
        yield edit, SetsPair.of(rules_after(), rules_after(edit))
        yield f"{edit}, back", SetsPair.of(rules_after(edit), rules_after())


PAIRS = dict(_pairs())


def _found(pair: SetsPair) -> set[Direction]:
    """Return the directions that the review finds."""
    return {row.direction for row in pair.difference.changes} | {rule.direction for rule in pair.difference.rules}


def _rows(pair: SetsPair, language: str = "en") -> list[ChangeRow]:
    return [row for section in sections(Visit(language), pair) for row in section.rows]


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_has_its_sentence(edit: str) -> None:
    texts = [f"{row.text} [{row.about}]" for row in _rows(PAIRS[edit])]
    assert any(EDITS[edit][1] in text for text in texts), texts


@pytest.mark.parametrize("name", PAIRS)
def test_more_and_less_are_those_of_the_review(name: str) -> None:
    pair = PAIRS[name]
    found = _found(pair)
    told = {row.direction for row in _rows(pair)}
    assert told - {Direction.DIFFERS} == found - {Direction.DIFFERS}
    about = summary(Visit("en"), pair)
    assert (about.direction is Direction.RISES, bool(about.more)) == (pair.difference.rises, pair.difference.rises)
    assert bool(about.less) is (Direction.FALLS in found)
    assert about.direction is not Direction.DIFFERS or not found - {Direction.DIFFERS}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAIRS)
def test_every_edit_has_words_in_every_language(name: str, language: str) -> None:
    """And none of them is left to the sentence for what has no words."""
    texts = [row.text for row in _rows(PAIRS[name], language)]
    assert texts
    assert page_sentences("change")[language]["rule.other"] not in texts
    assert not [text for text in texts if "{" in text or "nothing (" in text]


@settings(max_examples=40, deadline=None)
@given(points(), points(), points())
def test_any_ceilings_are_told_as_the_review_finds(old: Disclosure, new: Disclosure, community: Disclosure) -> None:
    before = replace(rules_after(), ceiling=old)
    after = replace(rules_after(), ceiling=new, neighbourhoods={"old": community})
    pair = SetsPair((str(before.ceiling).encode(), f"{new}{community}".encode()), before, after)
    found = _found(pair)
    assert {row.direction for row in _rows(pair)} - {Direction.DIFFERS} == found - {Direction.DIFFERS}


def test_the_same_rules_differ_in_nothing() -> None:
    pair = SetsPair.of(SHIPPED, SHIPPED)
    assert sections(Visit("en"), pair) == []
    assert summary(Visit("en"), pair).is_wording


def test_other_titles_tell_nothing() -> None:
    pair = SetsPair.of(rules_after(), replace(rules_after(), sha256=b"t" * 32, districts={"north": {"en": "Elsewhere"}}))
    assert summary(Visit("en"), pair).is_wording


def test_what_tells_more_stands_first() -> None:
    directions = [section.direction for section in sections(Visit("en"), PAIRS["time, back"])]
    assert directions == sorted(directions, key=list(Direction).index)
    assert directions[0] is Direction.RISES


def test_whoever_gets_more_is_named() -> None:
    about = summary(Visit("en"), PAIRS["time, back"])
    assert about.more == ("“Hourly sums” to Energy office",)
    assert summary(Visit("es"), PAIRS["time, back"]).more == ("«Hourly sums», que recibe Energy office",)


def test_whose_sensors_of_which_kind_and_where_is_said() -> None:
    (row,) = [row for row in _rows(PAIRS["neighbourhood"]) if "Place" in row.text and row.about and "yes" in row.about][:1]
    assert row.about == "of homes that say yes · sensors: Meter · only in: The Mill"


@pytest.mark.parametrize("policies", [SHIPPED, rules_after()], ids=["shipped", "town"])
def test_of_the_first_rules_every_flow_is_new(policies: PolicySet) -> None:
    found = first_sections(Visit("en"), policies)
    assert [section.title for section in found] == [flow.title["en"] for flow in policies.flows.values()]
    assert all(row.text.startswith("New: ") for section in found for row in section.rows)


def test_a_new_flow_says_what_it_asks() -> None:
    (row,) = [row for row in _rows(PAIRS["new flow, back"]) if row.direction is Direction.RISES]
    assert row.text == (
        "New: Electricity used; one figure a day. Time by the day; place by the district; value in steps of 0.001 kWh. "
        "Kept for 30 days at most, for “Planning the grid”."
    )
    assert row.about == "of homes that say yes"


def test_a_new_flow_of_which_nothing_leaves_says_so() -> None:
    old = replace(rules_after("new flow"), ceiling=rules_after("ceiling").ceiling)
    shut = replace(rules_after().ceiling, retention_days=0)
    pair = SetsPair((b"a", b"b"), old, replace(rules_after(), ceiling=shut))
    texts = [row.text for row in _rows(pair)]
    assert "New: it asks for Electricity used. As the rules stand, nothing leaves by it." in texts
