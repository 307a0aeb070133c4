"""Lists by format: what is read of them when some elements could not be parsed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.core.profiles.profile import Codec, Condition, Match
from gateway.core.codecs.elements import compile_elements
from gateway.core.codecs.tree import MOST_ELEMENTS
from gateway.core.model import (
    IGNORE,
    MALFORMED,
    NO_READING,
    NO_SEQUENCE,
    TOO_LARGE,
    WRONG_TYPE,
    HubPart,
    HubParts,
    Observation,
    Reading,
)
from tests.support.profiles import make_profile

PROFILE = make_profile(Codec.LINE_PROTOCOL, {"a": "a"})
ONE = Reading(None, None, False, [Observation("a", 7, 1.0)])


@pytest.mark.parametrize(
    ("elements", "outcome"),
    [
        ([], NO_READING),
        ([MALFORMED, WRONG_TYPE], MALFORMED),
        ([{"a": 1}], ONE),
        ([{"a": 1}, MALFORMED], Reading(None, None, False, ONE.observations, (MALFORMED,))),
        ([{"b": 1}, MALFORMED], NO_READING),
    ],
)
def test_elements_that_could_not_be_parsed_are_counted_beside_the_others(elements: list[Any], outcome: object) -> None:
    """Where nothing is left, the reason is the frame's."""
    assert compile_elements(PROFILE)("t", elements, 7) == outcome


def test_elements_behind_a_hub_that_could_not_be_parsed_are_nobody_s() -> None:
    """They are parts without a device."""
    read = compile_elements(replace(PROFILE, hub=("id",)))
    assert read("t", [{"a": 1, "id": "x"}, MALFORMED], 7) == HubParts([HubPart("x", ONE), HubPart("", MALFORMED)])


def test_elements_that_are_no_readings_hide_no_wrong_one() -> None:
    """What was ignored needs no account, and the malformed one does."""
    read = compile_elements(replace(PROFILE, match=Match(conditions=(Condition("a", ("2",)),))))
    assert read("t", [{"a": 1}], 7) is IGNORE
    assert read("t", [{"a": 1}, MALFORMED], 7) is MALFORMED


def test_elements_beyond_all_use_are_too_large() -> None:
    """Each takes its time, and a small message may hold tens of thousands."""
    read = compile_elements(PROFILE)
    assert isinstance(read("t", [{"a": 1}] * MOST_ELEMENTS, 7), Reading)
    assert read("t", [{"a": 1}] * (MOST_ELEMENTS + 1), 7) is TOO_LARGE


def test_number_of_a_list_is_that_of_its_first_element() -> None:
    """One message is one number, whatever else its elements say."""
    read = compile_elements(make_profile(Codec.LINE_PROTOCOL, {"a": "a"}, sequence=("n.of", None)))
    assert read("t", [{"a": 1, "n": {"of": 4}}, {"a": 1}], 7) == Reading(None, 4, False, ONE.observations * 2)
    assert read("t", [{"a": 1}], 7) is NO_SEQUENCE
