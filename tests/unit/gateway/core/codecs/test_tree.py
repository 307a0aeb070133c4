"""Parsed messages: which are readings, of which device, what stands where, and that one bad field costs that field alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import (
    AbsentSequence,
    Codec,
    Condition,
    Field,
    Match,
    Profile,
    SequenceField,
    TimeField,
    TimeFormat,
    TimeOrigin,
)
from gateway.core import model
from gateway.core.codecs.tree import compile_tree
from gateway.core.model import Ignore, Observation, Part, Parts, Reading, Reject
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
TOPIC = "city/roof/7/SENSOR"


def profile_of(**changes: Any) -> Profile:
    """Return a profile that reads `t` as temperature, changed."""
    return replace(make_profile(Codec.JSON, {"temperature": "t"}), **changes)


def fields(**by_path: str | Field) -> dict[str, Field]:
    """Return fields: each a path, or declared in full."""
    return {name: Field((each,), "1") if isinstance(each, str) else each for name, each in by_path.items()}


def read(profile: Profile, message: Any, topic: str = TOPIC) -> Reading | Parts | Ignore | Reject:
    """Return what a message says."""
    return compile_tree(profile)(topic, message, NOW_MS)


def values(outcome: Reading | Parts | Ignore | Reject) -> dict[str, float]:
    """Return the values of a reading by property."""
    assert isinstance(outcome, Reading), outcome
    return {each.observed_property: each.result for each in outcome.observations}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.b", {"a": {"b": 3.5}}),
        ('"pm2.5"', {"pm2.5": 3.5}),
        ("a[-1].b", {"a": [{"b": 1}, {"b": 3.5}]}),
        ("v[value_type=SDS_P1].value", {"v": [{"value_type": "x", "value": 1}, {"value_type": "SDS_P1", "value": 3.5}]}),
        ("v[id=5].value", {"v": [7, {"id": 4, "value": 1}, {"id": 5, "value": 3.5}]}),
        ("[0]", [3.5]),
        ("", 3.5),
        ("^a", {"a": 3.5}),
    ],
)
def test_value_is_found_where_the_path_says(path: str, message: Any) -> None:
    """Names, quoted names, list positions, elements by a field, and the payload itself."""
    assert values(read(profile_of(fields=fields(temperature=path)), message)) == {"temperature": 3.5}


def test_level_of_the_topic_is_a_place_like_any_other() -> None:
    """Its levels are texts."""
    profile = profile_of(fields={"temperature": Field(("$topic[2]",), "1", decimal_mark=".")})

    assert values(read(profile, {})) == {"temperature": 7}
    assert read(profile, {}, "a/b") is model.NO_READING


def test_one_bad_field_costs_that_field() -> None:
    """The others are read; the bad one is told by its reason."""
    profile = profile_of(fields=fields(temperature="t", humidity="h", pm25="p"))

    outcome = read(profile, {"t": 21, "h": "wet"})

    assert outcome == Reading(None, None, False, [Observation("temperature", NOW_MS, 21)], (model.WRONG_TYPE,))
    assert read(profile, {"h": "wet"}) is model.WRONG_TYPE
    assert read(profile, {"x": 1}) is model.NO_READING
    assert read(profile, {"t": None}) is model.NO_READING


def test_registers_of_three_phases_are_summed_or_left_out() -> None:
    """One of them absent: there is no sum."""
    profile = profile_of(fields={"totalConsumption": Field(("a.e", "b.e", "c.e"), "W.h", Decimal("0.001"))})
    phases: dict[str, Any] = {"a": {"e": 1000}, "b": {"e": 250}, "c": {"e": 50}}

    assert values(read(profile, phases)) == {"totalConsumption": pytest.approx(1.3)}
    assert read(profile, phases | {"c": {}}) is model.NO_READING
    assert read(profile, phases | {"c": {"e": "x"}}) is model.WRONG_TYPE


def test_unit_is_the_one_that_the_message_names() -> None:
    """The profile's own where it names none, and refused where nobody knows it."""
    scales = {"°F": (Decimal(5) / 9, Decimal(-160) / 9), "°C": (Decimal(1), Decimal(0))}
    profile = profile_of(fields={"temperature": Field(("t",), "Cel", unit_path="u", unit_scales=scales)})

    assert values(read(profile, {"t": 59, "u": "°F"})) == {"temperature": pytest.approx(15)}
    assert values(read(profile, {"t": 15, "u": " °C"})) == {"temperature": 15}
    assert values(read(profile, {"t": 15})) == {"temperature": 15}
    assert read(profile, {"t": 15, "u": "°N"}) is model.WRONG_UNIT
    assert read(profile, {"u": "°N"}) is model.NO_READING


