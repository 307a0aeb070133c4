"""The Merkle tree against the definitions of the RFC."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.log.merkle import (
    GrowingRoot,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.unit.gateway.audit.log import naive_tree


def _entries(count: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(count)]


def test_tree_root_of_every_size_to_300_equals_the_definition() -> None:
    """The row-by-row root is the recursive one."""
    entries = _entries(300)
    hashes = [leaf_hash(entry) for entry in entries]
    for size in range(301):
        assert tree_root(hashes[:size]) == naive_tree.root(entries[:size])


def test_growing_root_of_every_size_to_300_is_that_of_the_list() -> None:
    """Whether the hashes come at once or one after another."""
    hashes, growing = [leaf_hash(entry) for entry in _entries(300)], GrowingRoot()
    for size, leaf in enumerate(hashes):
        assert growing.value() == tree_root(hashes[:size])
        growing.add(leaf)
    assert growing.value() == tree_root(hashes)


def test_inclusion_proof_of_every_leaf_of_small_trees_is_the_defined_path_and_verifies() -> None:
    """Each path equals PATH of the RFC and leads to the root."""
    for size in range(1, 40):
        entries = _entries(size)
        hashes = [leaf_hash(entry) for entry in entries]
        for index in range(size):
            proof = inclusion_proof(hashes, index)
            assert proof == naive_tree.path(index, entries)
            verify_inclusion(index, size, hashes[index], proof, tree_root(hashes))


def test_consistency_proof_of_every_pair_of_small_trees_verifies() -> None:
    """Each earlier tree is proved to be the start of each later one."""
    hashes = [leaf_hash(entry) for entry in _entries(40)]
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = consistency_proof(hashes[:new], old)
            verify_consistency(old, new, proof, tree_root(hashes[:old]), tree_root(hashes[:new]))


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 1200), data=st.data())
def test_proofs_from_larger_trees_verify_and_damaged_ones_do_not(size: int, data: st.DataObject) -> None:
    """Changing any one hash of a proof breaks it."""
    hashes = [leaf_hash(entry) for entry in _entries(size)]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    included, consistent = inclusion_proof(hashes, index), consistency_proof(hashes, old)
    root, old_root = tree_root(hashes), tree_root(hashes[:old])
    verify_inclusion(index, size, hashes[index], included, root)
    verify_consistency(old, size, consistent, old_root, root)
    if included:
        included[data.draw(st.integers(0, len(included) - 1))] = bytes(32)
        with pytest.raises(ProofError):
            verify_inclusion(index, size, hashes[index], included, root)
    if consistent:
        consistent[data.draw(st.integers(0, len(consistent) - 1))] = bytes(32)
        with pytest.raises(ProofError):
            verify_consistency(old, size, consistent, old_root, root)


def test_proofs_of_places_outside_the_tree_are_refused() -> None:
    """There is no proof for a leaf or a size that the tree does not have."""
    hashes = [leaf_hash(entry) for entry in _entries(3)]
    for index in (-1, 3):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_proof(hashes, index)
        with pytest.raises(ProofError, match="no leaf"):
            verify_inclusion(index, 3, hashes[0], [], hashes[0])
    for size in (0, 4):
        with pytest.raises(ValueError, match="no tree"):
            consistency_proof(hashes, size)
