"""Records in both their forms."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.recipient.records import (
    Record,
    decode_open,
    decode_plaintext,
    decode_record,
    encode_open,
    encode_open_record,
    encode_plaintext,
    encode_record,
    plaintext_overhead_bytes,
    record_to_json,
)
from gateway.recipient.wire import Address, BundleError, deterministic
from tests.support import recipients
from tests.support.recipients import ADDRESS, HOSTILE_VALUES, hostile_record


@given(recipients.records)
def test_encode_record_decoded_is_the_same(record: Record) -> None:
    """A record survives its encoding, which is deterministic and leaves out what is absent."""
    data = encode_record(record)
    assert decode_record(data) == record
    assert deterministic(cbor2.loads(data)) == data
    assert None not in cbor2.loads(data).values()


@given(st.lists(recipients.records, max_size=30))
def test_encode_plaintext_is_the_deterministic_map(records: list[Record]) -> None:
    """Put together from encoded records, the plaintext is byte for byte the map encoded at once."""
    encoded = [encode_record(record) for record in records]
    plaintext = encode_plaintext(ADDRESS, encoded)
    whole = {"v": 1, "gateway": ADDRESS.gateway, "recipient": ADDRESS.recipient, "records": [cbor2.loads(e) for e in encoded]}
    assert plaintext == deterministic(whole)
    assert decode_plaintext(ADDRESS, plaintext) == tuple(records)
    assert len(plaintext) <= plaintext_overhead_bytes(ADDRESS) + sum(map(len, encoded))


@given(st.lists(recipients.records, max_size=5), st.integers(0, 2**62))
def test_encode_open_decoded_is_the_same(records: list[Record], log_index: int) -> None:
    """Open data comes back with every value it went out with."""
    data = encode_open(ADDRESS, log_index, [encode_open_record(record) for record in records])
    assert decode_open(data) == (ADDRESS, log_index, tuple(records))


@given(st.binary(max_size=200))
def test_decode_open_any_bytes_refused(data: bytes) -> None:
    """What is no open-data bundle is refused, nested or not."""
    for candidate in (data, b"{" + data, b'{"v":1,"records":' + b"[" * 10_000):
        with pytest.raises(BundleError):
            decode_open(candidate)


def test_decode_open_bad_hexadecimal_refused() -> None:
    """An id that is no hexadecimal is no record's."""
    data = encode_open(ADDRESS, 1, [encode_open_record(recipients.record())]).replace(b'"identity"', b'"id":"zz","identity"')
    with pytest.raises(BundleError):
        decode_open(data)


def test_decode_plaintext_of_another_recipient_refused() -> None:
    """The content has to agree with the header on whose it is."""
    plaintext = encode_plaintext(ADDRESS, [])
    with pytest.raises(BundleError, match="not for the gateway and recipient"):
        decode_plaintext(Address(ADDRESS.gateway, "police", ADDRESS.log_origin), plaintext)


def test_decode_plaintext_of_later_version_says_so() -> None:
    """Content of a version to come is refused by its number."""
    with pytest.raises(BundleError, match="version `2`"):
        decode_plaintext(ADDRESS, deterministic({"v": 2, "records": []}))


def test_decode_plaintext_without_records_in_it_refused() -> None:
    """A list of something else is no list of records."""
    with pytest.raises(BundleError, match="no record"):
        decode_plaintext(ADDRESS, encode_plaintext(ADDRESS, [b"\x01"]))


def test_record_to_json_bytes_in_hexadecimal() -> None:
    """Pseudonyms are written so that people can compare them."""
    record = recipients.record()
    assert record_to_json(record)["observedProperty"] == "LAeq"
    assert "pseudonym" not in record_to_json(record)


def _open_data(values: object) -> bytes:
    """Return an open-data bundle around whatever stands where a record belongs."""
    bundle = {"v": 1, "gateway": ADDRESS.gateway, "recipient": ADDRESS.recipient, "log_origin": "x", "log_index": 7}
    return json.dumps({**bundle, "records": [values]}).encode()


@pytest.mark.parametrize("what", HOSTILE_VALUES)
def test_decode_record_with_a_value_that_no_gateway_writes_refused_without_repeating_it(what: str) -> None:
    """Whoever has the public key may put anything there: the message names the field and holds nothing of the value."""
    with pytest.raises(BundleError) as refused:
        decode_record(hostile_record(what))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 100


