"""Consistency proofs from the tiles of a log: that it has only grown from one size to another; at most two files per level.

The node over any aligned, full range of entries lies in one tile, so the recursion of RFC 6962 never goes below a node that
the proof names.

Source: RFC 6962 section 2.1.2, C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.audit.log.merkle import node_hash, tree_root
from gateway.audit.log.reader import FileError, LogReader, Source
from gateway.audit.log.tiles import TILE_WIDTH

_LEVEL_BITS = 8


class ConsistencyProofs:
    """The hash tiles of a log as it is at one size.

    Args:
        reader: The log.
        size: How many entries its tiles hold.
    """

    def __init__(self, reader: LogReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """Return the proof that the tree of `old_size` entries is the start of that of `new_size`; empty for an empty old tree.

        Nothing is verified: that is for `merkle.verify_consistency`, or for the witness that gets the proof.

        Raises:
            FileError: when a tile cannot be read.
            ValueError: when the sizes are not in order, or beyond the log's.
        """
        if not 0 <= old_size <= new_size <= self._size:
            raise ValueError(f"no proof leads from size `{old_size}` to `{new_size}` of `{self._size}`")
        proof: list[bytes] = []
        if old_size in (0, new_size):
            return proof
        start, end, whole = 0, new_size, True
        while old_size != end:
            split = start + (1 << (end - start - 1).bit_length() - 1)
            if old_size <= split:
                proof.append(self._root(split, end))
                end = split
            else:
                proof.append(self._root(start, split))
                start, whole = split, False
        if not whole:
            proof.append(self._root(start, end))
        return proof[::-1]

    def _root(self, start: int, end: int) -> bytes:
        """Return the root over a range of entries that is a node of some tree of this log."""
        count = end - start
        if count & (count - 1) == 0:
            return self._full_node(count.bit_length() - 1, start)
        split = start + (1 << (count - 1).bit_length() - 1)
        return node_hash(self._root(start, split), self._root(split, end))

    def _full_node(self, height: int, start: int) -> bytes:
        """Return the node over `1 << height` entries from an aligned start on: part of a tile, folded."""
        level, rest = divmod(height, _LEVEL_BITS)
        tile, first = divmod(start >> (_LEVEL_BITS * level), TILE_WIDTH)
        return tree_root(self._tile(level, tile)[first : first + (1 << rest)])

    def _tile(self, level: int, tile: int) -> list[bytes]:
        hashes = self._tiles.get((level, tile))
        if hashes is None:
            width = min((self._size >> (_LEVEL_BITS * level)) - tile * TILE_WIDTH, TILE_WIDTH)
            hashes = self._tiles[level, tile] = self._reader.tile(level, tile, width).hashes()
        return hashes


class Overlay:
    """A `Source` of files about to be published, in front of those already published."""

    def __init__(self, files: Mapping[str, bytes], published: Source) -> None:
        self._files = files
        self._published = published

    def read(self, path: str, longest_bytes: int) -> bytes:
        """Return a file's bytes; see `Source`."""
        data = self._files.get(path)
        if data is None:
            return self._published.read(path, longest_bytes)
        if len(data) > longest_bytes:
            raise FileError(path, f"longer than `{longest_bytes}` bytes")
        return data

    def names(self, path: str) -> list[str]:
        """Return the published names in a folder; see `Source`."""
        return self._published.names(path)

    def paths(self) -> Iterator[str] | None:
        """Return the published paths; see `Source`."""
        return self._published.paths()
