"""The quick tree, its proofs and its tiles against the definitions of RFC 6962, for every size to 1,199."""

from __future__ import annotations

import random
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.audit.log.inclusion_proofs import InclusionProofs
from gateway.audit.log.merkle import consistency_proof, inclusion_proof, tree_root, verify_consistency, verify_inclusion
from gateway.audit.log.reader import LogReader
from gateway.audit.log.tiles import LogWriter
from gateway.audit.standalone import verify as standalone
from tests.support.logs import MemorySource
from tests.unit.gateway.audit.log.naive_tree import split

_SIZES = 1_199
_ENTRIES = [b"entry %d" % n for n in range(_SIZES)]
_LEAVES = [sha256(b"\x00" + entry).digest() for entry in _ENTRIES]


@cache
def _root(start: int, end: int) -> bytes:
    """Return MTH(D[start:end]) by the letter; subtrees are shared between sizes, or this would take minutes."""
    if start == end:
        return sha256(b"").digest()
    if end - start == 1:
        return _LEAVES[start]
    middle = start + split(end - start)
    return sha256(b"\x01" + _root(start, middle) + _root(middle, end)).digest()


def _path(m: int, start: int, end: int) -> list[bytes]:
    """Return PATH(m, D[start:end])."""
    if end - start == 1:
        return []
    middle = start + split(end - start)
    if m < middle - start:
        return [*_path(m, start, middle), _root(middle, end)]
    return [*_path(m - (middle - start), middle, end), _root(start, middle)]


def _subproof(m: int, start: int, end: int, whole: bool) -> list[bytes]:
    """Return SUBPROOF(m, D[start:end], whole)."""
    if m == end - start:
        return [] if whole else [_root(start, end)]
    k = split(end - start)
    if m <= k:
        return [*_subproof(m, start, start + k, whole), _root(start + k, end)]
    return [*_subproof(m - k, start + k, end, False), _root(start, start + k)]


def test_roots_of_every_size_are_those_of_the_definition() -> None:
    """Of the writer, of the list, and of the verifier that rides in exports."""
    writer = LogWriter("log.example")
    for size in range(_SIZES + 1):
        expected = _root(0, size)
        assert writer.root() == expected, size
        assert tree_root(_LEAVES[:size]) == expected, size
        if size % 7 == 0:
            assert standalone.root_over(_LEAVES[:size]) == expected, size
        if size < _SIZES:
            writer.append(_ENTRIES[size])


def test_proofs_of_every_size_are_those_of_the_definition_and_verify() -> None:
    """Inclusion and consistency, for the ends and sampled places of each size."""
    chosen = random.Random(5)
    for size in range(1, _SIZES + 1):
        for index in {0, size - 1, chosen.randrange(size)}:
            proof = inclusion_proof(_LEAVES[:size], index)
            assert proof == _path(index, 0, size), (index, size)
            verify_inclusion(index, size, _LEAVES[index], proof, _root(0, size))
        for older in {1, max(1, size - 1), chosen.randrange(1, size + 1)}:
            proof = consistency_proof(_LEAVES[:size], older)
            assert proof == _subproof(older, 0, size, True), (older, size)
            verify_consistency(older, size, proof, _root(0, older), _root(0, size))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1199])
def test_proofs_from_tiles_are_those_of_the_definition(size: int) -> None:
    """A handful of files gives the same hashes as the whole list."""
    writer = LogWriter("log.example")
    for entry in _ENTRIES[:size]:
        writer.append(entry)
    proofs = InclusionProofs(LogReader(MemorySource(writer.files_since(0))), size)
    for index in {0, size - 1, size // 2, *range(0, size, 97), 255, 256} & set(range(size)):
        assert proofs.inclusion(index) == _path(index, 0, size), index


def test_proofs_from_tiles_of_a_log_of_three_levels(tmp_path: Path) -> None:
    """Beyond 65,536 entries there is a second level above the tiles of leaves."""
    size = 66_000
    writer = LogWriter("log.example")
    leaves = []
    for n in range(size):
        writer.append(b"%d" % n)
        leaves.append(sha256(b"\x00%d" % n).digest())
    proofs = InclusionProofs(LogReader(MemorySource(writer.files_since(0))), size)
    for index in (0, 255, 256, 65_535, 65_536, 65_791, 65_792, size - 1):
        verify_inclusion(index, size, leaves[index], proofs.inclusion(index), writer.root())
