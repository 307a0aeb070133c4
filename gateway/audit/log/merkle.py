"""The Merkle tree of RFC 6962: hashes, roots, and proofs that an entry is in the log or that a log only grew.

The writer's incremental tree is in `tiles`; here are the definitions over a plain list of leaf hashes, and the
two verifiers that an outsider runs with nothing but a root.

Source: RFC 6962 section 2.1, RFC 9162 section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


class ProofError(ValueError):
    """A proof does not show what it was offered for."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry as a leaf of the tree."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its two children."""
    return sha256(b"\x01" + left + right).digest()


def tree_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, or over the roots of equally large full subtrees and one smaller last one."""
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        row = _fold(row)
    return row[0]


class GrowingRoot:
    """The root over leaf hashes that come one after another, of which only the roots of full subtrees are held."""

    __slots__ = ("_full", "_size")

    def __init__(self) -> None:
        """Begin without any."""
        self._full: list[bytes] = []  # the largest first: one for each bit of the size that is set
        self._size = 0

    def add(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        size = self._size
        while size & 1:
            leaf = sha256(b"\x01" + self._full.pop() + leaf).digest()
            size >>= 1
        self._full.append(leaf)
        self._size += 1

    def value(self) -> bytes:
        """Return the root: what ``tree_root`` returns for the same hashes."""
        if not self._full:
            return EMPTY_ROOT
        *larger, root = self._full
        for left in reversed(larger):
            root = node_hash(left, root)
        return root


def _fold(row: list[bytes]) -> list[bytes]:
    """Return the row above: pairs hashed together, an odd last one carried up unchanged."""
    above = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
    if len(row) % 2:
        above.append(row[-1])
    return above


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the sibling hashes, lowest first, that lead from leaf `index` to the root over `hashes`.

    Raises:
        ValueError: when there is no such leaf.
    """
    if not 0 <= index < len(hashes):
        raise ValueError(f"no leaf `{index}` in a tree of `{len(hashes)}`")
    proof: list[bytes] = []
    row = list(hashes)
    while len(row) > 1:
        sibling = index ^ 1
        if sibling < len(row):
            proof.append(row[sibling])
        row, index = _fold(row), index >> 1
    return proof


def consistency_proof(hashes: Sequence[bytes], size: int) -> list[bytes]:
    """Return the proof that the tree over the first `size` leaves is a prefix of the tree over all of them.

    Raises:
        ValueError: when `size` is not between 1 and the number of leaves.
    """
    if not 1 <= size <= len(hashes):
        raise ValueError(f"no tree of `{size}` before one of `{len(hashes)}`")
    return _subproof(hashes, size, whole=True)


def _subproof(hashes: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    """Return SUBPROOF of RFC 6962 section 2.1.2; `whole` while the old tree's root is a node that the verifier knows."""
    if size == len(hashes):
        return [] if whole else [tree_root(hashes)]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if size <= split:
        return [*_subproof(hashes[:split], size, whole=whole), tree_root(hashes[split:])]
    return [*_subproof(hashes[split:], size - split, whole=False), tree_root(hashes[:split])]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash `leaf` is number `index` of the tree of `size` leaves with that root.

    Raises:
        ProofError: when it does not follow from the proof.
    """
    _check_lengths((leaf, root, *proof))
    if not 0 <= index < size:
        raise ProofError(f"no leaf `{index}` in a tree of `{size}`")
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    if node != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new_size` leaves holds the tree of `old_size` leaves unchanged at its start.

    An empty old tree proves nothing and is refused unless the new one is empty too; accepting a first
    checkpoint without proof is the caller's decision.

    Raises:
        ProofError: when it does not follow from the proof.
    """
    _check_lengths((old_root, new_root, *proof))
    if old_size == new_size and old_size >= 0:
        if proof or old_root != new_root:
            raise ProofError("two trees of one size differ" if old_root != new_root else "the proof is too long")
        return
    if not 0 < old_size < new_size:
        raise ProofError(f"no proof leads from size `{old_size}` to `{new_size}`")
    if not proof:
        raise ProofError("the proof is too short")
    # A full old tree is itself a node of the new one, and the proof leaves it out.
    path = (old_root, *proof) if old_size & (old_size - 1) == 0 else tuple(proof)
    old, new, last = _climb(path, old_size - 1, new_size - 1)
    if last:
        raise ProofError("the proof is too short")
    if old != old_root:
        raise ProofError("the proof leads to another old root")
    if new != new_root:
        raise ProofError("the proof leads to another new root")


def _climb(path: Sequence[bytes], place: int, last: int) -> tuple[bytes, bytes, int]:
    """Return the old and the new root that a consistency path builds, and what remains of the path."""
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return old, new, last


def _check_lengths(hashes: Sequence[bytes]) -> None:
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise ProofError(f"a hash of `{len(one)}` bytes where {HASH_BYTES} are due")
