"""JSON messages: what the field map takes, what is refused, and that nothing is ever raised."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.field_map import compile_field_map
from gateway.core.codecs.json_map import mend
from gateway.core.codecs.registry import compile_decoder
from gateway.core.codecs.tree import compile_tree
from gateway.core.model import Observation, Reading, Reject
from tests.support.profiles import decoder, make_profile, parsed_profile

NOW_MS = 1_731_110_400_000

METER = make_profile(Codec.JSON, {"consumption": "kwh"}, time=("t", "unix-s"), sequence=("seq", "boot"))
NESTED = make_profile(
    Codec.JSON, {"pm25": "air.pm.fine", "pm10": "air.pm.coarse", "temperature": "temp"}, time=("meta.at", "unix-ms")
)
PLAIN = make_profile(Codec.JSON, {"LAeq": "level", "peopleCount": ("people", "1", "10")})

meter = decoder(METER)
nested = decoder(NESTED)
plain = decoder(PLAIN)

GOOD: dict[str, Any] = {"t": 1_731_110_399, "seq": 12, "boot": 7, "kwh": 0.123}


def with_fields(**fields: object) -> bytes:
    """Return the good meter message with some fields replaced."""
    return json.dumps(GOOD | fields).encode()


def without(field: str) -> bytes:
    """Return the good meter message without a field."""
    return json.dumps({key: value for key, value in GOOD.items() if key != field}).encode()


def test_json_meter_message_gives_one_reading() -> None:
    """Value, time in milliseconds, sequence and boot id come out; nothing else is there to come out."""
    reading = meter(with_fields(mac="a4:c1:38:7f:c1:e1", rssi=-67), NOW_MS)

    assert reading == Reading(7, 12, True, [Observation("consumption", 1_731_110_399_000, 0.123)])


def test_json_nested_paths_are_found_and_absent_ones_left_out() -> None:
    """Dots descend into nested maps; a field that is null or absent gives no observation."""
    reading = nested(b'{"meta":{"at":1731110399250},"air":{"pm":{"fine":4.5,"coarse":null}}}', NOW_MS)

    assert reading == Reading(None, None, True, [Observation("pm25", 1_731_110_399_250, 4.5)])


def test_json_absent_inner_map_counts_as_absent_fields() -> None:
    """A device may leave a whole map out or null."""
    assert isinstance(nested(b'{"meta":{"at":1731110399250},"temp":21,"air":null}', NOW_MS), Reading)
    assert nested(b'{"meta":{"at":1731110399250}}', NOW_MS) is model.NO_READING
    assert nested(b'{"temp":21}', NOW_MS) is model.BAD_TIME


def test_json_without_declared_time_takes_the_time_of_arrival() -> None:
    """Without a time in the profile the reading says that its time is not the device's."""
    reading = plain(b'{"level":61,"people":3,"t":12}', NOW_MS)

    assert reading == Reading(None, None, False, [Observation("LAeq", NOW_MS, 61.0), Observation("peopleCount", NOW_MS, 30.0)])


def test_json_partial_iv_profile_takes_boot_alone() -> None:
    """Where the authentication carries the sequence, the message names its boot only."""
    decode = decoder(make_profile(Codec.JSON, {"consumption": "kwh"}, sequence=(None, "boot")))

    assert decode(b'{"kwh":1,"boot":"b-1"}', NOW_MS) == Reading("b-1", None, False, [Observation("consumption", NOW_MS, 1.0)])
    assert decode(b'{"kwh":1}', NOW_MS) is model.NO_SEQUENCE


