"""Single entries and their inclusion proofs from the tiles of a published log: a few files for each, however long the log.

Source: C2SP tlog-tiles, RFC 6962 section 2.1.1.
"""

from __future__ import annotations

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.merkle import ProofError, inclusion_proof, leaf_hash, tree_root, verify_inclusion
from gateway.audit.log.reader import LogReader
from gateway.audit.log.tiles import TILE_WIDTH

_LEVEL_BITS = 8


class InclusionProofs:
    """The hash tiles of a log as it is at one size.

    Args:
        reader: The log.
        size: How many entries it has.
    """

    def __init__(self, reader: LogReader, size: int) -> None:
        self._reader = reader
        self._size = size

    def inclusion(self, index: int) -> list[bytes]:
        """Return the sibling hashes of a leaf, lowest first: those within its tile, then within the tile above, up to the top.

        Nothing is verified: `merkle.verify_inclusion` checks that the proof leads to a root.

        Raises:
            FileError: when a tile cannot be read.
            ValueError: when there is no such leaf.
        """
        if not 0 <= index < self._size:
            raise ValueError(f"no leaf `{index}` in a tree of `{self._size}`")
        proof: list[bytes] = []
        level, last = 0, self._size - 1
        while True:
            proof += inclusion_proof(self._nodes(level, index // TILE_WIDTH), index % TILE_WIDTH)
            index, last, level = index // TILE_WIDTH, last // TILE_WIDTH, level + 1
            if last == 0:
                return proof

    def _nodes(self, level: int, tile: int) -> list[bytes]:
        """Return a tile's hashes; the last tile of a level ends with the root of what is not yet a full subtree of that level."""
        full = self._size >> (_LEVEL_BITS * level)
        width = min(full - tile * TILE_WIDTH, TILE_WIDTH)
        nodes = self._reader.tile(level, tile, width).hashes() if width else []
        if width < TILE_WIDTH and self._size % (1 << (_LEVEL_BITS * level)):
            nodes.append(tree_root(self._nodes(level - 1, full)))
        return nodes


def proven_entry(reader: LogReader, checkpoint: Checkpoint, index: int) -> tuple[bytes, list[bytes]]:
    """Return an entry's bytes and the proof that it stands at that index of the log that the checkpoint commits to.

    Raises:
        FileError: when a file cannot be read.
        ProofError: when entry and tiles do not lead to the checkpoint's root.
        ValueError: when there is no such entry.
    """
    if not 0 <= index < checkpoint.size:
        raise ValueError(f"no entry `{index}` in a log of `{checkpoint.size}`")
    width = min(checkpoint.size - (index - index % TILE_WIDTH), TILE_WIDTH)
    entry = reader.bundle(index // TILE_WIDTH, width).entries[index % TILE_WIDTH]
    proof = InclusionProofs(reader, checkpoint.size).inclusion(index)
    verify_inclusion(index, checkpoint.size, leaf_hash(entry), proof, checkpoint.root)
    return entry, proof


def proven_block(reader: LogReader, checkpoint: Checkpoint, block: int) -> list[bytes]:
    """Return the entries of a block of 256, all of them proven to stand in the log that the checkpoint commits to.

    The proof of the first entry contains the hashes of all others of its tile, so that it proves them too.

    Raises:
        FileError: when a file cannot be read.
        ProofError: when entries and tiles do not lead to the checkpoint's root.
        ValueError: when there is no such block.
    """
    first = block * TILE_WIDTH
    if not 0 <= first < checkpoint.size:
        raise ValueError(f"no block `{block}` in a log of `{checkpoint.size}`")
    width = min(checkpoint.size - first, TILE_WIDTH)
    entries = reader.bundle(block, width).entries
    leaves = [leaf_hash(entry) for entry in entries]
    if reader.tile(0, block, width).hashes() != leaves:
        raise ProofError(f"entries of block `{block}` do not hash to their leaves")
    verify_inclusion(
        first, checkpoint.size, leaves[0], InclusionProofs(reader, checkpoint.size).inclusion(first), checkpoint.root
    )
    return entries
