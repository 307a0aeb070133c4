"""Parsed messages: lists read by element, devices behind hubs, and that nothing undeclared is ever read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import (
    AbsentSequence,
    Condition,
    Match,
    SequenceField,
    TimeField,
    TimeFormat,
    TimeOrigin,
)
from gateway.core import model
from gateway.core.codecs.message import place
from gateway.core.codecs.tree import MOST_ELEMENTS
from gateway.core.model import HubPart, HubParts, Ignore, Observation, Reading
from tests.support.trees import NOW_MS, fields, profile_of, read


def test_list_is_read_by_element_each_with_its_time() -> None:
    """A bad element costs that element; the number is the message's."""
    profile = profile_of(
        each="data",
        time=TimeField("at", TimeFormat.UNIX_S, TimeOrigin.DEVICE),
        sequence=SequenceField("^n", None),
        fields=fields(temperature="t", humidity="^h"),
    )
    message: dict[str, Any] = {"n": 4, "h": 50, "data": [{"at": 10, "t": 1}, {"at": "x", "t": 2}, {"at": 30, "t": 3}]}

    assert read(profile, message) == Reading(
        None,
        4,
        True,
        [
            Observation("temperature", 10_000, 1),
            Observation("humidity", 10_000, 50),
            Observation("temperature", 30_000, 3),
            Observation("humidity", 30_000, 50),
        ],
        (model.BAD_TIME,),
    )
    assert read(profile, {"n": 4, "data": []}) is model.NO_READING
    assert read(profile, {"n": 4}) is model.NO_READING
    assert read(profile, {"n": 4, "data": 7}) is model.WRONG_TYPE
    assert read(profile, {"data": [{"at": 10, "t": 1}]}) is model.NO_SEQUENCE


def test_hub_lists_devices_and_values_of_one_are_put_together() -> None:
    """No two parts are of one device and one time; elements that do not match are left out."""
    profile = profile_of(
        each="", hub=("id",), fields=fields(temperature="t", humidity="h"), match=Match(conditions=(Condition("kind", ("air",)),))
    )
    message = [
        {"kind": "air", "id": "a", "t": 1},
        {"kind": "air", "id": "b", "t": 2},
        {"kind": "air", "id": "a", "h": 3},
        {"kind": "car", "id": "c", "t": 4},
        {"kind": "air", "id": "d", "t": "x"},
    ]

    outcome = read(profile, message)

    both = [Observation("temperature", NOW_MS, 1), Observation("humidity", NOW_MS, 3)]
    assert outcome == HubParts(
        [
            HubPart("a", Reading(None, None, False, both)),
            HubPart("b", Reading(None, None, False, [Observation("temperature", NOW_MS, 2)])),
            HubPart("d", model.WRONG_TYPE),
        ]
    )
    assert read(profile, [{"kind": "car", "id": "c", "t": 4}]) is model.IGNORE


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abtnxyz"), inner, max_size=4),
    max_leaves=12,
)


@given(json_like, st.text(max_size=8))
def test_whatever_the_message_nothing_is_raised_and_nothing_undeclared_read(message: Any, topic: str) -> None:
    """For every kind of place and both ways of reading; only declared properties are ever observed, and only finite values."""
    declared = fields(temperature="t", pm25="a.b[0]", humidity="x[y=z].b", power="^n")
    for each, hub in ((None, ()), ("a", ()), (None, ("a", "$topic[-1]")), ("", ("b",))):
        sequence = SequenceField("^n" if each == "a" else "n", "^b", AbsentSequence.NONE)
        outcome = read(profile_of(fields=declared, each=each, hub=hub, sequence=sequence), message, topic)
        parts = (
            outcome.parts if isinstance(outcome, HubParts) else [HubPart("", outcome)] if not isinstance(outcome, Ignore) else []
        )
        for part in parts:
            for seen in part.outcome.observations if isinstance(part.outcome, Reading) else ():
                assert seen.observed_property in declared
                assert seen.result - seen.result == 0  # finite


def test_list_beside_a_long_list_is_not_read_in_steps_of_their_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the message as a whole is sought once: two lists of 14,000 and 4,000 in one frame took half a minute."""
    compared: list[Any] = []

    def as_text(value: Any) -> str:
        compared.append(value)
        return str(value)

    monkeypatch.setattr(place, "as_text", as_text)
    profile = profile_of(each="data", time=TimeField("^meta[k=z].at", TimeFormat.UNIX_S, TimeOrigin.DEVICE))
    message = {"meta": [*({"k": "a"} for _ in range(300)), {"k": "z", "at": 10}], "data": [{"t": 1}] * 2000}

    outcome = read(profile, message)

    assert isinstance(outcome, Reading)
    assert outcome.observations == [Observation("temperature", 10_000, 1)] * 2000
    assert len(compared) <= 301


@pytest.mark.parametrize("hub", [(), ("id",)])
def test_list_of_more_elements_than_any_hub_sends_is_refused_before_it_is_read(hub: tuple[str, ...]) -> None:
    """A gzipped frame of 300 bytes can list a hundred thousand."""
    profile = profile_of(each="", hub=hub)

    assert read(profile, [{"id": "a", "t": 1}] * (MOST_ELEMENTS + 1)) is model.TOO_LARGE
    assert isinstance(read(profile, [{"id": "a", "t": 1}] * MOST_ELEMENTS), Reading | HubParts)
