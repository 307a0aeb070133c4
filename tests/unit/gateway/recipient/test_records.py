"""Records in both their forms."""

from __future__ import annotations

import cbor2
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
from tests.support.recipients import ADDRESS


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