def test_messages_that_do_not_match_are_ignored() -> None:
    """By topic, by text, number or boolean, by what stands there or does not."""
    model_is = Condition("model", ("Acme", "12", "true"))
    profile = profile_of(match=Match("+/SENSOR", (model_is, Condition("t"), Condition("event", present=False))))

    for stands in ("Acme", 12, 12.0, True):
        assert values(read(profile, {"model": stands, "t": 1})) == {"temperature": 1}
    for message in ({"model": "Other", "t": 1}, {"t": 1}, {"model": "Acme"}, {"model": "Acme", "t": 1, "event": "join"}, [], 7):
        assert read(profile, message) is model.IGNORE
    assert read(profile, {"model": "Acme", "t": 1}, "city/roof/7/STATE") is model.IGNORE
    assert read(profile, {"model": "Acme", "t": 1}, "SENSOR") is model.IGNORE


def test_field_is_read_only_where_its_topic_is() -> None:
    """A message whose topic no field knows is no reading, and none was meant."""
    power, energy = Field(("",), "W", topic="emeter/0/power"), Field(("",), "W.h", topic="emeter/0/total")
    profile = profile_of(fields={"power": power, "totalConsumption": energy})

    assert values(read(profile, 17.5, "shellies/x/emeter/0/power")) == {"power": 17.5}
    assert values(read(profile, 900, "shellies/x/emeter/0/total")) == {"totalConsumption": 900}
    assert read(profile, 1, "shellies/x/relay/0") is model.IGNORE
    assert read(profile, 1, "shellies/x/xemeter/0/power") is model.IGNORE


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


def test_hub_carries_devices_by_id() -> None:
    """One message is one part; what names no device is told as such."""
    profile = profile_of(hub=("model", "id"))

    outcome = read(profile, {"model": "Acme", "id": 41, "t": 12.4})

    assert outcome == Parts([Part("Acme/41", Reading(None, None, False, [Observation("temperature", NOW_MS, 12.4)]))])
    assert read(profile, {"model": "Acme", "t": 12.4}) == Parts([Part("", model.NO_VALUE)])
    assert read(profile, {"model": "A/b", "id": 41, "t": 12.4}) == Parts([Part("", model.NO_VALUE)])
    assert read(profile, {"model": "Acme", "id": 41}) == Parts([Part("Acme/41", model.NO_READING)])


def test_hub_by_level_of_the_topic() -> None:
    """As bridges publish."""
    profile = profile_of(hub=("$topic[1]",))

    outcome = read(profile, {"t": 1}, "zigbee2mqtt/kitchen")

    assert outcome == Parts([Part("kitchen", Reading(None, None, False, [Observation("temperature", NOW_MS, 1)]))])


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
    assert outcome == Parts(
        [
            Part("a", Reading(None, None, False, both)),
            Part("b", Reading(None, None, False, [Observation("temperature", NOW_MS, 2)])),
            Part("d", model.WRONG_TYPE),
        ]
    )
    assert read(profile, [{"kind": "car", "id": "c", "t": 4}]) is model.IGNORE


@pytest.mark.parametrize(
    ("absent", "message", "wanted"),
    [
        (AbsentSequence.REFUSED, {"b": "s1"}, model.NO_SEQUENCE),
        (AbsentSequence.ZERO, {"b": "s1"}, ("s1", 0)),
        (AbsentSequence.ZERO, {"n": 4}, model.NO_SEQUENCE),
        (AbsentSequence.NONE, {"b": "s1"}, (None, None)),
        (AbsentSequence.NONE, {"n": 4}, (None, None)),
        (AbsentSequence.NONE, {"n": "17", "b": 3}, (3, 17)),
        (AbsentSequence.ZERO, {"n": -1, "b": 3}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": 1.5, "b": 3}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": True, "b": 3}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": 1, "b": "x" * 65}, model.WRONG_TYPE),
        (AbsentSequence.ZERO, {"n": "9" * 30, "b": 3}, model.WRONG_TYPE),
    ],
)
def test_absent_number_means_what_the_profile_says(absent: AbsentSequence, message: dict[str, Any], wanted: Any) -> None:
    """Zero where encoders omit zeros, nothing where a device has none, and refused by default."""
    outcome = read(profile_of(sequence=SequenceField("n", "b", absent)), message | {"t": 1})

    assert (outcome.boot, outcome.sequence) == wanted if isinstance(outcome, Reading) else outcome is wanted


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
        parts = outcome.parts if isinstance(outcome, Parts) else [Part("", outcome)] if not isinstance(outcome, Ignore) else []
        for part in parts:
            for seen in part.outcome.observations if isinstance(part.outcome, Reading) else ():
                assert seen.observed_property in declared
                assert seen.result - seen.result == 0  # finite
