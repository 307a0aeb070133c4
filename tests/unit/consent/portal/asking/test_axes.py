"""Limits of one's own: what may be chosen is what the gateway offers, and what is written is what is read."""

from __future__ import annotations

import re

import pytest

from consent.core.explain.phrases import Phrases
from consent.core.languages import LANGUAGES
from consent.messages import ConsentLimits
from consent.portal.asking.axes import (
    LIMITS,
    axis_choices,
    axis_title,
    chosen_in,
    chosen_of,
    level_in_words,
    limits_of_choice,
    read_limits,
    written,
)
from consent.portal.visit import Visit
from tests.support.ways import shipped

AXES = {
    "identity": ["aggregate", "per-epoch"],
    "time": ["day", "4h", "1h"],
    "space": ["city", "district", "block"],
    "group": ["30", "20", "15"],
    "retention": ["30", "365"],
    "budget": ["0.5", "1"],
    "precision.consumption": ["1", "0.1", "0.01"],
}
CHOSEN = {"time": "4h", "group": "20", "budget": "0.5", "precision.consumption": "0.1"}


def test_choice_stands_in_an_address_and_comes_back() -> None:
    """And fits what addresses may hold."""
    text = written(CHOSEN)
    assert text == "budget:0.5,group:20,precision.consumption:0.1,time:4h"
    assert re.fullmatch(LIMITS, text)
    assert read_limits(AXES, text) == CHOSEN
    assert read_limits(AXES, "") == {}


@pytest.mark.parametrize(
    "text", ["time:1min", "time:1h", "nothing:4h", "time", "time:4h:1", "group:2", ",,:", "precision.LAeq:1"]
)
def test_what_is_not_offered_is_left_out(text: str) -> None:
    """Whoever wrote the address."""
    assert read_limits(AXES, text) == {}
    assert chosen_of(AXES, [("time", "any"), ("space", "city")]) == {"space": "city"}


def test_limits_are_as_policies_write_them_and_back() -> None:
    """Numbers as numbers, precision by property."""
    limits = limits_of_choice(CHOSEN)
    assert limits == ConsentLimits({"time": "4h", "group": 20, "budget": 0.5, "precision": {"consumption": 0.1}})
    assert type(limits["group"]) is int
    assert dict(chosen_in(limits)) == CHOSEN


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_level_is_said_in_words(language: str) -> None:
    """Those of explanations, so that both say the same."""
    choices = list(axis_choices(Visit(language), shipped(), AXES, CHOSEN))
    assert [each.name for each in choices] == list(AXES)
    assert [each.name for each in choices if each.is_limited] == ["time", "group", "budget", "precision.consumption"]
    for each in choices:
        assert [level for level, _, _ in each.levels] == AXES[each.name][:-1]
        assert each.asked
        assert all(words != level for level, words, _ in each.levels), each.name
        assert sum(is_chosen for _, _, is_chosen in each.levels) == each.is_limited


def test_budget_is_said_as_such_however_it_is_written() -> None:
    """Records call it `mu`; an axis that has no words yet is shown by its id, and breaks no page."""
    words = Phrases("en")
    for axis in ("budget", "mu"):
        assert axis_title(Visit("en"), words, shipped(), axis).startswith("How often a guess about you is right")
        assert level_in_words(Visit("en"), words, shipped(), axis, "1") == "69 times in 100"
    assert axis_title(Visit("en"), words, shipped(), "colour") == "colour"
    assert level_in_words(Visit("en"), words, shipped(), "colour", "red") == "red"


def test_level_without_words_is_shown_as_it_is_written() -> None:
    """A gateway of another version offers what this one does not know yet."""
    (choice,) = axis_choices(Visit("en"), shipped(), {"time": ["2h", "1h"], "space": ["city"]}, {})
    assert choice.levels == (("2h", "2h", False),)
    assert choice.asked == "by the hour"
