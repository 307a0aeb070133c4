"""What every form offers: as many records as it says fit, and no empty bundle."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.release.formats.open_data import OpenData
from gateway.core.release.formats.port import BundleFormat
from gateway.recipient.records import Record, decode_record, encode_open_record, encode_record
from gateway.recipient.wire import MAX_BUNDLE_BYTES, MAX_LOG_INDEX
from tests.support import recipients
from tests.support.recipients import ADDRESS, content_key, record

_RECORDS = [record(number) for number in range(2_000)]


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


@given(recipients.records)
def test_form_of_a_record_is_the_recipients(record: Record) -> None:
    """The same record in both forms says the same, whatever it holds."""
    assert decode_record(content_key().encode(record)) == record
    assert OpenData(ADDRESS).encode(record) == encode_open_record(decode_record(encode_record(record)))
