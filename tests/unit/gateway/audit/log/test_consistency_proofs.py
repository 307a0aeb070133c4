"""Consistency proofs from tiles are those of RFC 6962, read from few files, published or about to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.log.consistency_proofs import ConsistencyProofs, Overlay
from gateway.audit.log.folder import LogFolder
from gateway.audit.log.merkle import consistency_proof, leaf_hash, verify_consistency
from gateway.audit.log.reader import FileError, FolderSource, LogReader
from gateway.audit.log.tiles import LogWriter, tile_path

_SIZES = (1, 2, 3, 7, 8, 255, 256, 257, 300, 511, 512, 513, 767, 1000, 1199)


class _Files:
    """A source of files in memory that counts what was read."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.reads: list[str] = []

    def read(self, path: str, longest_bytes: int) -> bytes:
        if path not in self.files:
            raise FileError(path, "absent")
        self.reads.append(path)
        return self.files[path]

    def names(self, path: str) -> list[str]:
        return []

    def paths(self) -> None:
        return None


def _written(size: int) -> tuple[LogWriter, list[bytes]]:
    entries = [b"%d" % i for i in range(size)]
    writer = LogWriter("log.example")
    for entry in entries:
        writer.append(entry)
    return writer, [leaf_hash(entry) for entry in entries]


@pytest.mark.parametrize("size", _SIZES)
def test_consistency_from_tiles_is_that_of_the_definition(size: int) -> None:
    """From every old size, also to a size that the tiles have outgrown."""
    writer, leaves = _written(size)
    source = _Files(writer.files_since(0))
    proofs = ConsistencyProofs(LogReader(source), size)
    for new_size in {size, (size + 1) // 2}:
        for old_size in range(1, new_size + 1):
            assert proofs.consistency(old_size, new_size) == consistency_proof(leaves[:new_size], old_size)
    assert proofs.consistency(0, size) == []
    assert len(source.reads) == len(set(source.reads))


def test_consistency_of_a_large_log_reads_a_handful_of_tiles() -> None:
    """Two hundred thousand entries: at most two tiles a level, and it verifies."""
    writer = LogWriter("log.example")
    for _ in range(123_457):
        writer.append(b"")
    old_root = writer.root()
    for _ in range(76_543):
        writer.append(b"")
    source = _Files(writer.files_since(0))
    proof = ConsistencyProofs(LogReader(source), 200_000).consistency(123_457, 200_000)
    verify_consistency(123_457, 200_000, proof, old_root, writer.root())
    assert len(source.reads) <= 6


@pytest.mark.parametrize(("old_size", "new_size"), [(-1, 3), (4, 3), (1, 11)])
def test_consistency_between_sizes_that_are_not_there_is_refused(old_size: int, new_size: int) -> None:
    """Nothing is read for it."""
    writer, _ = _written(10)
    with pytest.raises(ValueError, match="no proof leads"):
        ConsistencyProofs(LogReader(_Files(writer.files_since(0))), 10).consistency(old_size, new_size)


def test_consistency_with_a_tile_gone_names_it() -> None:
    """Our own folder is damaged then, which is nobody else's fault."""
    writer, _ = _written(300)
    files = writer.files_since(0)
    del files[tile_path(0, 1, 44)]
    with pytest.raises(FileError, match=tile_path(0, 1, 44)):
        ConsistencyProofs(LogReader(_Files(files)), 300).consistency(280, 300)


def test_consistency_comes_from_what_is_about_to_be_published_over_what_is(tmp_path: Path) -> None:
    """A witness is asked before the folder holds the checkpoint's tiles."""
    folder, writer, leaves, published = LogFolder(tmp_path / "log"), LogWriter("log.example"), list[bytes](), 0
    for step in (3, 250, 10, 300, 1, 700):
        for i in range(step):
            writer.append(b"%d" % (len(leaves) + i))
        leaves += [leaf_hash(b"%d" % (len(leaves) + i)) for i in range(step)]
        files = writer.files_since(published)
        proofs = ConsistencyProofs(LogReader(Overlay(files, FolderSource(tmp_path / "log"))), writer.size)
        if published:
            assert proofs.consistency(published, writer.size) == consistency_proof(leaves, published)
        folder.publish(files, b"checkpoint")
        published = writer.size
