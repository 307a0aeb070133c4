"""Sealed bundles: sizes, nonces and content keys."""

from __future__ import annotations

import pytest

from gateway.core.release.formats.sealed import ContentKey
from gateway.recipient.records import encode_plaintext, encode_record
from gateway.recipient.wire import MAX_COUNTER, PADDED_SIZES_BYTES, decode_frame
from tests.support.recipients import ADDRESS, DAY, PRIVATE_KEY, content_key, record

_ENCODED = [encode_record(record(number)) for number in range(2_000)]


@pytest.mark.parametrize("count", [1, 2, 5, 20, 100, 300])
def test_seal_size_is_the_smallest_that_holds_it(count: int) -> None:
    """All that the size of a bundle tells is which of five it is."""
    records = _ENCODED[:count]
    bundle = content_key().seal(records, 7)
    overhead_bytes = len(bundle) - len(decode_frame(bundle).ciphertext) + 17  # the tag, and the padding's first byte
    needed_bytes = overhead_bytes + len(encode_plaintext(ADDRESS, records))
    assert len(bundle) == min(size for size in PADDED_SIZES_BYTES if size >= needed_bytes)


@pytest.mark.parametrize("size", PADDED_SIZES_BYTES[1:])
def test_seal_to_a_given_size_whatever_is_in_it(size: int) -> None:
    """Nothing, one record, or as many as have room: nobody sees which; and what has no room is refused."""
    key = content_key()
    fit = key.capacity(0, size) // len(_ENCODED[0])
    for count in (0, 1, fit):
        for index in (0, 2**20, 2**62):
            assert len(key.seal(_ENCODED[:count], index, size)) == size
    with pytest.raises(ValueError, match="more than one bundle holds"):
        key.seal(_ENCODED[: fit + 3], 7, size)


def test_seal_empty_without_a_size_refused() -> None:
    """An empty bundle says something unless all have its size."""
    with pytest.raises(ValueError, match="at least one record"):
        content_key().seal([], 7)


def test_seal_equal_records_differ_on_the_wire() -> None:
    """The same content sealed twice shares no ciphertext, and no nonce."""
    key = content_key()
    frames = [decode_frame(key.seal(_ENCODED[:1], 7)) for _ in range(300)]
    assert [frame.header.counter for frame in frames] == list(range(300))
    assert len({frame.ciphertext for frame in frames}) == 300


def test_seal_refused_bundle_costs_no_nonce_twice() -> None:
    """A bundle too large is refused before anything is encrypted, and the next one goes on counting."""
    key = content_key()
    key.seal(_ENCODED[:1], 1)
    with pytest.raises(ValueError, match="more than one bundle holds"):
        key.seal(_ENCODED, 2)
    assert decode_frame(key.seal(_ENCODED[:1], 2)).header.counter == 1


def test_seal_counter_used_up_refused() -> None:
    """A key whose counter has run out seals nothing more, rather than begin again."""
    key = content_key()
    key._next_counter = MAX_COUNTER
    key.seal(_ENCODED[:1], 1)
    with pytest.raises(ValueError, match="used up"):
        key.seal(_ENCODED[:1], 2)


def test_content_key_other_key_other_id() -> None:
    """Two keys have two ids; the id tells nothing of the key."""
    assert content_key(bytes(32)).key_id != content_key(bytes(31) + b"\x01").key_id


@pytest.mark.parametrize("log_index", [-1, 2**63])
def test_seal_impossible_index_refused(log_index: int) -> None:
    """A log index is an unsigned number of 63 bits."""
    with pytest.raises(ValueError, match="out of range"):
        content_key().seal(_ENCODED[:1], log_index)


@pytest.mark.parametrize("length", [0, 16, 33])
def test_content_key_of_wrong_length_refused(length: int) -> None:
    """A content key has 32 bytes."""
    with pytest.raises(ValueError, match="32 bytes"):
        ContentKey(ADDRESS, DAY, bytes(length), PRIVATE_KEY.public_key())
