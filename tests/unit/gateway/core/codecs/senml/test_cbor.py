"""SenML in CBOR: labels by number, decimal fractions, and bytes that are no pack."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codecs.senml.cbor import LABELS, NoPackError, PackBytesError, parse_pack
from tests.support.formats import SENML_LABELS, senml_cbor


def test_senml_labels_have_the_numbers_of_the_rfc() -> None:
    """Of table 4; base values are negative."""
    assert {label: number for number, label in LABELS.items()} == SENML_LABELS


def test_senml_numbers_may_be_decimal_fractions() -> None:
    """Tag 4, as the RFC wants it of encoders that keep decimal digits; what no double holds is infinite."""
    fractions = {"v": "c48221193039", "s": "c48203190bb8", "t": "c482391fff01", "bv": "c482190fff01"}
    payload = bytes.fromhex(
        "81a4" + "".join(f"{cbor2.dumps(SENML_LABELS[label]).hex()}{body}" for label, body in fractions.items())
    )
    assert parse_pack(payload) == [{"v": 123.45, "s": 3_000_000.0, "t": 0.0, "bv": float("inf")}]


@pytest.mark.parametrize(
    ("payload", "records"),
    [
        ("80", []),
        ("81a0", [{}]),
        ("9fbf0061610205ffff", [{"n": "a", "v": 5}]),
        ("81a3006161021870", None),
        ("81a20061610218ff", [{"n": "a", "v": 255}]),
        ("81a1026161", [{"v": "a"}]),
        ("81a1616e6161", [{"n": "a"}]),
        ("81a102f93c00", [{"v": 1.0}]),
        ("81a102fa3f800000", [{"v": 1.0}]),
        ("81a102fb3ff0000000000000", [{"v": 1.0}]),
        ("81a10220", [{"v": -1}]),
        ("81a104f5", [{"vb": True}]),
        ("81a102f6", [{"v": None}]),
        ("81a108430102ff", [{"vd": b"\x01\x02\xff"}]),
        ("81a2186382a1f5c105f402f5", [{"v": True}]),
        ("81a102820102", [{"v": ...}]),
        ("81a1029f01bf02ffff", None),
        ("81a1029f01bf0203ffff", [{"v": ...}]),
        ("81a102c249010000000000000000", [{"v": ...}]),
    ],
)
def test_senml_cbor_bytes_are_read_as_the_rfcs_say(payload: str, records: list[dict[str, Any]] | None) -> None:
    """Containers of indefinite length too; what no record has is passed over; a map that lacks a value is cut off."""
    if records is None:
        with pytest.raises(PackBytesError):
            parse_pack(bytes.fromhex(payload))
    else:
        assert parse_pack(bytes.fromhex(payload)) == records


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", PackBytesError),
        (b"\x81", PackBytesError),
        (b"\x80\x00", PackBytesError),
        (b"\x9f", PackBytesError),
        (b"\x9b" + b"\xff" * 8, PackBytesError),
        (b"\xa0", NoPackError),
        (b"\x01", NoPackError),
        (b"\x81\x01", NoPackError),
        (b"\x81\xa1\x02\x1c", PackBytesError),
        (b"\x81\xa1\x02\xff", PackBytesError),
        (b"\x81\xa1\x02\x1f", PackBytesError),
        (b"\x81\xa1\x02\x7f", PackBytesError),
        (b"\x81\xa1\x02\x61\xff", PackBytesError),
        (b"\x81\xa1\x02\x7b" + b"\xff" * 8, PackBytesError),
        (b"\x81\xa1\xf9\x00\x00\x01", PackBytesError),
        (b"\x81\xa1\x82\x01\x02\x01", PackBytesError),
        (b"\x81\xa2\x02\x01\x02\x02", PackBytesError),
        (b"\x81\xa2\x02\x01\x61v\x02", PackBytesError),
        (b"\x81\xa1\x02\xc4\x01", PackBytesError),
        (b"\x81\xa1\x02\xc4\x82\x01\xc4\x82\x01\x01", PackBytesError),
        (b"\x81\xa1\x02" + b"\x81" * 60_000, PackBytesError),
        (b"\x81\xa1\x02" + b"\xc1" * 60_000, PackBytesError),
        (b"\x81" * 60_000, NoPackError),
    ],
)
def test_senml_cbor_that_is_no_pack_is_told_from_one_that_is_broken(payload: bytes, error: type[Exception]) -> None:
    """Lengths beyond the message, reserved heads, keys that are no labels, labels twice, depth."""
    with pytest.raises(error):
        parse_pack(payload)


_values = (
    st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.booleans() | st.text(max_size=8) | st.binary(max_size=4)
)
_records = st.dictionaries(st.sampled_from(sorted(SENML_LABELS)) | st.text("xyz_", min_size=1), _values, max_size=6)


@given(st.lists(_records, max_size=6))
def test_senml_cbor_round_trip(records: list[dict[str, Any]]) -> None:
    """What another encoder writes is read as it was, numbers of the whole range included."""
    assert parse_pack(senml_cbor(records)) == records


_items = st.recursive(_values | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(-9, 9), inner))


@given(st.binary(max_size=100) | st.lists(st.dictionaries(st.integers(-9, 30), _items, max_size=3), max_size=3).map(cbor2.dumps))
def test_any_bytes_as_senml_cbor_are_a_pack_or_one_of_two_errors(payload: bytes) -> None:
    """Never another exception; as far as another decoder agrees that the item is well formed, it is read."""
    try:
        records = parse_pack(payload)
    except (PackBytesError, NoPackError):
        return
    assert all(isinstance(record, dict) for record in records)


@given(st.lists(st.dictionaries(st.integers(-9, 30), _items, max_size=3), max_size=3))
def test_whatever_stands_under_other_labels_is_passed_over(pack: list[dict[int, Any]]) -> None:
    """Well-formed maps with numbers for keys are always records, with those of their labels that are known."""
    assert [set(record) for record in parse_pack(cbor2.dumps(pack))] == [
        {LABELS[key] for key in record if key in LABELS} for record in pack
    ]
