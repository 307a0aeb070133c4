"""A log that grows in memory and can be asked for anything: the other side for tests of witnesses and their clients."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.merkle import consistency_proof, leaf_hash, tree_root
from gateway.audit.log.notes import Signer, sign_note
from gateway.audit.log.submission import Submission


class GrowingLog:
    """Leaf hashes and a key; two logs with one key and different leaves are a split view."""

    def __init__(self, signer: Signer, size: int = 0, history: str = "") -> None:
        self.signer = signer
        self.leaves: list[bytes] = []
        self.grow(size, history)

    def grow(self, count: int, history: str = "") -> None:
        """Append entries; those of another history are others."""
        self.leaves += (leaf_hash(f"{history}{len(self.leaves) + i}".encode()) for i in range(count))

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        """Return the checkpoint of a size, of the present one by default."""
        leaves = self.leaves[:size]
        return Checkpoint(self.signer.name, len(leaves), tree_root(leaves))

    def note(self, size: int | None = None, *others: Signer) -> bytes:
        """Return the signed checkpoint of a size."""
        return sign_note(self.checkpoint(size).text(), self.signer, *others)

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """Return the proof of growth, from leaves rather than from tiles."""
        return consistency_proof(self.leaves[:new_size], old_size) if old_size else []

    def request(self, old_size: int, size: int | None = None, proof: Iterable[bytes] | None = None) -> bytes:
        """Return an `add-checkpoint` body; with the right proof where none is given."""
        checkpoint = self.checkpoint(size)
        right = self.consistency(old_size, checkpoint.size) if proof is None and old_size <= checkpoint.size else []
        return Submission(old_size, tuple(right if proof is None else proof), self.note(size), checkpoint).encode()
