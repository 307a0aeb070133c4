"""COSE_Mac0: against an independent computation, and against whoever changes a message."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ingest.mac0 import Mac0Key, mac0
from gateway.core.model import BAD_MAC, Reject

KEY = bytes(range(32))
PAYLOAD = b'{"kwh":0.123,"boot":7}'

key = Mac0Key(KEY)


def by_the_book(
    payload: object = PAYLOAD,
    *,
    protected: dict[Any, Any] | bytes | None = None,
    unprotected: object = None,
    tag_bytes: int = 32,
    context: str = "MAC0",
    cbor_tag: int | None = 17,
) -> bytes:
    """Build a message from generic CBOR and the standard library's HMAC, as RFC 9052 section 6.3 says."""
    header: Any = {1: 5, 6: b"\x07"} if protected is None else protected
    header_bytes = header if isinstance(header, bytes) else cbor2.dumps(header)
    to_mac = cbor2.dumps([context, header_bytes, b"", payload])
    tag = hmac.new(KEY, to_mac, hashlib.sha256).digest()[:tag_bytes]
    message = [header_bytes, {} if unprotected is None else unprotected, payload, tag]
    return cbor2.dumps(message if cbor_tag is None else cbor2.CBORTag(cbor_tag, message))


def test_mac0_vector_is_what_openssl_computes() -> None:
    """One message in full, its code made by `openssl dgst` over a MAC_structure written by hand."""
    code = "43f8f8d661bbd2b95487db747de0fdcff03a7b7efefe144c92aa3be4c3c19a70"
    message = bytes.fromhex("d184" + "47a201050642012c" + "a0" + "420102" + "5820" + code)

    assert mac0(KEY, b"\x01\x02", 300) == message
    assert key.verify(message) == (b"\x01\x02", 300)


@pytest.mark.parametrize("kid", [None, b"meter-key"])
@pytest.mark.parametrize("payload", [b"", PAYLOAD, b"x" * 23, b"x" * 24, b"x" * 255, b"x" * 256, b"x" * 65_000])
def test_mac0_equals_the_independent_computation(payload: bytes, kid: bytes | None) -> None:
    """Byte for byte, in every length of head."""
    unprotected = None if kid is None else {4: kid}

    assert mac0(KEY, payload, 7, kid) == by_the_book(payload, unprotected=unprotected)


@given(st.binary(max_size=300), st.integers(0, 2**64 - 1), st.none() | st.binary(max_size=40))
def test_mac0_made_is_verified(payload: bytes, sequence: int, kid: bytes | None) -> None:
    """With the CBOR tag and without."""
    message = mac0(KEY, payload, sequence, kid)

    assert key.verify(message) == (payload, sequence)
    assert key.verify(message[1:]) == (payload, sequence)


def test_mac0_of_a_longer_partial_iv_with_leading_zeros_is_verified() -> None:
    """Some devices send a counter of fixed width."""
    assert key.verify(by_the_book(protected={1: 5, 6: b"\x00\x00\x01\x2c"})) == (PAYLOAD, 300)


@pytest.mark.parametrize("kid", [None, b"k1"])
def test_mac0_any_flipped_bit_is_refused(kid: bytes | None) -> None:
    """Except in the key identifier, which nobody reads, and the tag number, without which a message is one as well."""
    message = mac0(KEY, PAYLOAD, 7, kid)
    at_kid = range(message.index(b"\xa1\x04") + 3, message.index(b"\xa1\x04") + 5) if kid else range(0)
    for position in range(len(message)):
        for bit in range(8):
            changed = bytearray(message)
            changed[position] ^= 1 << bit
            if position not in at_kid:
                assert key.verify(bytes(changed)) is BAD_MAC


def test_mac0_of_another_key_is_refused() -> None:
    """The key of the device that the topic names decides."""
    assert Mac0Key(bytes(32)).verify(mac0(KEY, PAYLOAD, 7)) is BAD_MAC


@pytest.mark.parametrize(
    "message",
    [
        by_the_book(protected={1: 5}),
        by_the_book(protected={6: b"\x07"}),
        by_the_book(protected={1: 4, 6: b"\x07"}),
        by_the_book(protected={1: 6, 6: b"\x07"}),
        by_the_book(protected={1: 5, 6: b""}),
        by_the_book(protected={1: 5, 6: b"123456789"}),
        by_the_book(protected={1: 5, 6: 7}),
        by_the_book(protected={1: 5, 5: b"\x07"}),
        by_the_book(protected={1: 5, 6: b"\x07", 4: b"kid"}),
        by_the_book(protected=b""),
        by_the_book(protected=cbor2.dumps({1: 5, 6: b"\x07"}) + b"\x00"),
        by_the_book(protected={1: 5}, unprotected={6: b"\x07"}),
        by_the_book(unprotected={4: "kid"}),
        by_the_book(unprotected={4: b"kid", 6: b"\x07"}),
        by_the_book(unprotected={5: b"iv"}),
        by_the_book(unprotected=[]),
        by_the_book(payload=None),
        by_the_book(payload="text"),
        by_the_book(tag_bytes=8),
        by_the_book(tag_bytes=0),
        by_the_book(context="MAC"),
        by_the_book(cbor_tag=16),
        by_the_book(cbor_tag=97),
        by_the_book() + b"\x00",
        b"\xd1" + by_the_book(),
        b"",
        b"\xd1",
        b"\x84",
        b'{"kwh":1}',
    ],
)
def test_mac0_in_any_other_form_is_refused(message: bytes) -> None:
    """The sequence must be under the code, the code whole, the algorithm ours, and nothing may follow."""
    assert key.verify(message) is BAD_MAC


def test_mac0_encoded_the_long_way_is_refused() -> None:
    """One message, one form: otherwise one reading could be sent as many frames."""
    message = by_the_book(cbor_tag=None)
    at = message.index(PAYLOAD) - 1
    long_head = message[:at] + b"\x58" + bytes([len(PAYLOAD)]) + message[at + 1 :]
    assert cbor2.loads(long_head) == cbor2.loads(message)

    assert key.verify(long_head) is BAD_MAC


@given(st.binary(max_size=120))
def test_mac0_any_bytes_are_refused_without_an_exception(data: bytes) -> None:
    """Also when cut anywhere or begun well."""
    message = mac0(KEY, PAYLOAD, 7)
    for attempt in (data, b"\xd1\x84" + data, message[: len(data)], message + data + b"\x00"):
        assert isinstance(key.verify(attempt), Reject)
