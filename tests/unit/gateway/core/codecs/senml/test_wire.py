"""SenML on the wire: the same pack as JSON and as CBOR is the same reading, and no bytes are an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec
from gateway.core import model
from gateway.core.model import Observation, Reading, Reject
from tests.support.formats import senml_cbor
from tests.support.profiles import decoder, make_profile

NOW_MS = 1_498_780_179_000
FIELDS = {"temperature": ("temp", "Cel"), "humidity": ("hum", "%")}
as_json = decoder(make_profile(Codec.SENML, FIELDS))
as_cbor = decoder(make_profile(Codec.SENML_CBOR, FIELDS))

_units = st.sampled_from(["Cel", "%RH", "/", "K"])
_record = st.fixed_dictionaries(
    {"n": st.sampled_from(["temp", "hum", "other"])},
    optional={
        "bn": st.sampled_from(["urn:dev:mac:0024befffe804ff1:", "a/", ""]),
        "bt": st.integers(-100, 2**31),
        "bu": _units,
        "u": _units,
        "bv": st.integers(-50, 50),
        "v": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**62), 2**62),
        "t": st.integers(-100, 100),
        "ut": st.integers(0, 100),
        "bver": st.just(10),
    },
)


@given(st.lists(_record, max_size=5))
def test_senml_pack_is_the_same_reading_in_json_and_in_cbor(records: list[dict[str, Any]]) -> None:
    """Whatever its units, times and bases, or the reason for which it is none."""
    assert as_json(json.dumps(records).encode(), NOW_MS) == as_cbor(senml_cbor(records), NOW_MS)


def test_senml_cbor_pack_of_a_sensor_is_read() -> None:
    """Name, unit and a half-precision value, under numbers."""
    reading = as_cbor(bytes.fromhex("81a3006474656d700163436c650162") + b"", NOW_MS)
    assert reading is model.MALFORMED
    reading = as_cbor(bytes.fromhex("81a3006474656d70016343656c02f94d00"), NOW_MS)
    assert reading == Reading(None, None, False, [Observation("temperature", NOW_MS, 20.0)])


@pytest.mark.parametrize(
    ("payload", "reject"),
    [(b"", model.MALFORMED), (b"\xa0", model.WRONG_TYPE), (b"\x81\x01", model.WRONG_TYPE), (b"\x80", model.NO_READING)],
)
def test_senml_cbor_that_is_no_pack_is_refused_with_its_reason(payload: bytes, reject: Reject) -> None:
    """As in JSON: broken bytes are malformed, and well-formed ones of another shape a wrong type."""
    assert as_cbor(payload, NOW_MS) is reject


@given(st.binary(max_size=120))
def test_any_bytes_as_senml_cbor_give_a_reading_or_a_rejection(payload: bytes) -> None:
    """Never an exception."""
    assert isinstance(as_cbor(payload, NOW_MS), Reading | Reject)
