"""Line protocol: types, escapes, times, several lines, and anything else that may come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.presets import with_presets
from consent.core.profiles.profile import Codec, Condition, Match, TimeField, TimeFormat, TimeOrigin
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.line_protocol import parse_lines
from gateway.core.codecs.registry import compile_decoder
from gateway.core.codecs.tree import MOST_ELEMENTS
from gateway.core.model import HubPart, HubParts, Ignore, Observation, Reading, Reject
from tests.support.formats import line, together
from tests.support.profiles import make_profile

NOW_MS = 1_778_036_400_000
PROFILE = with_presets(make_profile(Codec.LINE_PROTOCOL, {"temperature": ("temp", "Cel"), "humidity": ("hum", "%")}))
decode = compile_decoder(PROFILE)


def read(payload: str) -> Any:
    """Return what a payload says."""
    return decode("telegraf/weather", payload.encode(), NOW_MS)


def test_line_of_the_format_s_own_documentation_is_read() -> None:
    """Measurement, tags, fields and nanoseconds; integers have an `i`."""
    reading = read("weather,location=us-midwest,season=summer temp=82,hum=40i,wind=3 1465839830100400200\n")
    time_ms = 1_465_839_830_100
    assert reading == Reading(
        None, None, True, [Observation("temperature", time_ms, 82.0), Observation("humidity", time_ms, 40.0)]
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.5e-3", -0.0015),
        ("+.5", 0.5),
        ("-12i", -12),
        ("18446744073709551615u", 2**64 - 1),
        ("t", True),
        ("TRUE", True),
        ("False", False),
        ('""', ""),
        (r'"a \"b\" \\ c, d=e \n"', r'a "b" \ c, d=e \n'),
        ('"two\nlines"', "two\nlines"),
        ("1.5i", "1.5i"),
        ("nan", "nan"),
        ("trUe", "trUe"),
    ],
)
def test_line_field_has_the_type_that_it_is_written_in(text: str, value: object) -> None:
    """What is of no type stays text, so that it costs its own field alone."""
    (parsed,) = parse_lines(f"m a={text},b=2 5")
    assert isinstance(parsed, dict)
    assert parsed["fields"] == {"a": value, "b": 2.0}
    assert type(parsed["fields"]["a"]) is type(value)
    assert parsed["timestamp"] == 5


def test_line_escapes_are_taken_out_of_names() -> None:
    """Commas, blanks and equals signs; a backslash before anything else is one."""
    (parsed,) = parse_lines(r"my\,m\ x=y,tag\ k\,\==v\=1\ \,\a f\ k\,\==1")
    assert parsed == {"name": "my,m x=y", "tags": {"tag k,=": "v=1 ,\\a"}, "fields": {"f k,=": 1.0}}


def test_lines_are_read_one_by_one_and_conditions_choose_among_them() -> None:
    """As agents send many measurements in one message; comments and empty lines are nothing."""
    payload = "# of the roof\n\ncpu temp=61 1\r\nweather,site=a temp=5 2000000\nweather,site=b temp=6 3000000\n"
    chosen = compile_decoder(replace(PROFILE, match=Match(conditions=(Condition("name", ("weather",)),))))
    reading = chosen("t", payload.encode(), NOW_MS)
    assert reading == Reading(None, None, True, [Observation("temperature", 2, 5.0), Observation("temperature", 3, 6.0)])
    assert chosen("t", b"cpu temp=61 1", NOW_MS) is model.IGNORE


def test_lines_of_several_devices_are_told_apart_by_a_tag() -> None:
    """Each line is of the device that its tag names; one without is nobody's."""
    hub = compile_decoder(replace(PROFILE, hub=("tags.site",)))
    parts = hub("t", b"w,site=a temp=5 1000000\nw,site=b temp=6\nw temp=7", NOW_MS)
    assert parts == HubParts(
        [
            HubPart("a", Reading(None, None, True, [Observation("temperature", 1, 5.0)])),
            HubPart("b", Reading(None, None, False, [Observation("temperature", NOW_MS, 6.0)])),
            HubPart("", model.NO_VALUE),
        ]
    )
    unreadable = hub("t", b"w,site=a temp=5 1000000\nw,site", NOW_MS)
    assert isinstance(unreadable, HubParts)
    assert unreadable.parts[1:] == [HubPart("", model.MALFORMED)]


