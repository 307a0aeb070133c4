"""SenML: the RFC's rules, and the mapping by record name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.core.profiles.profile import Codec
from consent.errors import PolicyError
from gateway.core import model
from gateway.core.codecs.senml.pack import PackError, resolve
from gateway.core.model import Observation, Reading, Reject
from tests.support.profiles import decoder, make_profile

NOW_MS = 1_498_780_179_000

CLIMATE = make_profile(Codec.SENML, {"temperature": ("temperature", "Cel"), "relativeHumidity": ("humidity", "1")})
climate = decoder(CLIMATE)
meter = decoder(make_profile(Codec.SENML, {"consumption": ("energy", "kW.h")}, sequence=("seq", "boot")))


def pack(*records: dict[str, Any]) -> bytes:
    """Encode a pack."""
    return json.dumps(records).encode()


def test_senml_base_value_and_sum_are_added() -> None:
    """A missing value or sum counts as zero where there is a base for it."""
    records: list[dict[str, Any]] = [
        {"bn": "a:", "bv": 20, "bs": 5, "n": "x", "v": 0.5},
        {"n": "y"},
        {"n": "z", "vs": "text", "s": 1},
    ]

    assert resolve(records, 0.0) == [
        {"n": "a:x", "t": 0.0, "v": 20.5, "s": 5.0},
        {"n": "a:y", "t": 0.0, "v": 20.0, "s": 5.0},
        {"n": "a:z", "t": 0.0, "vs": "text", "s": 6.0},
    ]


@pytest.mark.parametrize(
    ("record", "reject"),
    [
        ({"n": "a", "v": 1, "bver": 11}, model.NOT_UNDERSTOOD),
        ({"n": "a", "v": 1, "bver": 0}, model.NOT_UNDERSTOOD),
        ({"n": "a", "v": 1, "must_": 1}, model.NOT_UNDERSTOOD),
        ({"n": "a", "v": 1, "bver": 10.0}, model.WRONG_TYPE),
        ({"n": "a", "v": True}, model.WRONG_TYPE),
        ({"n": "a", "v": "1"}, model.WRONG_TYPE),
        ({"n": "a", "v": None}, model.WRONG_TYPE),
        ({"n": "a", "v": 10**400}, model.WRONG_TYPE),
        ({"n": "a", "vb": 1}, model.WRONG_TYPE),
        ({"n": 1, "v": 1}, model.WRONG_TYPE),
        ({"v": 1}, model.MALFORMED),
        ({"n": "-a", "v": 1}, model.MALFORMED),
        ({"n": "a b", "v": 1}, model.MALFORMED),
        ({"n": "a", "v": 1, "vs": "1"}, model.MALFORMED),
        ({"n": "a"}, model.MALFORMED),
    ],
)
def test_senml_record_against_the_rules_is_refused(record: dict[str, Any], reject: Reject) -> None:
    """Names, types, one value each, the version, and labels that must be understood."""
    with pytest.raises(PackError) as caught:
        resolve([record], 0.0)

    assert caught.value.reject is reject


def test_senml_pack_gives_observations_by_the_last_part_of_names() -> None:
    """Each with its own time; of two devices in one pack, as in the RFC's example of a collection."""
    payload = pack(
        {"bn": "2001:db8::2/", "bt": 1_320_078_429, "n": "temperature", "v": 25.2, "u": "Cel"},
        {"n": "humidity", "t": 10.5, "v": 30, "u": "%RH"},
        {"n": "owner", "vs": "Ana"},
    )

    assert climate(payload, NOW_MS) == Reading(
        None,
        None,
        True,
        [Observation("temperature", 1_320_078_429_000, 25.2), Observation("relativeHumidity", 1_320_078_439_500, 0.3)],
    )


def test_senml_full_name_wins_over_the_last_part() -> None:
    """A profile may tell two sensors of one device apart."""
    decode = decoder(make_profile(Codec.SENML, {"indoor": ("in:temp", "Cel"), "outdoor": ("temp", "Cel")}))

    reading = decode(pack({"n": "in:temp", "v": 20}, {"n": "out:temp", "v": 5}), NOW_MS)

    assert reading == Reading(None, None, False, [Observation("indoor", NOW_MS, 20.0), Observation("outdoor", NOW_MS, 5.0)])


def test_senml_relative_times_count_from_arrival() -> None:
    """Below 2**28 seconds a time says how long ago; the device's own clock is then not involved."""
    reading = climate(pack({"n": "temperature", "v": 20, "t": -5.25}, {"n": "temperature", "v": 21}), NOW_MS + 1)

    values = [Observation("temperature", NOW_MS + 1 - 5250, 20.0), Observation("temperature", NOW_MS + 1, 21.0)]
    assert reading == Reading(None, None, False, values)


