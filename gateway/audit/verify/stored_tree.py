"""The Merkle tree in a log's tiles, checked against the entries below it and the checkpoint above it.

Every hash of the first upper level can be had in three ways: from the tile below it, from the entries below that, and as
stored. Where they differ, the two that agree are believed, so a finding names the file that was changed and not its
neighbours. Entries are read 256 at a time and not kept.

A checkpoint may claim any size. So a long log is read only if the tile at the top of its tree is there, and reading stops where
there are more faults than anyone would look into: what a log does not hold is never looked for entry by entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.merkle import HASH_BYTES, leaf_hash, tree_root
from gateway.audit.log.reader import EntryBundle, FileError, LogReader, Tile
from gateway.audit.log.tiles import TILE_WIDTH, entries_path, tile_path, tile_spans, top_tile
from gateway.audit.verify.report import StepRecord

LONG_LOG: Final = 1 << 24
"""Number of entries from which the tile at the top of the tree must be there before anything else is read."""
MOST_FAULTS: Final = 10_000
"""How many findings there may be before reading stops."""


class _Block(NamedTuple):
    """A tile and its entry bundle: the root that each hashes to, and which entries differ from their leaves."""

    tile: str
    bundle: str
    tile_root: bytes | None
    bundle_root: bytes | None
    differing: tuple[int, ...]


class StoredTree:
    """One pass over a log's tiles and entry bundles; `close` checks the tree above them.

    Args:
        reader: The log folder.
        checkpoint: The checkpoint, which holds the size and root of the log.
        tree: Takes the findings about tiles and the root.
        entries: Takes the findings about entry bundles.
        older_size: The size of an earlier checkpoint, whose root `older_root` returns.
        first_block: The first block of 256 entries to read; for earlier blocks the stored hashes above them are used.
        steps: The steps whose findings count together; by default those two.

    Attributes:
        stopped: Why the log was not read to its end; empty where it was.
    """

    def __init__(
        self,
        reader: LogReader,
        checkpoint: Checkpoint,
        tree: StepRecord,
        entries: StepRecord,
        *,
        older_size: int = 0,
        first_block: int = 0,
        steps: Sequence[StepRecord] = (),
    ) -> None:
        self.stopped = ""
        self._reader = reader
        self._checkpoint = checkpoint
        self._tree = tree
        self._entries = entries
        self._older_size = older_size
        self._first_block = first_block
        self._older_leaves: list[bytes] | None = None  # of the block in which the earlier log ended
        self._nodes: list[bytes | None] = []  # roots of the full blocks, once settled
        self._blocks: list[_Block] = []  # from the first block on
        self._steps = steps or (tree, entries)

    def entries(self) -> Iterator[bytes | None]:
        """Yield the entries in order; None for an entry that is absent or differs from its leaf."""
        if self._checkpoint.size >= LONG_LOG and self._read_tile(*top_tile(self._checkpoint.size)) is None:
            self._stop(f"nothing shows that the log has `{self._checkpoint.size}` entries")
            return
        for index, width in tile_spans(self._checkpoint.size, 0, self._first_block):
            if self._is_hopeless(f"before entry `{index * TILE_WIDTH}`"):
                return
            yield from self._block(index, width)

    def older_root(self) -> bytes | None:
        """Return the root over the first `older_size` entries, or None if it is not known; call `close` first."""
        full, rest = divmod(self._older_size, TILE_WIDTH)
        nodes = [node for node in self._nodes[:full] if node is not None]
        if len(nodes) < full or (rest and self._older_leaves is None):
            return None
        return tree_root([*nodes, tree_root(self._older_leaves[:rest])] if self._older_leaves and rest else nodes)

    def _block(self, index: int, width: int) -> Sequence[bytes | None]:
        """Read one tile and its bundle, and keep what `close` needs."""
        tile, bundle = self._read_tile(0, index, width), self._read_bundle(index, width)
        leaves = [leaf_hash(entry) for entry in bundle.entries] if bundle else []
        agree = tile is not None and b"".join(leaves) == tile.data
        differing: tuple[int, ...] = ()
        if tile and bundle and not agree:
            differing = tuple(i for i, (leaf, stored) in enumerate(zip(leaves, tile.hashes(), strict=True)) if leaf != stored)
        if tile and index == self._older_size // TILE_WIDTH:
            self._older_leaves = tile.hashes()
        tile_root = tree_root(tile.hashes()) if tile else None
        bundle_root = (tile_root if agree else tree_root(leaves)) if bundle else None
        tile_name = tile.where if tile else tile_path(0, index, width)
        bundle_name = bundle.where if bundle else entries_path(index, width)
        self._blocks.append(_Block(tile_name, bundle_name, tile_root, bundle_root, differing))
        if tile and bundle and agree:
            self._check_older(tile_path(0, index), tile, width)
            self._check_older_bundles(index, width, bundle)
        if bundle is None:
            return [None] * width
        wrong = set(differing)
        return [None if i in wrong else entry for i, entry in enumerate(bundle.entries)] if wrong else bundle.entries

    def _is_hopeless(self, where: str) -> bool:
        """Stop reading where there are too many findings; return whether that is so."""
        faults = sum(len(step.findings) + step.unlisted for step in self._steps)
        if faults > MOST_FAULTS and not self.stopped:
            self._stop(f"reading stopped {where}, after `{faults}` findings")
        return bool(self.stopped)

    def _stop(self, why: str) -> None:
        self.stopped = why
        self._tree.leave_out(why)
        self._entries.leave_out(why)

    def close(self) -> None:
        """Check the upper levels and the root, after all entries have been read; nothing where reading has stopped."""
        if self._is_hopeless("before the upper levels"):
            return
        full = self._checkpoint.size // TILE_WIDTH
        nodes = self._first_upper_level()
        self._upper_levels(nodes)
        if self.stopped:
            return
        assert len(nodes) == full
        self._nodes = list(nodes)
        if self._first_block + len(self._blocks) > full:
            nodes.append(self._last_block(nodes, full))
        known = [node for node in nodes if node is not None]
        if len(known) == len(nodes):
            root = tree_root(known)
            if root != self._checkpoint.root:
                self._tree.add("checkpoint", f"its root is `{self._checkpoint.root.hex()}`, the tiles lead to `{root.hex()}`")
        self._tree.detail = f"{self._checkpoint.size} leaves"
        files = len(self._blocks)
        self._entries.detail = f"{files} {'file' if files == 1 else 'files'} of entries"

    def _block_of(self, index: int) -> _Block:
        """Return what was read of a block; nothing of those before the first."""
        if index < self._first_block:
            return _Block(tile_path(0, index), entries_path(index), None, None, ())
        return self._blocks[index - self._first_block]

    def _first_upper_level(self) -> list[bytes | None]:
        """Return the root of each full block, as the majority of tile, entries and stored upper tile has it."""
        nodes: list[bytes | None] = []
        for index, width in tile_spans(self._checkpoint.size, 1):
            if self._is_hopeless(f"at `{tile_path(1, index)}`"):
                break
            stored = self._read_tile(1, index, width)
            hashes: Sequence[bytes | None] = stored.hashes() if stored else [None] * width
            first, wrong = index * TILE_WIDTH, 0
            for place, hash_ in enumerate(hashes):
                block = self._block_of(first + place)
                node = _majority(hash_, block.tile_root, block.bundle_root)
                self._blame(first + place, block, node)
                if stored and hash_ != node:
                    wrong += 1
                    self._tree.add(stored.where, f"hash `{place}` is not that of `{block.tile}`")
                nodes.append(node)
            if stored and not wrong:
                self._check_older(tile_path(1, index), stored, width)
        return nodes

    def _upper_levels(self, nodes: Sequence[bytes | None]) -> None:
        """Check the tiles of the second and higher upper levels against the nodes below them."""
        level = 2
        while len(nodes) >= TILE_WIDTH:
            above: list[bytes | None] = []
            for index, width in tile_spans(self._checkpoint.size, level):
                if self._is_hopeless(f"at `{tile_path(level, index)}`"):
                    return
                stored = self._read_tile(level, index, width)
                hashes: Sequence[bytes | None] = stored.hashes() if stored else [None] * width
                for place, hash_ in enumerate(hashes):
                    start = (index * TILE_WIDTH + place) * TILE_WIDTH
                    below = [node for node in nodes[start : start + TILE_WIDTH] if node is not None]
                    node = tree_root(below) if len(below) == TILE_WIDTH else hash_
                    if stored and node != hash_:
                        self._tree.add(
                            stored.where, f"hash `{place}` is not that of `{tile_path(level - 1, start // TILE_WIDTH)}`"
                        )
                    above.append(node)
                if stored:
                    self._check_older(tile_path(level, index), stored, width)
            nodes, level = above, level + 1

    def _last_block(self, nodes: Sequence[bytes | None], index: int) -> bytes | None:
        """Return the root of the last, partial block: of tile and entries, the one that leads to the checkpoint's root."""
        block = self._block_of(index)
        known = [node for node in nodes if node is not None]
        node = block.tile_root
        if node is None or (
            block.bundle_root is not None
            and len(known) == len(nodes)
            and tree_root([*known, block.bundle_root]) == self._checkpoint.root
        ):
            node = block.bundle_root
        self._blame(index, block, node)
        return node

    def _blame(self, index: int, block: _Block, node: bytes | None) -> None:
        """Record a finding for the tile, the bundle or both where they lead to another root than the block's."""
        first = index * TILE_WIDTH
        listed = ", ".join(f"`{first + i}`" for i in block.differing[:5]) + (" …" if len(block.differing) > 5 else "")
        if block.tile_root not in (None, node):
            what = f"the hash of entry {listed} is wrong" if listed else "its hashes do not lead to the tree"
            self._tree.add(block.tile, what)
        if block.bundle_root not in (None, node):
            what = f"entry {listed} does not hash to its leaf" if listed else "its entries do not lead to the tree"
            self._entries.add(block.bundle, what)

    def _read_tile(self, level: int, index: int, width: int) -> Tile | None:
        try:
            return self._reader.tile(level, index, width)
        except FileError as problem:
            self._tree.add(problem.where, problem.problem)
            return None

    def _read_bundle(self, index: int, width: int) -> EntryBundle | None:
        try:
            return self._reader.bundle(index, width)
        except FileError as problem:
            self._entries.add(problem.where, problem.problem)
            return None

    def _check_older(self, path: str, tile: Tile, width: int) -> None:
        self._check_partials(path, tile.data, [count * HASH_BYTES for count in range(width)], self._tree, "hashes of the tile")

    def _check_older_bundles(self, index: int, width: int, bundle: EntryBundle) -> None:
        pieces = [len(entry).to_bytes(2, "big") + entry for entry in bundle.entries]
        ends = [0, *accumulate(map(len, pieces))]
        self._check_partials(entries_path(index), b"".join(pieces), ends[:width], self._entries, "entries of the bundle")

    def _check_partials(self, path: str, data: bytes, ends: Sequence[int], step: StepRecord, what: str) -> None:
        """Check that partial files left from earlier checkpoints hold the beginning of the present one.

        The first that does not is told, and no other read: a log must not be able to have more read than it holds.

        Args:
            path: Of the full file.
            data: What the present one holds.
            ends: How many bytes of that each narrower one has.
        """
        for where, count in self._reader.older_partials(path, len(ends)):
            try:
                older = self._reader.partial(where, ends[count])
            except FileError as problem:
                step.add(where, f"not the first {count} {what}: {problem.problem}")
                return
            if older is not None and older != data[: ends[count]]:
                step.add(where, f"not the first {count} {what}")
                return


def _majority(stored: bytes | None, tile: bytes | None, bundle: bytes | None) -> bytes | None:
    """Return the hash that two of the three agree on; failing that, the one highest in the tree."""
    if tile is not None and tile == bundle:
        return tile
    return next((one for one in (stored, tile, bundle) if one is not None), None)
