"""The sealing side: sizes, nonces, budgets and daily keys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.release.formats.daily import DailySeals
from gateway.core.release.formats.open_data import OpenData
from gateway.core.release.formats.port import BundleFormat
from gateway.core.release.formats.sealed import ContentKey
from gateway.recipient.opening import open_bundle
from gateway.recipient.records import Record, decode_record, encode_open_record, encode_plaintext, encode_record
from gateway.recipient.wire import MAX_BUNDLE_BYTES, MAX_COUNTER, MAX_LOG_INDEX, PADDED_SIZES_BYTES, decode_frame
from tests.support import recipients
from tests.support.recipients import ADDRESS, DAY, PRIVATE_KEY, content_key, record

_RECORDS = [record(number) for number in range(2_000)]
_ENCODED = [encode_record(one) for one in _RECORDS]


@pytest.mark.parametrize("count", [1, 2, 5, 20, 100, 300])
def test_seal_size_is_the_smallest_that_holds_it(count: int) -> None:
    """All that the size of a bundle tells is which of five it is."""
    records = _ENCODED[:count]
    bundle = content_key().seal(records, 7)
    overhead_bytes = len(bundle) - len(decode_frame(bundle).ciphertext) + 17  # the tag, and the padding's first byte
    needed_bytes = overhead_bytes + len(encode_plaintext(ADDRESS, records))
    assert len(bundle) == min(size for size in PADDED_SIZES_BYTES if size >= needed_bytes)


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


def fitting(form: BundleFormat, records: Sequence[bytes]) -> int:
    """Return how many of the first records fit, as release counts them: by their bytes and the form's capacity for so many."""
    taken_bytes = itertools.accumulate(map(len, records))
    return sum(1 for count, so_far in enumerate(taken_bytes, 1) if so_far <= form.capacity(count))


@pytest.mark.parametrize("form", [content_key(), OpenData(ADDRESS)])
def test_fitting_as_many_as_one_bundle_holds(form: BundleFormat) -> None:
    """So many fit as said, under any log index, and twenty more do not."""
    encoded = [form.encode(one) for one in _RECORDS]
    count = fitting(form, encoded)
    assert 300 < count < len(encoded)
    assert fitting(form, encoded[:count]) == count
    for log_index in (0, 2**32, MAX_LOG_INDEX):
        assert len(form.seal(encoded[:count], log_index)) <= MAX_BUNDLE_BYTES
    with pytest.raises(ValueError, match="more than one bundle holds"):
        form.seal(encoded[: count + 20], 7)


@settings(max_examples=30, deadline=None)
@given(st.lists(recipients.records, min_size=1, max_size=5))
def test_fitting_any_records_can_be_sealed(records: list[Record]) -> None:
    """What is said to fit does, whatever the records."""
    for form in (content_key(), OpenData(ADDRESS)):
        encoded = list(itertools.islice(itertools.cycle(map(form.encode, records)), 2_000))
        count = fitting(form, encoded)
        assert count > 0
        assert len(form.seal(encoded[:count], MAX_LOG_INDEX)) <= MAX_BUNDLE_BYTES


@pytest.mark.parametrize("form", [content_key(), OpenData(ADDRESS)])
def test_seal_nothing_refused(form: BundleFormat) -> None:
    """There are no empty bundles."""
    with pytest.raises(ValueError, match="at least one record"):
        form.seal([], 7)


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


def test_open_data_same_input_same_bytes() -> None:
    """Open data is one line of JSON, the same each time."""
    form = OpenData(ADDRESS)
    encoded = [form.encode(one) for one in _RECORDS[:3]]
    data = form.seal(encoded, 7)
    assert data == form.seal(encoded, 7)
    assert b"\n" not in data
    assert len(data) not in PADDED_SIZES_BYTES


@given(recipients.records)
def test_form_of_a_record_is_the_recipients(record: Record) -> None:
    """The same record in both forms says the same, whatever it holds."""
    assert decode_record(content_key().encode(record)) == record
    assert OpenData(ADDRESS).encode(record) == encode_open_record(decode_record(encode_record(record)))


def test_daily_seals_one_key_a_day() -> None:
    """Within a UTC day the wrap stays, with the next day comes another key, and each bundle opens alone."""
    drawn = iter((bytes(32), b"\x01" * 32))
    seals = DailySeals(ADDRESS, PRIVATE_KEY.public_key(), lambda _: next(drawn))
    bundles = [seals.on(day).seal(_ENCODED[:1], index) for index, day in enumerate((DAY, DAY, "2026-03-02"))]
    headers = [decode_frame(bundle).header for bundle in bundles]
    assert [(h.day, h.counter) for h in headers] == [(DAY, 0), (DAY, 1), ("2026-03-02", 0)]
    assert headers[0].wrap == headers[1].wrap != headers[2].wrap
    assert [open_bundle(bundle, PRIVATE_KEY).log_index for bundle in reversed(bundles)] == [2, 1, 0]


def test_daily_seals_without_key_are_open_data() -> None:
    """A recipient that has no key gets open data."""
    seals = DailySeals(ADDRESS, None, lambda _: b"")
    form = seals.on(DAY)
    assert open_bundle(form.seal([form.encode(record())], 7), None).records == (record(),)