@pytest.mark.parametrize(
    ("payload", "reject"),
    [
        (with_fields(kwh="0.123"), model.WRONG_TYPE),
        (with_fields(kwh=True), model.WRONG_TYPE),
        (with_fields(kwh=[1]), model.WRONG_TYPE),
        (with_fields(kwh={"value": 1}), model.WRONG_TYPE),
        (with_fields(kwh=10**400), model.WRONG_TYPE),
        (b'{"t":1731110399,"seq":1,"boot":1,"kwh":1e999}', model.WRONG_TYPE),
        (with_fields(kwh=float("nan")), model.NO_READING),
        (with_fields(kwh=float("inf")), model.NO_READING),
        (with_fields(kwh=None), model.NO_READING),
        (without("kwh"), model.NO_READING),
        (without("t"), model.BAD_TIME),
        (with_fields(t=None), model.BAD_TIME),
        (with_fields(t=-1), model.BAD_TIME),
        (with_fields(t=1e300), model.BAD_TIME),
        (with_fields(t=1_731_110_399_000_000), model.BAD_TIME),
        (with_fields(t="now"), model.BAD_TIME),
        (with_fields(t=[1]), model.WRONG_TYPE),
        (with_fields(seq="x"), model.WRONG_TYPE),
        (without("seq"), model.NO_SEQUENCE),
        (without("boot"), model.NO_SEQUENCE),
        (with_fields(seq=-1), model.WRONG_TYPE),
        (with_fields(seq=2**63), model.WRONG_TYPE),
        (with_fields(seq=1.5), model.WRONG_TYPE),
        (with_fields(seq=True), model.WRONG_TYPE),
        (with_fields(boot="x" * 65), model.WRONG_TYPE),
        (with_fields(boot=2**64), model.WRONG_TYPE),
        (with_fields(boot=1.5), model.WRONG_TYPE),
        (b"", model.MALFORMED),
        (b"{", model.MALFORMED),
        (b"\x00" * 100, model.MALFORMED),
        (with_fields() + b"x", model.MALFORMED),
        (b"\xef\xbb\xbf" + with_fields() + b"x", model.MALFORMED),
        (b'{"kwh":1,"seq":1,"t":1731110399,"boot":"\xff"}', model.WRONG_TYPE),
        (b'{"kwh":1,"seq":1,"t":1731110399,"boot":"\\ud800"}', model.MALFORMED),
        (b"[]", model.WRONG_TYPE),
        (b"null", model.WRONG_TYPE),
        (b"3", model.WRONG_TYPE),
        (b'{"x":' * 10_000 + b"1" + b"}" * 10_000, model.MALFORMED),
        (b"[" * 10_000, model.MALFORMED),
        (b'{"x":' + b"[" * 10_000, model.MALFORMED),
    ],
)
def test_json_bad_message_is_refused_with_its_reason(payload: bytes, reject: Reject) -> None:
    """Whatever is wrong has one shared rejection with one name."""
    assert meter(payload, NOW_MS) is reject


def test_json_scale_beyond_doubles_is_not_finite() -> None:
    """A value that only the scale drives out of range costs itself alone."""
    decode = decoder(make_profile(Codec.JSON, {"a": ("a", "1", "1e10"), "b": "b"}))

    assert decode(b'{"a":1e300,"b":1}', NOW_MS) == Reading(None, None, False, [Observation("b", NOW_MS, 1)], (model.NOT_FINITE,))
    assert decode(b'{"a":1e300}', NOW_MS) is model.NOT_FINITE


def test_json_oddities_that_are_let_pass() -> None:
    """Of a key that stands twice the last counts; bad bytes do no harm in fields that nobody reads."""
    twice = plain(b'{"level":61,"level":62,"note":"\xff\xfe"}', NOW_MS)

    assert twice == Reading(None, None, False, [Observation("LAeq", NOW_MS, 62.0)])


def test_json_one_bad_field_costs_that_field() -> None:
    """Whatever is wrong with it; text in place of a time or a number is read, where it is one."""
    for bad in (b'"wet"', b"[1]", b"true", b"1e999", b"9" * 400):
        both = plain(b'{"level":61,"people":' + bad + b"}", NOW_MS)
        assert both == Reading(None, None, False, [Observation("LAeq", NOW_MS, 61.0)], (model.WRONG_TYPE,))
    assert meter(with_fields(t="1731110399", seq="12"), NOW_MS) == meter(with_fields(), NOW_MS)


@pytest.mark.parametrize(
    "payload",
    [
        b'\xef\xbb\xbf{"level":61}',
        b'{"level":61}\0',
        b'{"level":61}\r\n\0\0 ',
        b'{"level":61,"people":nan}',
        b'{"people":-Infinity,"level":61}',
        b'{"level":61,"list":[NaN,inf , nan],"note":"nan \\" nan"}',
        b'\xef\xbb\xbf{"level":61,"note":"\xff","people":NaN}\0',
    ],
)
def test_json_broken_as_firmware_breaks_it_is_read(payload: bytes) -> None:
    """A byte order mark, trailing NULs and line ends, bare nan; in texts nothing is touched."""
    assert plain(payload, NOW_MS) == Reading(None, None, False, [Observation("LAeq", NOW_MS, 61.0)])


