"""RFC 6962 section 2.1 by its recursive definitions: the tree, its proofs, and what a proof shows to one who has only roots.

A node of the tree is named by its span: ``4:8`` is the subtree over the entries from number 4 to before number 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

Span = tuple[int, int]


def leaf(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    """Return k, the largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


class Tree:
    """The tree over some entries."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.size = len(entries)
        self.leaves = [leaf(entry) for entry in entries]
        self.hash = cache(self._hash)

    def _hash(self, start: int, end: int) -> bytes:
        """Return MTH(D[start:end])."""
        if start == end:
            return sha256(b"").digest()
        if end - start == 1:
            return self.leaves[start]
        middle = start + split(end - start)
        return node(self.hash(start, middle), self.hash(middle, end))


def path(m: int, start: int, end: int) -> list[Span]:
    """Return PATH(m, D[start:end]) as spans."""
    if end - start == 1:
        return []
    middle = start + split(end - start)
    if m < middle - start:
        return [*path(m, start, middle), (middle, end)]
    return [*path(m - (middle - start), middle, end), (start, middle)]


def subproof(m: int, start: int, end: int, whole: bool = True) -> list[Span]:
    """Return SUBPROOF(m, D[start:end], whole) as spans; with ``whole`` at first, it is PROOF(m, D)."""
    if m == end - start:
        return [] if whole else [(start, end)]
    middle = start + split(end - start)
    if m <= middle - start:
        return [*subproof(m, start, middle, whole), (middle, end)]
    return [*subproof(m - (middle - start), middle, end, False), (start, middle)]


def proves_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether PATH, read backwards, leads from the leaf to the root; every hash has 32 bytes."""
    if not 0 <= index < size or any(len(one) != 32 for one in (leaf_hash, root, *proof)):
        return False
    return _root_by_path(index, size, leaf_hash, proof) == root


def _root_by_path(m: int, n: int, leaf_hash: bytes, proof: Sequence[bytes]) -> bytes | None:
    if n == 1:
        return None if proof else leaf_hash
    if not proof:
        return None
    k = split(n)
    if m < k:
        below = _root_by_path(m, k, leaf_hash, proof[:-1])
        return None if below is None else node(below, proof[-1])
    below = _root_by_path(m - k, n - k, leaf_hash, proof[:-1])
    return None if below is None else node(proof[-1], below)


def proves_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Tell whether PROOF, read backwards, leads to both roots; every hash has 32 bytes.

    Of an empty tree only the empty tree is a proven continuation.
    """
    if any(len(one) != 32 for one in (old_root, new_root, *proof)):
        return False
    if old_size == new_size and old_size >= 0:
        return not proof and old_root == new_root
    if not 0 < old_size < new_size:
        return False
    return _roots_by_subproof(old_size, new_size, proof, True, old_root) == (old_root, new_root)


def _roots_by_subproof(m: int, n: int, proof: Sequence[bytes], whole: bool, old_root: bytes) -> tuple[bytes, bytes] | None:
    if m == n:
        if whole:
            return None if proof else (old_root, old_root)
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    k = split(n)
    if m <= k:
        below = _roots_by_subproof(m, k, proof[:-1], whole, old_root)
        return None if below is None else (below[0], node(below[1], proof[-1]))
    below = _roots_by_subproof(m - k, n - k, proof[:-1], False, old_root)
    return None if below is None else (node(proof[-1], below[0]), node(proof[-1], below[1]))
