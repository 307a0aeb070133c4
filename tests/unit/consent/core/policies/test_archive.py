"""Packed policy sets: how large one may be, for the gateway that packs it and for whoever unpacks it."""

from __future__ import annotations

import tracemalloc

import cbor2
import pytest

from consent.core.policies.archive import LONGEST_PACKED_BYTES, MOST_BYTES, MOST_FILES, pack_files, unpack_files
from consent.core.policies.parse import parse_policies
from consent.errors import PolicyError, RecordError
from tests.support.consent_samples import small_city


def test_set_as_large_as_may_be_is_packed_and_unpacked() -> None:
    """The longest names included, so that no set can be put in force that its auditors refuse."""
    files = {f"neighbourhoods/{number:064}.toml": b"#" * (MOST_BYTES // MOST_FILES) for number in range(MOST_FILES)}
    packed = pack_files(files)
    assert len(packed) <= LONGEST_PACKED_BYTES
    assert unpack_files(packed) == files


def test_set_that_is_longer_than_any_is_not_unpacked() -> None:
    """Sixteen million items would take hundreds of megabytes before anybody sees that they are no files."""
    packed = cbor2.dumps([0] * LONGEST_PACKED_BYTES)
    tracemalloc.start()
    with pytest.raises(RecordError, match=r"^a policy set is longer than 1176576 bytes$"):
        unpack_files(packed)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {f"devices/{number}.toml": b"#" * (MOST_BYTES // 4) for number in range(5)},
            "`devices/3.toml`: makes the files longer than 1048576 bytes together",
        ),
        (
            {f"neighbourhoods/{number:04}.toml": b"" for number in range(MOST_FILES)},
            "`neighbourhoods/0998.toml`: is one file more than the 1000 that may be read together",
        ),
    ],
    ids=["bytes", "files"],
)
def test_set_that_is_too_large_is_parsed_nowhere(more: dict[str, bytes], line: str) -> None:
    """Whatever it comes from: a folder, a request, a log, the database."""
    with pytest.raises(PolicyError) as caught:
        parse_policies(small_city(files=more))
    assert str(caught.value) == line
