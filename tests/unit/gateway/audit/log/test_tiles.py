"""The log writer: its root, its files, and what it hands out after each publication."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.log.merkle import leaf_hash, tree_root
from gateway.audit.log.tiles import EntryBundleError, LogWriter, entries_path, split_bundle, tile_path, tile_spans
from tests.unit.gateway.audit.log import naive_tree


def _entries(count: int) -> list[bytes]:
    return [b"%d" % n for n in range(count)]


def _expected(entries: list[bytes]) -> dict[str, bytes]:
    """Return every file of a log of these entries, from the definition of a tile."""
    files = {}
    for level in range(3):
        span = 256**level
        roots = [naive_tree.root(entries[at : at + span]) for at in range(0, len(entries) // span * span, span)]
        for index, width in tile_spans(len(entries), level):
            files[tile_path(level, index, width)] = b"".join(roots[index * 256 : index * 256 + width])
    for index, width in tile_spans(len(entries), 0):
        framed = [len(e).to_bytes(2, "big") + e for e in entries[index * 256 : index * 256 + width]]
        files[entries_path(index, width)] = b"".join(framed)
    return files


def test_tile_paths_follow_the_specification() -> None:
    """Numbers stand in groups of three digits, all but the last with an x."""
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(2, 0, 1) == "tile/2/000.p/1"
    assert entries_path(273, 112) == "tile/entries/273.p/112"
    assert entries_path(1000) == "tile/entries/x001/000"


def test_root_of_every_size_to_300_equals_the_definition() -> None:
    """The frontier's root is the tree's."""
    writer, entries = LogWriter("o"), _entries(300)
    for size in range(301):
        assert writer.root() == naive_tree.root(entries[:size])
        if size < 300:
            assert writer.append(entries[size]) == size


@pytest.mark.parametrize("kept", [256, 512, 65536, 65536 + 256 * 37])
def test_log_resumed_from_its_edge_grows_as_if_it_had_never_ended(kept: int) -> None:
    """The same roots and files, across the border of a tile of the second level."""
    first, entries = LogWriter("o"), _entries(kept + 60_000 if kept > 60_000 else kept + 700)
    for entry in entries[:kept]:
        first.append(entry)
    first.take_full_files()
    second = LogWriter.resumed("o", kept, first.edge())
    assert second.root() == first.root()
    for n, entry in enumerate(entries[kept:]):
        assert second.append(entry) == first.append(entry) == kept + n
    assert second.checkpoint() == first.checkpoint()
    assert second.take_full_files() == first.take_full_files()
    assert second.partial_files() == first.partial_files()


@pytest.mark.parametrize(
    ("size", "widths"),
    [(0, ()), (1, ()), (256, ()), (256, (2,)), (300, (1,)), (512, (1,)), (65536, (256,)), (256, (1, 0)), (256, (1.5,))],
)
def test_what_is_no_edge_of_that_size_is_refused(size: int, widths: tuple[float, ...]) -> None:
    """A size in the middle of a tile, too few hashes or too many, a level too many or none."""
    with pytest.raises(ValueError, match="not the edge of a log"):
        LogWriter.resumed("o", size, [bytes(int(32 * width)) for width in widths])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 700])
def test_files_of_a_whole_log_are_those_of_the_definition(size: int) -> None:
    """Full and partial tiles and bundles, and nothing else."""
    writer, entries = LogWriter("o"), _entries(size)
    for entry in entries:
        writer.append(entry)
    assert writer.files_since(0) == _expected(entries)


def test_files_of_70000_entries_have_the_widths_of_the_specification() -> None:
    """273 full tiles and 112 hashes below, one full and 17 above, one at the top."""
    writer = LogWriter("o")
    for entry in _entries(70_000):
        writer.append(entry)
    files = writer.files_since(0)
    hashes = [path for path in files if not path.startswith("tile/entries")]
    assert {"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"} == {path for path in hashes if ".p/" in path}
    assert sum(path.startswith("tile/0/") for path in hashes) == 274
    top = [files[tile_path(1, 0)][at : at + 32] for at in range(0, 8192, 32)]
    assert files["tile/2/000.p/1"] == tree_root(top)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=6))
def test_files_published_step_by_step_add_up_to_the_whole_log(steps: list[int]) -> None:
    """After each step everything that the present size needs has been handed out, unchanged once out."""
    entries = _entries(sum(steps))
    writer = LogWriter("o")
    published: dict[str, bytes] = {}
    size = 0
    for step in steps:
        for entry in entries[size : size + step]:
            writer.append(entry)
        fresh = writer.files_since(size)
        assert writer.files_since(size) == fresh
        assert not fresh.keys() & published.keys()
        published |= fresh
        size += step
        assert _expected(entries[:size]).items() <= published.items()


@settings(max_examples=20, deadline=None)
@given(published=st.integers(0, 900), more=st.integers(0, 300))
def test_writer_rebuilt_behind_a_publication_hands_out_the_same_files(published: int, more: int) -> None:
    """Feeding the entries again gives the same state, without the files that are out already."""
    entries = _entries(published + more)
    first, second = LogWriter("o"), LogWriter("o", published_size=published)
    for number, entry in enumerate(entries):
        if number == published:
            first.files_since(0)
        first.append(entry)
        second.append(entry)
    assert first.checkpoint() == second.checkpoint()
    assert first.files_since(published) == second.files_since(published)


def test_files_of_forgotten_sizes_are_refused() -> None:
    """Whoever says that a size is published cannot ask for what lay before it."""
    writer = LogWriter("o")
    for entry in _entries(10):
        writer.append(entry)
    writer.files_since(5)
    for size in (4, 11):
        with pytest.raises(ValueError, match="published size"):
            writer.files_since(size)


def test_entry_of_65535_bytes_fits_and_a_longer_one_is_refused() -> None:
    """The bundle's length field has two bytes."""
    writer = LogWriter("o")
    writer.append(bytes(65_535))
    with pytest.raises(ValueError, match="65536"):
        writer.append(bytes(65_536))
    assert writer.root() == leaf_hash(bytes(65_535))


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_bundle_splits_into_its_entries(entries: list[bytes]) -> None:
    """Framing and splitting are inverse."""
    assert split_bundle(b"".join(len(e).to_bytes(2, "big") + e for e in entries)) == entries


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x01", b"\x00\x00\x00\x05abcd"])
def test_bundle_cut_short_is_refused(data: bytes) -> None:
    """A length that runs past the end is an error."""
    with pytest.raises(EntryBundleError):
        split_bundle(data)
