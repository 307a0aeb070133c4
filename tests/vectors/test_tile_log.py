"""A small log in tiles, full and partial: our own vectors, made from the definitions."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.cosignature import cosignatures_in
from gateway.audit.log.inclusion_proofs import InclusionProofs
from gateway.audit.log.merkle import leaf_hash, tree_root, verify_inclusion
from gateway.audit.log.notes import Verifier, open_note
from gateway.audit.log.reader import FileError, LogReader
from gateway.audit.log.tiles import LogWriter, tile_path, tile_spans
from tests.vectors.generator.files import load
from tests.vectors.generator.tile_log import entry

_VECTORS = load("tile_log.json")
_SIZE: int = _VECTORS["size"]
_FILES = {path: base64.b64decode(data) for path, data in _VECTORS["files"].items()}


@pytest.fixture
def log(tmp_path: Path) -> LogReader:
    """The log as a mirror holds it."""
    for path, data in {**_FILES, "checkpoint": _VECTORS["checkpoint"].encode()}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return LogReader(tmp_path)


def test_tiles_lead_to_the_cosigned_root(log: LogReader) -> None:
    """300 leaves in a full and a partial tile, their entries in bundles, and a partial tile above."""
    checkpoint = Checkpoint.parse(open_note(log.checkpoint(), [Verifier.parse(_VECTORS["vkey"])]).text)
    assert cosignatures_in(log.checkpoint(), [Verifier.parse(_VECTORS["witness"])])[0].cosigned_s == 1_750_000_000
    spans = list(tile_spans(checkpoint.size, 0))
    assert spans == [(0, 256), (1, 44)]
    hashes = [hash_ for index, width in spans for hash_ in log.tile(0, index, width).hashes()]
    entries = [one for index, width in spans for one in log.bundle(index, width).entries]
    assert (len(hashes), len(entries)) == (checkpoint.size, checkpoint.size) == (_SIZE, _SIZE)
    assert hashes == [leaf_hash(one) for one in entries]
    assert tree_root(hashes) == checkpoint.root == base64.b64decode(_VECTORS["root"])
    assert log.tile(1, 0, 1).hashes() == [tree_root(hashes[:256])]


def test_proofs_from_the_tiles_lead_to_the_root(log: LogReader) -> None:
    """Of every leaf, from a handful of files."""
    proofs = InclusionProofs(log, _SIZE)
    for index in range(_SIZE):
        verify_inclusion(index, _SIZE, leaf_hash(entry(index)), proofs.inclusion(index), base64.b64decode(_VECTORS["root"]))


@pytest.mark.parametrize("by", [-32, -1, 1, 32])
def test_partial_tile_that_is_too_short_or_too_long_is_refused(log: LogReader, tmp_path: Path, by: int) -> None:
    """Its name says how many hashes it holds."""
    path = "tile/0/001.p/44"
    (tmp_path / path).write_bytes((_FILES[path] + bytes(32))[: len(_FILES[path]) + by])
    with pytest.raises(FileError, match=r"tile/0/001\.p/44"):
        log.tile(0, 1, 44)


@pytest.mark.parametrize("case", _VECTORS["sizes"], ids=lambda case: str(case["size"]))
def test_writer_makes_the_files_of_each_size(case: Any) -> None:
    """No file more or less, each byte for byte, whether it is full or partial."""
    writer = LogWriter("log.example")
    for number in range(case["size"]):
        writer.append(entry(number))
    assert writer.root().hex() == case["root"]
    assert {path: sha256(data).hexdigest() for path, data in writer.files_since(0).items()} == case["sha256"]


def test_writer_makes_the_stored_log() -> None:
    """The files that the vectors hold in full."""
    writer = LogWriter("log.example")
    for number in range(_SIZE):
        writer.append(entry(number))
    assert writer.files_since(0) == _FILES


@pytest.mark.parametrize("case", _VECTORS["paths"], ids=lambda case: str(case["path"]))
def test_tile_has_the_path_of_the_specification(case: Any) -> None:
    """Groups of three digits, however large the index."""
    assert tile_path(case["level"], case["index"], case["width"]) == case["path"]
