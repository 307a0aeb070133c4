"""Tiles: the log as files, and the writer that grows its tree.

Hashes are in tiles of 256, entries in bundles of 256; one that is not full yet is a partial file for one exact size. The
writer keeps only the right edge of the tree, so that an entry costs two hashes on average and the root a few, however long
the log. It writes no files: it returns paths and bytes.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, Self

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import MAX_ENTRY_BYTES
from gateway.audit.log.merkle import EMPTY_ROOT, HASH_BYTES, tree_root

TILE_WIDTH: Final = 256
_LEVEL_BITS = 8


class EntryBundleError(ValueError):
    """The bytes are not a bundle of entries."""


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a hash tile below the log's folder; `width` under 256 for a partial one."""
    return f"tile/{level}/{_number(index)}{_suffix(width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle below the log's folder."""
    return f"tile/entries/{_number(index)}{_suffix(width)}"


def labels_path(index: int) -> str:
    """Return the path of the label file of the release at a log index."""
    return f"labels/{index}"


def policies_path(sha256: bytes) -> str:
    """Return the path of a policy set that was in force, packed as ``consent.core.policies.archive`` says."""
    return f"policies/{sha256.hex()}"


def _number(index: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))


def _suffix(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"


def tile_spans(size: int, level: int, first: int = 0) -> Iterator[tuple[int, int]]:
    """Yield number and width of each tile that a log of this size has at a level, from one of them on."""
    hashes = size >> (_LEVEL_BITS * level)
    for index in range(first, hashes // TILE_WIDTH):
        yield index, TILE_WIDTH
    if hashes % TILE_WIDTH and first <= hashes // TILE_WIDTH:
        yield hashes // TILE_WIDTH, hashes % TILE_WIDTH


def top_tile(size: int) -> tuple[int, int, int]:
    """Return level, number and width of the one tile at the top of a log of this size, which has at least one entry."""
    level = (size.bit_length() - 1) // _LEVEL_BITS
    return level, 0, size >> (_LEVEL_BITS * level)


def split_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        BundleError: when the lengths do not add up.
    """
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if at > end or start > end:
            raise EntryBundleError(f"the length of entry `{len(entries)}` in the bundle runs past its end")
        entries.append(data[start:at])
    return entries


class LogWriter:
    """The growing right edge of one log, rebuilt by feeding it all its entries again, or from what was kept at whole tiles.

    Args:
        origin: The log's name.
        published_size: How much of the log already lies in files; full tiles below that are not kept in memory.
    """

    __slots__ = ("_bundle", "_finished", "_frontier", "_levels", "_published", "origin", "size")

    def __init__(self, origin: str, published_size: int = 0) -> None:
        self.origin = origin
        self.size = 0
        self._published = published_size
        self._levels: list[list[bytes]] = [[]]  # by level, the hashes of the tile that is not full yet
        self._bundle: list[bytes] = []  # the entries of the bundle that is not full yet, framed
        self._frontier: list[bytes] = []  # roots of the largest full subtrees, largest first
        self._finished: deque[tuple[int, str, bytes]] = deque()  # full files: log size they end at, path, bytes

    @classmethod
    def resumed(cls, origin: str, size: int, edge: Sequence[bytes]) -> Self:
        """Return the writer of a log that has this size.

        Args:
            edge: What ``edge`` was at that size.
        Raises:
            ValueError: it was not.
        """
        writer = cls(origin, size)
        levels = [[data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)] for data in edge]
        widths = [size >> (_LEVEL_BITS * level) for level in range(len(edge) + 1)]
        if [len(hashes) for hashes in levels] != [width % TILE_WIDTH for width in widths[1:]]:
            raise ValueError(f"not the edge of a log of size `{size}`")
        if widths[0] % TILE_WIDTH or not 0 < widths[-1] < TILE_WIDTH or any(len(data) % HASH_BYTES for data in edge):
            raise ValueError(f"not the edge of a log of size `{size}`")
        writer.size, writer._levels = size, [[], *levels]
        for hashes in reversed(levels):
            at = 0
            for bit in reversed(range(_LEVEL_BITS)):
                if len(hashes) & 1 << bit:
                    writer._frontier.append(tree_root(hashes[at : at + (1 << bit)]))
                    at += 1 << bit
        return writer

    def edge(self) -> tuple[bytes, ...]:
        """Return what a log of whole tiles is resumed from: by level from the second on, the hashes of the tile not full yet."""
        assert self.size > 0
        assert not self._levels[0]
        return tuple(b"".join(hashes) for hashes in self._levels[1:])

    def append(self, entry: bytes) -> int:
        """Add an entry and return its index.

        Raises:
            ValueError: when it is longer than 65,535 bytes.
        """
        if len(entry) > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry of `{len(entry)}` bytes where {MAX_ENTRY_BYTES} are the most")
        node = sha256(b"\x00" + entry).digest()
        index = self.size
        self._bundle.append(len(entry).to_bytes(2, "big") + entry)
        self._levels[0].append(node)
        frontier, rest, height = self._frontier, index, 0
        while rest & 1:  # two full subtrees of one height become one of the next
            node = sha256(b"\x01" + frontier.pop() + node).digest()
            rest >>= 1
            height += 1
            if height % _LEVEL_BITS == 0:
                self._finish_tile(height // _LEVEL_BITS - 1, node)
        frontier.append(node)
        self.size = index + 1
        return index

    def _finish_tile(self, level: int, root: bytes) -> None:
        """Set aside the level's tile, now full, and carry its root to the level above."""
        index, end = self.size >> (_LEVEL_BITS * (level + 1)), self.size + 1
        if end > self._published:
            if level == 0:
                self._finished.append((end, entries_path(index), b"".join(self._bundle)))
            self._finished.append((end, tile_path(level, index), b"".join(self._levels[level])))
        if level == 0:
            self._bundle.clear()
        self._levels[level].clear()
        if level + 1 == len(self._levels):
            self._levels.append([])
        self._levels[level + 1].append(root)

    def root(self) -> bytes:
        """Return the root over all entries so far."""
        if not self._frontier:
            return EMPTY_ROOT
        *rest, node = self._frontier
        for left in reversed(rest):
            node = sha256(b"\x01" + left + node).digest()
        return node

    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint of the present size."""
        return Checkpoint(self.origin, self.size, self.root())

    def files_since(self, published_size: int) -> dict[str, bytes]:
        """Return the files that the present size needs and a log published up to `published_size` lacks.

        Full files of before that size are forgotten: to ask again, for a publication that failed, ask with the same size.

        Raises:
            ValueError: when that size lies ahead, or behind what was asked for earlier.
        """
        if not self._published <= published_size <= self.size:
            raise ValueError(f"published size `{published_size}` is not between `{self._published}` and `{self.size}`")
        self._published = published_size
        while self._finished and self._finished[0][0] <= published_size:
            self._finished.popleft()
        return {path: data for _, path, data in self._finished} | self.partial_files(published_size)

    def partial_files(self, published_size: int = 0) -> dict[str, bytes]:
        """Return the partial files of the present size, as far as a log published up to `published_size` lacks them."""
        files: dict[str, bytes] = {}
        for level, hashes in enumerate(self._levels):
            shift = _LEVEL_BITS * level
            if hashes and self.size >> shift != published_size >> shift:
                index = self.size >> (shift + _LEVEL_BITS)
                files[tile_path(level, index, len(hashes))] = b"".join(hashes)
                if level == 0:
                    files[entries_path(index, len(hashes))] = b"".join(self._bundle)
        return files

    def take_full_files(self) -> dict[str, bytes]:
        """Return the full files that have been finished since the last call or the published size, and forget them."""
        files = {path: data for _, path, data in self._finished}
        self._finished.clear()
        return files