@pytest.mark.parametrize("what", [what for what in HOSTILE_VALUES if "digits" not in what])
def test_decode_open_with_a_value_that_no_gateway_writes_refused(what: str) -> None:
    """Who may publish may put it into open data too."""
    field, value = HOSTILE_VALUES[what]
    with pytest.raises(BundleError):
        decode_open(
            _open_data({**record_to_json(recipients.record()), field: value.hex() if isinstance(value, bytes) else value})
        )


@pytest.mark.parametrize(
    ("real", "made_up"),
    [
        (b'"result": 50.25', b'"result": 1' + b"0" * 5000),
        (b'"result": 50.25', b'"result": 1e999'),
        (b'"result": 50.25', b'"result": NaN'),
        (b'"result": 50.25', b'"result": 50.25, "result": 90'),
        (b'"log_index": 7', b'"log_index": 7, "log_index": 8'),
        (b'"log_index": 7', b'"log_index": true'),
        (b'"log_index": 7', b'"log_index": 1' + b"0" * 5000),
        (b'"log_index": 7', b'"log_index": 9223372036854775808'),
        (b'"LAeq"', b'"\\ud800"'),
        (b'"LAeq"', b'"LA\xffeq"'),
        (b'"LAeq"', b'"LA\\u001beq"'),
        (b'"x"', b'"\\u001b[2J"'),
        (b'"x"', b'"\\ud800"'),
        (b'"records": [', b'"records": [' + b"[" * 60_000),
    ],
)
def test_decode_open_of_bytes_that_json_readers_differ_about_refused(real: bytes, made_up: bytes) -> None:
    """Numbers without end, keys that stand twice, half characters, and nesting that would take a parser's stack."""
    data = _open_data(record_to_json(recipients.record()))
    assert decode_open(data)
    assert real in data
    with pytest.raises(BundleError) as refused:
        decode_open(data.replace(real, made_up, 1))
    assert str(refused.value).isprintable()


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=40) | st.just(10**1000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_fields = st.sampled_from([*record_to_json(recipients.record()), "id", "pseudonym", "epoch", "other"])


def _check_usable_or_refused(decode: Callable[[], Record]) -> None:
    """Do what recipients do with a record, if there is one: show it, store it, calculate with it."""
    refusal, record = "", None
    try:
        record = decode()
    except BundleError as error:
        refusal = str(error)
    assert refusal.isprintable()
    if record is None:
        return
    written = msgspec.json.decode(msgspec.json.encode(record_to_json(record)))
    assert all(value.isprintable() for value in written.values() if isinstance(value, str))
    assert math.isfinite(record.result)
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in record.phenomenon_time)
    assert begin <= end


@given(recipients.records, st.dictionaries(_fields, _anything, max_size=3), st.sets(_fields, max_size=2))
def test_decode_record_of_a_real_one_with_anything_in_its_fields_is_usable_or_refused(
    record: Record, changed: dict[str, Any], without: set[str]
) -> None:
    """Whatever comes out of the decoder can be shown, stored and calculated with; whatever cannot does not come out."""
    values = {**cbor2.loads(encode_record(record)), **changed}
    data = deterministic({key: value for key, value in values.items() if key not in without})
    _check_usable_or_refused(lambda: decode_record(data))


@given(recipients.records, st.data())
def test_decode_record_of_a_real_one_with_bytes_changed_is_usable_or_refused(record: Record, data: st.DataObject) -> None:
    """The same for what is no longer CBOR, or other CBOR."""
    encoded = bytearray(encode_record(record))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    _check_usable_or_refused(lambda: decode_record(bytes(encoded)))


@given(recipients.records, st.dictionaries(_fields, _anything.filter(lambda value: not isinstance(value, bytes)), max_size=3))
def test_decode_open_of_a_real_record_with_anything_in_its_fields_is_usable_or_refused(
    record: Record, changed: dict[str, Any]
) -> None:
    """The same for open data."""
    try:
        data = _open_data({**record_to_json(record), **changed})
    except TypeError:  # bytes deeper inside, which json has not
        return
    _check_usable_or_refused(lambda: decode_open(data)[2][0])