def test_line_times_may_be_of_another_precision() -> None:
    """As the profile says; a line without one is of its arrival then too."""
    time = TimeField("timestamp", TimeFormat.UNIX_S, TimeOrigin.DEVICE)
    seconds = compile_decoder(with_presets(replace(PROFILE, time=time)))
    reading = seconds("t", b"w temp=5 1778036000\nw temp=6", NOW_MS)
    expected = [Observation("temperature", 1_778_036_000_000, 5.0), Observation("temperature", NOW_MS, 6.0)]
    assert reading == Reading(None, None, False, expected)


def test_line_that_is_wrong_costs_that_line() -> None:
    """The others are read, the wrong ones counted."""
    reading = read('w temp=5\nw temp="6\nw temp=7')
    seen = [Observation("temperature", NOW_MS, 5.0), Observation("temperature", NOW_MS, 7.0)]
    assert reading == Reading(None, None, False, seen, (model.MALFORMED,))
    assert read("w temp=nan,hum=40") == Reading(None, None, False, [Observation("humidity", NOW_MS, 40.0)], (model.WRONG_TYPE,))


@pytest.mark.parametrize(
    "payload",
    [
        "w",
        "w ",
        "w,a temp=1",
        "w,a= temp=1",
        "w,=b temp=1",
        " =1",
        "w temp",
        "w temp=",
        "w temp=1,",
        "w temp=1 x",
        "w temp=1 1 1",
    ],
)
def test_line_against_the_grammar_is_malformed(payload: str) -> None:
    """By itself it is all that there is."""
    assert read(payload) is model.MALFORMED


def test_payload_without_lines_holds_no_reading() -> None:
    """Nor does one of comments; bytes that are no UTF-8 are malformed, and so is a time outside of any calendar."""
    assert read("") is read("\n# nothing\n") is model.NO_READING
    assert decode("t", b"w temp=\xff", NOW_MS) is model.MALFORMED
    assert read(f"w temp=1 {'9' * 19}") == Reading(None, None, True, [Observation("temperature", 10**13, 1.0)])
    assert read(f"w temp=1 {'9' * 20}") is model.MALFORMED
    assert read("w temp=1 -5") is model.BAD_TIME


def test_line_profile_names_no_list() -> None:
    """A message is one already."""
    with pytest.raises(PolicyError, match="`each`: should be left out"):
        compile_decoder(replace(PROFILE, each="data"))


_texts = st.text(st.characters(exclude_categories=["C"], exclude_characters="\\\n"), min_size=1, max_size=8)
_names = _texts.filter(lambda name: not name.startswith("#"))
_numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1) | st.booleans()
_fields = st.dictionaries(_texts, _numbers | st.text(st.characters(exclude_categories=["C"]), max_size=8), min_size=1, max_size=4)
_lines = st.tuples(_names, st.dictionaries(_texts, _texts, max_size=3), _fields, st.none() | st.integers(0, 2**63 - 1))


@given(st.lists(_lines, min_size=1, max_size=4))
def test_line_protocol_round_trip(lines: list[tuple[str, dict[str, str], dict[str, object], int | None]]) -> None:
    """What our own encoder writes is read as it was."""
    expected = [
        {"name": name, "tags": tags, "fields": fields} | ({} if timestamp is None else {"timestamp": timestamp})
        for name, tags, fields, timestamp in lines
    ]
    assert parse_lines(together([line(*one) for one in lines]).decode()) == expected


@given(st.binary(max_size=80) | st.text('w temp=1,\\"\n#ui5é', max_size=60).map(str.encode))
def test_any_bytes_as_line_protocol_give_a_reading_or_a_reason(payload: bytes) -> None:
    """Never an exception, never an undeclared property."""
    outcome = decode("t", payload, NOW_MS)
    assert isinstance(outcome, Reading | Reject | Ignore)
    if isinstance(outcome, Reading):
        assert {seen.observed_property for seen in outcome.observations} <= {"temperature", "humidity"}


@pytest.mark.parametrize(
    "payload", ["w," * 20_000, "w " + "a=1," * 20_000, 'w a="' + '\\"' * 30_000, "\\" * 60_000, "w a=1\n" * 9_000]
)
def test_long_lines_are_read_in_one_pass(payload: str) -> None:
    """However many tags, fields or escapes; of too many lines none is read."""
    assert read(payload) is (model.TOO_LARGE if payload.count("\n") > MOST_ELEMENTS else model.MALFORMED)
