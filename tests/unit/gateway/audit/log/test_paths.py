"""The files of a log by their paths: each path that the writer makes is read back, and no second spelling of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.log.paths import LabelsFile, PoliciesFile, TileFile, parse_path
from gateway.audit.log.tiles import LogWriter, entries_path, labels_path, policies_path, tile_path


@given(st.integers(0, 7), st.integers(0, 10**12), st.integers(1, 256))
def test_tiles_and_bundles_are_read_back(level: int, index: int, width: int) -> None:
    """Level, number and width; a bundle is of the lowest level."""
    assert parse_path(tile_path(level, index, width)) == TileFile(level, index, width)
    assert parse_path(entries_path(index, width)) == TileFile(0, index, width)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_labels_and_policies_are_read_back(index: int, digest: bytes) -> None:
    """By log index and by hash."""
    assert parse_path(labels_path(index)) == LabelsFile(index)
    assert parse_path(policies_path(digest)) == PoliciesFile(digest)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "checkpoint",
            "labels/",
            "labels/01",
            "labels/-1",
            "labels/1\n",
            "labels/１",
            f"policies/{'A' * 64}",
            "policies/ab",
        ),
        *("tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/0/001.p", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01"),
        *("tile/00/001", "tile/64/001", "tile/entries/x001", "tile/entries/001/", "/tile/0/001", "tile/0/001~", "tile/data/001"),
    ],
)
def test_other_paths_are_of_no_file(path: str) -> None:
    """Spellings that nobody writes, and what lies beside a log."""
    assert parse_path(path) is None


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 65_536, 65_800])
def test_size_covers_its_own_files_and_none_of_the_next_publication(size: int) -> None:
    """What the writer makes for a size is covered by it, and what it adds for one entry more is not."""
    writer = LogWriter("log.example")
    for number in range(size):
        writer.append(b"%d" % number)
    for path in writer.files_since(0):
        file = parse_path(path)
        assert file is not None
        assert file.is_covered(size), path
    writer.append(b"one more")
    for path in writer.files_since(size):
        file = parse_path(path)
        assert file is not None
        assert not file.is_covered(size), path