def test_senml_percent_is_a_ratio() -> None:
    """The trap: `%` is 0 to 1, `%RH` is 0 to 100."""
    as_percent = decoder(make_profile(Codec.SENML, {"humidity": ("h", "%")}))

    for unit, value in (("%", 0.54), ("/", 0.54), ("%RH", 54.0)):
        reading = as_percent(pack({"n": "h", "v": value, "u": unit}), NOW_MS)
        assert reading == Reading(None, None, False, [Observation("humidity", NOW_MS, 54.0)])


def test_senml_sequence_and_boot_are_records() -> None:
    """They are named like any other record, and must be there."""
    numbers = ({"n": "seq", "v": 12}, {"n": "boot", "vs": "b-7"})
    expected = Reading("b-7", 12, False, [Observation("consumption", NOW_MS, 1.5)])

    assert meter(pack({"bn": "urn:dev:x:", "n": "energy", "v": 1500, "u": "Wh"}, *numbers), NOW_MS) == expected
    assert meter(pack({"n": "energy", "v": 1.5}, numbers[0]), NOW_MS) is model.NO_SEQUENCE
    assert meter(pack({"n": "energy", "v": 1.5}, {"n": "seq", "v": 1.5}, numbers[1]), NOW_MS) is model.WRONG_TYPE
    assert meter(pack({"n": "energy", "v": 1.5}, numbers[0], {"n": "boot", "vs": "x" * 65}), NOW_MS) is model.WRONG_TYPE
    assert meter(pack({"n": "energy", "v": 1.5}, numbers[0], {"n": "boot", "vb": True}), NOW_MS) is model.WRONG_TYPE


def test_senml_record_cannot_be_value_and_sequence() -> None:
    """Such a profile could never yield a value."""
    with pytest.raises(PolicyError, match=r"`sequence\.path`: `seq` is taken by a field"):
        decoder(make_profile(Codec.SENML, {"a": "seq"}, sequence=("seq", None)))


@pytest.mark.parametrize(
    ("payload", "reject"),
    [
        (pack({"n": "temperature", "vs": "20"}), model.WRONG_TYPE),
        (pack({"n": "temperature", "vb": True}), model.WRONG_TYPE),
        (pack({"n": "temperature", "v": 293, "u": "K"}), model.WRONG_UNIT),
        (pack({"n": "temperature", "v": 20, "bt": 1e300}), model.BAD_TIME),
        (pack({"n": "temperature", "v": 20, "t": -1e300}), model.BAD_TIME),
        (pack({"n": "temperature", "v": 20, "t": -1.7e308, "bt": -1.7e308}), model.BAD_TIME),
        (pack({"n": "temperature", "v": 1.7e308, "bv": 1.7e308}), model.NOT_FINITE),
        (pack({"n": "temperature", "s": 20}), model.NO_READING),
        (pack({"n": "other", "v": 20}), model.NO_READING),
        (pack({"bn": "temperature"}), model.NO_READING),
        (pack(), model.NO_READING),
        (pack({"n": "temperature", "v": float("nan")}), model.MALFORMED),
        (b"", model.MALFORMED),
        (b'[{"n":"\xff","v":1}]', model.MALFORMED),
        (b'[{"x":"\xff"}]', model.MALFORMED),
        (b'[{"x":' + b"[" * 10_000, model.MALFORMED),
        (b'[{"n":"temperature","v":1e999}]', model.WRONG_TYPE),
        (b"{}", model.WRONG_TYPE),
        (b"[1]", model.WRONG_TYPE),
        (b"[null]", model.WRONG_TYPE),
    ],
)
def test_senml_bad_pack_is_refused_with_its_reason(payload: bytes, reject: Reject) -> None:
    """One bad record refuses the frame: half a pack would be a reading that nobody sent."""
    assert climate(payload, NOW_MS) is reject


labels = st.sampled_from(["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut", "x", "x_"])
texts = st.sampled_from(["temperature", "humidity", "a:", "Cel", "/"]) | st.text()
values = st.none() | st.booleans() | st.integers() | st.floats() | texts
packs = st.lists(st.dictionaries(labels, values, max_size=6), max_size=6)


@given(st.binary(max_size=200) | packs.map(lambda records: json.dumps(records).encode()))
def test_senml_any_bytes_give_a_reading_or_a_rejection(payload: bytes) -> None:
    """Never an exception, never an undeclared property."""
    for decode in (climate, meter):
        result = decode(payload, NOW_MS)
        if isinstance(result, Reading):
            assert {seen.observed_property for seen in result.observations} <= {"consumption", *CLIMATE.fields}
        else:
            assert isinstance(result, Reject)