def test_json_is_mended_outside_of_texts_alone_and_in_time_by_its_length() -> None:
    """Quotation marks that are never closed, and words that only contain the letters, stay."""
    assert mend(b'{"a":"nan","b\\"nan":nan,"c":nano}') == b'{"a":"nan","b\\"nan":null,"c":nano}'
    hostile = b'"' + b'\\"' * 30_000
    assert mend(hostile) == hostile
    assert mend(b"nan," * 16_000) == b"null," * 16_000


def test_json_large_message_is_decoded_or_refused_alike() -> None:
    """Size is not the codec's business: 100 KiB of what nobody reads changes nothing."""
    assert isinstance(meter(with_fields(padding="x" * 102_400), NOW_MS), Reading)


@pytest.mark.parametrize("paths", [{"a": "x", "b": "x"}, {"a": "x", "b": "x.y"}, {"a": "x.y.z", "b": "x.y"}])
def test_json_paths_that_exclude_each_other_are_an_error_of_the_policy(paths: dict[str, str]) -> None:
    """No message holds two fields at one place, so that the profile is wrong; the error names file and key."""
    with pytest.raises(PolicyError, match=r"`devices/probe.toml`: `fields\.[ab]\.path`: .* is taken by"):
        decoder(make_profile(Codec.JSON, paths))


json_keys = st.sampled_from(["t", "seq", "boot", "kwh", "x"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_keys, inner, max_size=5),
    max_leaves=12,
)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_json_any_bytes_give_a_reading_or_a_rejection(payload: bytes) -> None:
    """Never an exception, never an undeclared property."""
    for decode, profile in ((meter, METER), (nested, NESTED), (plain, PLAIN)):
        result = decode(payload, NOW_MS)
        if isinstance(result, Reading):
            assert result.observations
            assert {seen.observed_property for seen in result.observations} <= profile.fields.keys()
            assert all(type(seen.result) is float and type(seen.phenomenon_time_ms) is int for seen in result.observations)
        else:
            assert isinstance(result, Reject)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2**32), st.integers(0, 2**63 - 1))
def test_json_good_message_comes_back_as_it_was_sent(value: float, time_s: int, sequence: int) -> None:
    """Every double, every time and every sequence survives."""
    reading = meter(with_fields(kwh=value, t=time_s, seq=sequence), NOW_MS)

    assert reading == Reading(7, sequence, True, [Observation("consumption", time_s * 1000, value)])


@given(json_values)
def test_json_is_read_alike_by_compiled_types_and_as_a_tree(message: Any) -> None:
    """The quick way is quicker, and no other; it is left where a value does not fit."""
    for profile in (METER, NESTED, PLAIN):
        field_map = compile_field_map(profile)
        try:
            typed = msgspec.convert(message, field_map.message_type)
        except (msgspec.ValidationError, OverflowError):
            continue
        quick = field_map.read(typed if field_map.flatten is None else field_map.flatten(typed), NOW_MS)
        assert quick == compile_tree(profile)("t/probe", message, NOW_MS)


@pytest.mark.parametrize(
    ("head", "topic"),
    [
        ('[match]\n"$topic" = "SENSOR"\n', ""),
        ("", '\ntopic = "SENSOR"'),
    ],
)
def test_json_state_beside_readings_that_is_no_json_is_ignored(head: str, topic: str) -> None:
    """On a topic of readings the same bytes are a fault of the device."""
    decode = compile_decoder(parsed_profile(head, fields=f'[fields.temperature]\npath = "t"\nunit = "Cel"{topic}\n'))
    assert decode("tele/x/LWT", b"Online", NOW_MS) is model.IGNORE
    assert decode("tele/x/SENSOR", b"Online", NOW_MS) is model.MALFORMED
    assert isinstance(decode("tele/x/SENSOR", b'{"t":1}', NOW_MS), Reading)
