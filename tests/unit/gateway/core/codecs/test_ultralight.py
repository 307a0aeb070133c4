"""UltraLight 2.0: groups of measures, their times, single measures by topic, and anything else that may come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.presets import OWN_HUB_ID, with_presets
from consent.core.profiles.profile import Codec
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.registry import compile_decoder
from gateway.core.codecs.ultralight import parse_ultralight
from gateway.core.model import HubPart, HubParts, Ignore, Observation, Reading, Reject
from tests.support.formats import ultralight
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
TOPIC = "/ul/secret/meter7/attrs"
PROFILE = with_presets(make_profile(Codec.ULTRALIGHT, {"temperature": ("t", "Cel"), "humidity": ("h", "%")}))
decode = compile_decoder(PROFILE)


def test_ultralight_measures_are_read_by_name() -> None:
    """Values are text; what no field names is not read."""
    reading = decode(TOPIC, b"t|15|k|abc|h|40.5", NOW_MS)
    assert reading == Reading(
        None, None, False, [Observation("temperature", NOW_MS, 15.0), Observation("humidity", NOW_MS, 40.5)]
    )


def test_ultralight_groups_have_times_of_their_own() -> None:
    """A group without one is of its arrival, and then the message as a whole has no time that could be relied on."""
    dated = decode(TOPIC, b"2026-05-06T02:40:00Z|t|5#2026-05-06T02:50:00.000Z|t|6", NOW_MS)
    mixed = decode(TOPIC, b"2026-05-06T02:40:00Z|t|5#t|6\r\n", NOW_MS)
    first = Observation("temperature", NOW_MS - 1_200_000, 5.0)
    assert dated == Reading(None, None, True, [first, Observation("temperature", NOW_MS - 600_000, 6.0)])
    assert mixed == Reading(None, None, False, [first, Observation("temperature", NOW_MS, 6.0)])


def test_ultralight_single_measure_is_named_by_its_topic() -> None:
    """The whole payload is the value; what devices say under the agent's other topics is ignored."""
    single = Reading(None, None, False, [Observation("temperature", NOW_MS, -3.5)])
    assert decode(f"{TOPIC}/t", b" -3.5\0", NOW_MS) == single
    assert decode(f"{TOPIC}/other", b"1", NOW_MS) is model.NO_READING
    for other in ("ul/secret/meter7/cmdexe", "ul/secret/meter7/cmd", "ul/secret/meter7/configuration/commands"):
        assert decode(other, b"meter7@ping|ok", NOW_MS) is model.IGNORE


def test_ultralight_behind_a_hub_is_told_apart_by_the_topic() -> None:
    """By the device's level, also where a single measure's name follows it."""
    hub = compile_decoder(with_presets(replace(PROFILE, hub=OWN_HUB_ID)))
    expected = HubParts([HubPart("meter7", Reading(None, None, False, [Observation("temperature", NOW_MS, 1.0)]))])
    assert hub(TOPIC, b"t|1", NOW_MS) == hub(f"{TOPIC}/t", b"1", NOW_MS) == expected


def test_ultralight_number_of_the_device_is_a_measure() -> None:
    """Digits as text; of several groups the first says it."""
    numbered = compile_decoder(with_presets(make_profile(Codec.ULTRALIGHT, {"temperature": "t"}, sequence=("n", "b"))))
    reading = numbered(TOPIC, b"t|1|n|12|b|run#t|2", NOW_MS)
    assert isinstance(reading, Reading)
    assert (reading.boot, reading.sequence, len(reading.observations)) == ("run", 12, 2)
    assert numbered(TOPIC, b"t|1", NOW_MS) is model.NO_SEQUENCE


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        (b"", model.MALFORMED),
        (b"t", model.MALFORMED),
        (b"t|1|k", model.MALFORMED),
        (b"|1", model.MALFORMED),
        (b"#", model.MALFORMED),
        (b"\xff|1", model.MALFORMED),
        (b"2026-05-06T02:40:00Z", model.MALFORMED),
        (b"k|1", model.NO_READING),
        (b"t|abc", model.WRONG_TYPE),
        (b"t|", model.WRONG_TYPE),
        (b"t|nan", model.NOT_FINITE),
        (b"2026-13-06T02:40:00Z|t|1", model.BAD_TIME),
        (b"2026-05-06T02:40:00|t|1", model.BAD_TIME),
    ],
)
def test_ultralight_that_is_wrong_is_refused_with_its_reason(payload: bytes, outcome: Reject) -> None:
    """A time without an offset is wrong too, unless the profile names a zone."""
    assert decode(TOPIC, payload, NOW_MS) is outcome


def test_ultralight_group_that_is_wrong_costs_that_group() -> None:
    """The others are read, and the wrong one is counted."""
    reading = decode(TOPIC, b"t|1|k#t|2#t|x", NOW_MS)
    expected = [Observation("temperature", NOW_MS, 2.0)]
    assert reading == Reading(None, None, False, expected, (model.WRONG_TYPE, model.MALFORMED))


def test_ultralight_groups_beyond_all_use_are_too_large() -> None:
    """None is read."""
    assert decode(TOPIC, b"t|1#" * 5000, NOW_MS) is model.TOO_LARGE


def test_ultralight_profile_names_no_list() -> None:
    """A message is one already."""
    with pytest.raises(PolicyError, match="`each`: should be left out"):
        compile_decoder(replace(PROFILE, each="data"))


_names = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="|#"), min_size=1).filter(
    lambda name: name != "TimeInstant"
)
_values = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9) | _names


@given(st.lists(st.dictionaries(_names, _values, min_size=1, max_size=4), min_size=1, max_size=4))
def test_ultralight_round_trip(groups: list[dict[str, object]]) -> None:
    """What our own encoder writes is read as it was."""
    assert parse_ultralight(ultralight(groups).decode()) == [{name: str(value) for name, value in one.items()} for one in groups]


@given(st.binary(max_size=80) | st.text("t|#5.:-TZ2026", max_size=40).map(str.encode), st.sampled_from([TOPIC, f"{TOPIC}/t"]))
def test_any_bytes_as_ultralight_give_a_reading_or_a_reason(payload: bytes, topic: str) -> None:
    """Never an exception, never an undeclared property."""
    check_any(decode, topic, payload)


def check_any(decode: Callable[[str, bytes, int], object], topic: str, payload: bytes) -> None:
    """Check that a decoder gives one of its outcomes, with declared properties alone."""
    outcome = decode(topic, payload, NOW_MS)
    assert isinstance(outcome, Reading | Reject | Ignore)
    if isinstance(outcome, Reading):
        assert {seen.observed_property for seen in outcome.observations} <= {"temperature", "humidity"}
