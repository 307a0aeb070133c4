"""The published log compared with the database at every start: lost files are restored, changed ones are reported.

The tree is rebuilt from the entries in the database, by the code that built it the first time, and each tile and bundle that
results is compared with the published one. An entry is known in three ways: from the database, from its bundle, and by
its hash in a tile; where they differ, two agree, and the third was changed. Nothing is signed in that case: the start fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec
import structlog

from consent.core.policies.archive import pack_files
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import Entry, EntryError
from gateway.audit.log.merkle import HASH_BYTES, leaf_hash
from gateway.audit.log.tiles import (
    TILE_WIDTH,
    EntryBundleError,
    LogWriter,
    entries_path,
    labels_path,
    policies_path,
    split_bundle,
    tile_path,
)
from gateway.core.changes.changes import StoredPolicies
from gateway.core.state import State
from gateway.edge.publisher import Publisher
from gateway.edge.store.disk_space import NO_ROOM
from gateway.edge.store.store import Store
from gateway.errors import CorruptionError

_log = structlog.get_logger()


class LogRecovery:
    """Restores one log's tree from its entries.

    Attributes:
        signed_size: The size up to which the log has been signed: all files of that size are in the folder once ``grow`` is done.
        last_head: The note of the largest checkpoint that was signed, stored or published; empty where there is none.
    """

    def __init__(self, store: Store, publisher: Publisher) -> None:
        """Take the open database, and the folders of the log."""
        self._store = store
        self._publisher = publisher
        self._folder = publisher.log
        self._heads: dict[int, Checkpoint] = {}
        self._absent: set[str] = set()
        self._lost = 0  # how many of the absent files were published
        self._published_size = 0
        self.signed_size = 0
        self.last_head = b""

    async def grow(self, state: State, head: bytes | None) -> None:
        """Build the log's tree from the entries, set it in the state, and compare the folder.

        Args:
            state: Receives the log, its chain and its latest time.
            head: The note of the last stored head; None in a new database.
        Raises:
            CorruptionError: Entries, tiles and heads contradict each other; the message names what was changed.
            OSError: The disk fails.
        """
        self._know_heads(head)
        state.log.resume(await self._grow(state))
        size = state.log.size
        if self._published_size > size:
            raise CorruptionError(
                f"the published log has `{self._published_size}` entries and the database `{size}`: "
                "an old state was restored; `sluice restore` brings a backup up to date with the log"
            )
        if self.signed_size > size:
            raise CorruptionError(f"`{self._store.path}`: log entry `{size}` is missing")
        if self._absent:
            await self._put_back(state.log.origin)

    async def lost_files(self) -> dict[str, bytes]:
        """Return the labels files and policies that a checkpoint covers, or soon will, and that are missing from the folder.

        Raises: CorruptionError: the policies in a file are not those of its name.
        """
        files: dict[str, bytes] = {}
        labels = self._folder.names("labels")
        for index in await self._store.reader.label_indices():
            if str(index) not in labels:
                files[labels_path(index)] = await self._store.reader.labels_of(index)
        for row in await self._store.reader.policies(0):
            packed = pack_files(msgspec.msgpack.decode(row, type=StoredPolicies).files)
            path = policies_path(sha256(packed).digest())
            present = self._folder.read(path)
            if present is None:
                files[path] = packed
            elif present != packed:
                raise CorruptionError(f"`{self._folder.path}`: `{path}` was changed")
        return files

    def _know_heads(self, stored_note: bytes | None) -> None:
        """Record the heads that the entries must lead to."""
        stored = None if stored_note is None else self._publisher.opened(stored_note, self._store.path)
        published = self._publisher.published_head()
        for head in (stored, published):
            if head is None:
                continue
            checkpoint = head.checkpoint
            if self._heads.setdefault(checkpoint.size, checkpoint).root != checkpoint.root:
                raise CorruptionError(f"the published log and the database differ at size `{checkpoint.size}`")
            if checkpoint.size >= self.signed_size:
                self.signed_size, self.last_head = checkpoint.size, head.note
        self._published_size = 0 if published is None else published.checkpoint.size

    async def _grow(self, state: State) -> LogWriter:
        log, block = LogWriter(state.log.origin), list[bytes]()
        async for content in self._store.reader.entries():
            entry = self._decoded(content, log.size)
            state.log.known(entry)
            log.append(content)
            block.append(content)
            if log.size % TILE_WIDTH == 0:
                if log.size <= self.signed_size:
                    self._compare(log.take_full_files(), block, log.size)
                block.clear()
            if log.size in self._heads:
                self._compare_head(log, block)
        return log

    def _decoded(self, content: bytes, index: int) -> Entry:
        try:
            entry = Entry.decode(content)
        except EntryError as error:
            raise CorruptionError(f"`{self._store.path}`: log entry `{index}`: {error}") from error
        if entry.sequence != index:
            raise CorruptionError(f"`{self._store.path}`: log entry `{index}`: says that it is entry `{entry.sequence}`")
        return entry

    def _compare_head(self, log: LogWriter, block: Sequence[bytes]) -> None:
        partial = log.partial_files()
        self._compare(partial, block, log.size)
        if log.root() != self._heads[log.size].root:
            raise CorruptionError(
                f"`{self._store.path}`: its entries do not lead to the head of size `{log.size}` that was signed"
            )
        for path, data in partial.items():
            self._compare_narrower(path, data, block)

    def _compare(self, files: Mapping[str, bytes], block: Sequence[bytes], size: int) -> None:
        """Compare files derived from the database with those in the folder."""
        for path, data in files.items():
            present = self._folder.read(path)
            if present is None:
                self._absent.add(path)
                self._lost += size <= self._published_size
            elif present != data:
                self._blame(path, data, present, block, size)

    def _blame(self, path: str, data: bytes, present: bytes, block: Sequence[bytes], size: int) -> None:
        """Refuse, and name what was changed: a hash of an upper tile, or the entry, its copy in the bundle, or its hash.

        Raises: CorruptionError: always.
        """
        if not path.startswith(("tile/0/", "tile/entries/")):
            wrong = next((n for n in range(len(data) // HASH_BYTES) if _hash(data, n) != _hash(present, n)), 0)
            raise CorruptionError(f"`{self._folder.path}`: `{path}`: hash `{wrong}` was changed")
        start, width = size - len(block), len(block)
        tile = self._folder.read(tile_path(0, start // TILE_WIDTH, width)) or b""
        bundle = self._folder.read(entries_path(start // TILE_WIDTH, width)) or b""
        published = _entries(bundle)
        for place, entry in enumerate(block):
            copy = published[place] if place < len(published) else None
            hash_ = _hash(tile, place)
            if copy is not None and copy != entry and leaf_hash(copy) == hash_:
                raise CorruptionError(f"`{self._store.path}`: log entry `{start + place}` was changed")
            if path.startswith("tile/0/") and hash_ != leaf_hash(entry):
                raise CorruptionError(f"`{self._folder.path}`: `{path}`: the hash of entry `{start + place}` was changed")
            if path.startswith("tile/entries/") and copy != entry:
                raise CorruptionError(f"`{self._folder.path}`: `{path}`: entry `{start + place}` was changed")
        raise CorruptionError(f"`{self._folder.path}`: `{path}`: something was added to it")

    def _compare_narrower(self, path: str, data: bytes, block: Sequence[bytes]) -> None:
        """Compare what earlier checkpoints have left of a tile or bundle that is not yet full."""
        folder, _, width = path.rpartition("/")
        for name in self._folder.names(folder):
            if not name.isdecimal() or int(name) >= int(width):
                continue
            whole = data[: int(name) * HASH_BYTES]
            if path.startswith("tile/entries/"):
                whole = b"".join(len(entry).to_bytes(2, "big") + entry for entry in block[: int(name)])
            if self._folder.read(f"{folder}/{name}") != whole:
                raise CorruptionError(f"`{self._folder.path}`: `{folder}/{name}` was changed")

    async def _put_back(self, origin: str) -> None:
        """Write absent tiles and bundles: those that were lost, and those of a publication that was interrupted.

        The tree is rebuilt once more for this, since what was lost may not fit into memory.
        """
        log = LogWriter(origin)
        try:
            async for content in self._store.reader.entries():
                log.append(content)
                if log.size % TILE_WIDTH == 0:
                    self._restore(log.take_full_files())
                if log.size == self.signed_size:
                    self._restore(log.partial_files())
                    break
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _log.error("disk full: files that the published log has lost are not back")
        else:
            if self._lost:
                _log.warning("files that the published log had lost are back", files=self._lost)

    def _restore(self, files: Mapping[str, bytes]) -> None:
        self._folder.restore({path: data for path, data in files.items() if path in self._absent})


def _hash(tile: bytes, place: int) -> bytes:
    return tile[place * HASH_BYTES : (place + 1) * HASH_BYTES]


def _entries(bundle: bytes) -> list[bytes]:
    """Return the entries of a published bundle, as far as it can be decoded."""
    try:
        return split_bundle(bundle)
    except EntryBundleError:
        return []
