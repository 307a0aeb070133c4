"""FIWARE's agent for JSON: objects, lists, single values, and anything else that may come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.presets import OWN_HUB_ID, with_presets
from consent.core.profiles.profile import Codec, Field
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.registry import compile_decoder
from gateway.core.model import HubPart, HubParts, Ignore, Observation, Reading, Reject
from tests.support.formats import as_json
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
TOPIC = "/json/secret/pole7/attrs"
PROFILE = with_presets(make_profile(Codec.FIWARE_JSON, {"temperature": ("t", "Cel"), "humidity": ("h", "%")}))
decode = compile_decoder(PROFILE)


def read(message: Any, topic: str = TOPIC) -> Any:
    """Return what a message says."""
    return decode(topic, as_json(message), NOW_MS)


def test_measures_are_read_by_name_as_numbers_or_text() -> None:
    """`TimeInstant` says when they held; without it, they are of their arrival."""
    values = [Observation("temperature", NOW_MS, 21.5), Observation("humidity", NOW_MS, 40.0)]
    assert read({"t": 21.5, "h": "40", "other": True}) == Reading(None, None, False, values)
    assert read({"t": 21.5, "h": 40, "TimeInstant": "2026-05-06T03:00:00.000Z"}) == Reading(None, None, True, values)
    assert read({"t": 21.5, "h": "wet"}) == Reading(None, None, False, values[:1], (model.WRONG_TYPE,))


def test_list_of_measures_has_times_of_its_own() -> None:
    """An element that is no object costs itself."""
    history = [{"t": 5, "TimeInstant": "2026-05-06T02:40:00Z"}, 7, {"t": 6, "TimeInstant": "2026-05-06T02:50:00Z"}]
    expected = [Observation("temperature", NOW_MS - 1_200_000, 5.0), Observation("temperature", NOW_MS - 600_000, 6.0)]
    assert read(history) == Reading(None, None, True, expected, (model.WRONG_TYPE,))


def test_single_value_is_named_by_its_topic() -> None:
    """As JSON, or as text that is none; what is under other topics of the agent is ignored."""
    expected = Reading(None, None, False, [Observation("temperature", NOW_MS, 21.5)])
    for payload in (b"21.5", b'"21.5"', b" 21.5\0"):
        assert decode(f"{TOPIC}/t", payload, NOW_MS) == expected
    comma = replace(PROFILE, fields={"temperature": Field(("t",), "Cel", decimal_mark=",")})
    assert compile_decoder(comma)(f"{TOPIC}/t", b"21,5", NOW_MS) == expected
    assert decode(f"{TOPIC}/t", b"warm", NOW_MS) is model.WRONG_TYPE
    assert decode("/json/secret/pole7/cmdexe", b'{"ping":"ok"}', NOW_MS) is model.IGNORE


def test_devices_behind_one_filter_are_told_apart_by_the_topic() -> None:
    """By the level of the device, not by the key that stands before it."""
    hub = compile_decoder(with_presets(replace(PROFILE, hub=OWN_HUB_ID)))
    expected = HubParts([HubPart("pole7", Reading(None, None, False, [Observation("temperature", NOW_MS, 1.0)]))])
    assert hub(TOPIC, b'{"t":1}', NOW_MS) == hub(f"{TOPIC}/t", b"1", NOW_MS) == expected


@pytest.mark.parametrize(
    ("payload", "reject"),
    [
        (b"", model.MALFORMED),
        (b"warm", model.MALFORMED),
        (b"\xff", model.MALFORMED),
        (b"7", model.WRONG_TYPE),
        (b"[]", model.NO_READING),
        (b"[[]]", model.WRONG_TYPE),
        (b"{}", model.NO_READING),
        (b'{"t":1,"TimeInstant":"yesterday"}', model.BAD_TIME),
        (b'{"t":1,"TimeInstant":7}', model.WRONG_TYPE),
    ],
)
def test_message_that_is_wrong_is_refused_with_its_reason(payload: bytes, reject: Reject) -> None:
    """Text that is no JSON is a value under the topic of a single one alone."""
    assert decode(TOPIC, payload, NOW_MS) is reject


def test_profile_of_an_agent_names_no_list() -> None:
    """A message is one already, or may be."""
    with pytest.raises(PolicyError, match="`each`: should be left out"):
        compile_decoder(replace(PROFILE, each="data"))


_measures = st.dictionaries(
    st.sampled_from(["t", "h", "TimeInstant", "x"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.integers(), max_size=2),
    max_size=4,
)


@given(
    st.binary(max_size=60) | _measures.map(as_json) | st.lists(_measures, max_size=3).map(as_json),
    st.sampled_from([TOPIC, f"{TOPIC}/t", "other"]),
)
def test_any_message_gives_a_reading_or_a_reason(payload: bytes, topic: str) -> None:
    """Never an exception, never an undeclared property."""
    outcome = decode(topic, payload, NOW_MS)
    assert isinstance(outcome, Reading | Reject | Ignore)
    if isinstance(outcome, Reading):
        assert {seen.observed_property for seen in outcome.observations} <= {"temperature", "humidity"}
