"""CBOR messages: the same meaning as JSON, and none of what CBOR can do beyond."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec
from gateway.core import model
from gateway.core.codecs.cbor_map import parse_cbor
from gateway.core.model import Observation, Reading, Reject
from tests.support.profiles import decoder, make_profile

NOW_MS = 1_731_110_400_000
FIELDS = {"consumption": "kwh", "pm25": "air.fine"}

meter = decoder(make_profile(Codec.CBOR, FIELDS, time=("t", "unix-s"), sequence=("seq", "boot")))
meter_json = decoder(make_profile(Codec.JSON, FIELDS, time=("t", "unix-s"), sequence=("seq", "boot")))
dated = decoder(make_profile(Codec.CBOR, {"consumption": "kwh"}, time=("t", "iso8601")))

GOOD: dict[Any, Any] = {"t": 1_731_110_399, "seq": 12, "boot": 7, "kwh": 0.123}


def with_fields(**fields: object) -> bytes:
    """Return the good message with some fields replaced."""
    return cbor2.dumps(GOOD | fields)


def test_cbor_message_gives_one_reading() -> None:
    """Nested maps included."""
    reading = meter(with_fields(air={"fine": 4.5, "x": b"\x00"}, mac=b"\xa4\xc1"), NOW_MS)

    values = [Observation("consumption", 1_731_110_399_000, 0.123), Observation("pm25", 1_731_110_399_000, 4.5)]
    assert reading == Reading(7, 12, True, values)


@pytest.mark.parametrize(
    "payload",
    [
        cbor2.dumps({"t": cbor2.CBORTag(0, "2024-11-08T23:59:59Z"), "kwh": 1}),
        cbor2.dumps({"t": "2024-11-09T00:59:59+01:00", "kwh": 1}),
    ],
)
def test_cbor_date_is_taken_with_and_without_its_tag(payload: bytes) -> None:
    """Tags 0 and 1 add nothing that the profile does not know."""
    assert dated(payload, NOW_MS) == Reading(None, None, True, [Observation("consumption", 1_731_110_399_000, 1.0)])


def test_cbor_epoch_tag_is_taken_for_its_content() -> None:
    """Tag 1 is how CBOR marks a Unix time."""
    assert isinstance(meter(with_fields(t=cbor2.CBORTag(1, 1_731_110_399)), NOW_MS), Reading)


@pytest.mark.parametrize(
    ("payload", "reject"),
    [
        (with_fields(kwh="0.123"), model.WRONG_TYPE),
        (with_fields(kwh=True), model.WRONG_TYPE),
        (with_fields(kwh=b"1"), model.WRONG_TYPE),
        (with_fields(kwh=cbor2.undefined), model.WRONG_TYPE),
        (with_fields(kwh=float("nan")), model.NOT_FINITE),
        (with_fields(kwh=float("-inf")), model.NOT_FINITE),
        (with_fields(kwh=None), model.NO_READING),
        (with_fields(t=float("nan")), model.BAD_TIME),
        (with_fields(t=float("inf")), model.BAD_TIME),
        (with_fields(seq=5.0), model.WRONG_TYPE),
        (with_fields(seq=2**63), model.WRONG_TYPE),
        (with_fields(boot=b"boot"), model.WRONG_TYPE),
        (with_fields(kwh=2**2000), model.MALFORMED),
        (with_fields(x=cbor2.CBORTag(35, "(a+)+$")), model.MALFORMED),
        (with_fields(x=cbor2.CBORTag(5, [2**62, 1])), model.MALFORMED),
        (with_fields(x=cbor2.CBORTag(40_000, 1)), model.MALFORMED),
        (with_fields() + b"\x00", model.MALFORMED),
        (with_fields()[:-1], model.MALFORMED),
        (b"", model.MALFORMED),
        (b"\xbf\x61x\x01\xff", model.MALFORMED),
        (b"\xa2\x63kwh\x01\x63kwh\x02", model.MALFORMED),
        (b"\xa1\x01\x02", model.MALFORMED),
        (b"\xa1\x61\xff\x02", model.MALFORMED),
        (b"\x81" * 10_000 + b"\x00", model.MALFORMED),
        (b"\xc1" * 10_000 + b"\x00", model.MALFORMED),
        (b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", model.MALFORMED),
        (b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", model.MALFORMED),
        (b"\xff", model.MALFORMED),
        (b"\xd8\x1c\x81\xd8\x1d\x00", model.MALFORMED),
        (b"\x80", model.WRONG_TYPE),
        (b"\xf6", model.WRONG_TYPE),
        (b"\xa1\x41x\x01", model.BAD_TIME),
    ],
)
def test_cbor_bad_message_is_refused_with_its_reason(payload: bytes, reject: Reject) -> None:
    """Strict CBOR, strict types."""
    assert meter(payload, NOW_MS) is reject


def test_cbor_every_tag_but_dates_is_refused() -> None:
    """So that a library which learns to interpret another tag does not teach it to the gateway."""
    for number in (*range(2, 1100), 40_000, 43_000, 55_799, 2**32, 2**63):
        head = cbor2.dumps(cbor2.CBORTag(number, 0))[:-1]
        for content in (b"\x00", b"\x40", b"\x60", b"\x80", b"\x82\x00\x01", b"\xa0"):
            with pytest.raises(cbor2.CBORError):
                parse_cbor(head + content)


cbor_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["t", "seq", "boot", "kwh", "air", "fine", 1]), inner, max_size=5)
        | st.tuples(st.integers(0, 60_000), inner).map(lambda pair: cbor2.CBORTag(*pair))
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | cbor_values.map(cbor2.dumps))
def test_cbor_any_bytes_give_a_reading_or_a_rejection(payload: bytes) -> None:
    """Never an exception, never an undeclared property."""
    for decode in (meter, dated):
        result = decode(payload, NOW_MS)
        if isinstance(result, Reading):
            assert {seen.observed_property for seen in result.observations} <= FIELDS.keys()
        else:
            assert isinstance(result, Reject)


plain_values = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@given(st.dictionaries(st.sampled_from(["t", "seq", "boot", "kwh", "x"]), plain_values))
def test_cbor_means_what_json_means(message: dict[str, object]) -> None:
    """Where both can say a message, both decode to the same."""
    assert meter(cbor2.dumps(message), NOW_MS) == meter_json(json.dumps(message).encode(), NOW_MS)
