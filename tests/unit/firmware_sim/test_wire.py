"""The simulator's encoders, read back by independent decoders."""

from __future__ import annotations

import hashlib
import hmac
import json
import math

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.wire import Invalid, Value, cbor_bytes, cbor_head, json_bytes, mac0_bytes, senml_bytes

_finite = st.floats(allow_nan=False, allow_infinity=False)
_scalars = st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | _finite | st.text()
_json_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12
)
_cbor_values = st.recursive(
    _scalars | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(0, 99), inner, max_size=4),
    max_leaves=12,
)


@given(_json_values)
def test_json_of_any_value_is_read_back_the_same(value: Value) -> None:
    """The standard library reads what the encoder wrote."""
    assert json.loads(json_bytes(value)) == value


@given(_cbor_values)
def test_cbor_of_any_value_is_read_back_the_same(value: Value) -> None:
    """An independent decoder that refuses indefinite lengths reads what the encoder wrote."""
    assert cbor2.loads(cbor_bytes(value), allow_indefinite=False) == value


@given(st.integers(-(2**64), 2**64 - 1))
def test_cbor_of_integer_is_the_shortest(number: int) -> None:
    """Heads are as short as an independent encoder's."""
    assert cbor_bytes(number) == cbor2.dumps(number)


def test_cbor_head_over_64_bits_raises() -> None:
    """What CBOR cannot hold is an error of the test's, not a wrong frame."""
    with pytest.raises(OverflowError):
        cbor_head(0, 2**64)


def test_json_of_nan_is_what_micropython_writes() -> None:
    """Not a number stands bare, and is not JSON."""
    assert json_bytes({"v": math.nan}) == b'{"v":nan}'
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(json_bytes({"v": math.nan}))


def test_json_of_bytes_raises() -> None:
    """JSON has no byte strings."""
    with pytest.raises(TypeError):
        json_bytes(b"bytes")


@pytest.mark.parametrize("encode", [json_bytes, cbor_bytes])
def test_invalid_text_is_no_utf8(encode: type) -> None:
    """Marked bytes go out as text that cannot be read as UTF-8."""
    encoded = encode({"v": Invalid(b"\xc3\x28")})
    assert b"\xc3\x28" in encoded
    with pytest.raises(UnicodeDecodeError):
        encoded.decode()


def test_senml_has_its_base_in_the_first_record_only() -> None:
    """Name and time stand once; numbers, text and truth values have their own labels."""
    pack = senml_bytes("urn:dev:mac:a4c138:", 1_774_047_600, [("pm25", "ug/m3", 8.5), ("fw", "", "2.4"), ("on", "", True)])
    assert json.loads(pack) == [
        {"bn": "urn:dev:mac:a4c138:", "bt": 1_774_047_600, "n": "pm25", "u": "ug/m3", "v": 8.5},
        {"n": "fw", "vs": "2.4"},
        {"n": "on", "vb": True},
    ]


@given(st.binary(min_size=16, max_size=64), st.integers(0, 2**40), st.binary(max_size=300))
def test_mac0_has_the_code_that_the_standard_asks_for(key: bytes, sequence: int, payload: bytes) -> None:
    """Structure and code of RFC 9052, computed here with an independent CBOR encoder."""
    message = cbor2.loads(mac0_bytes(key, sequence, payload))
    assert message.tag == 17
    protected, unprotected, content, tag = message.value
    header = cbor2.loads(protected)
    assert set(header) == {1, 6}
    assert header[1] == 5
    assert int.from_bytes(header[6], "big") == sequence
    assert (unprotected, content) == ({}, payload)
    assert tag == hmac.new(key, cbor2.dumps(["MAC0", protected, b"", payload]), hashlib.sha256).digest()
