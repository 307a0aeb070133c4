"""The published log compared with the database at every start: lost files are restored, changed ones are reported.

The tree is rebuilt from the entries in the database, by the code that built it the first time, and each tile and bundle that
results is compared with the published one (``published_files``). It is continued from the right edge that the last good start has
kept: of what came before, the edge must lead to a head that was signed, and ``late_comparison`` does the rest while the gateway
runs. Where nothing is kept, or the folder has lost its checkpoint, all of it is compared at once. Nothing is signed where
anything was changed: the start fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Self

import msgspec

from gateway.audit.log.chain import Chain
from gateway.audit.log.checkpoint import Checkpoint
from gateway.audit.log.entries import Entry, EntryError
from gateway.audit.log.tiles import TILE_WIDTH, LogWriter, labels_path
from gateway.core.log import LogState
from gateway.durable.lost_files import LostFiles
from gateway.durable.published_files import PublishedFiles, is_lowest
from gateway.edge.publisher import Publisher
from gateway.edge.store.store import Store
from gateway.errors import CorruptionError


class ComparedLog(msgspec.Struct, frozen=True, array_like=True):
    """The right edge of a log whose files were compared, from which the next start continues.

    Attributes:
        size: Of whole tiles; 0: nothing was compared.
        edge: See ``LogWriter.edge``.
        policy: What the last entry names as in force.
        consent_head: The latest change of consent.
        latest_entry_ms: The latest time in it.
    """

    size: int = 0
    edge: tuple[bytes, ...] = ()
    policy: bytes = b""
    consent_head: int = 0
    latest_entry_ms: int = 0

    @classmethod
    def of(cls, log: LogState, tree: LogWriter) -> Self:
        """Return the edge of a log that consists of whole tiles."""
        policy, head = log.chain.policy, log.chain.consent_head
        assert policy is not None
        assert head is not None
        return cls(tree.size, tree.edge(), policy, head, log.latest_entry_ms)

    def writer(self, origin: str) -> LogWriter:
        """Return the tree up to here."""
        return LogWriter.resumed(origin, self.size, self.edge) if self.size else LogWriter(origin)

    def resume(self, log: LogState) -> LogWriter:
        """Enter what is known in the state's log, and return the tree up to here."""
        if self.size:
            log.known_until(Chain.at(self.size, self.policy, self.consent_head), self.latest_entry_ms)
        return self.writer(log.origin)


class LogRecovery:
    """Restores one log's tree from its entries.

    Attributes:
        signed_size: The size up to which the log has been signed: all files of that size are in the folder once ``grow`` is done,
            except those of before ``since`` that were lost.
        last_head: The note of the largest checkpoint that was signed, stored or published; empty where there is none.
        since: Where the comparison began; what comes before is left for later.
        compared: What is to be kept, once ``grow`` is done.
    """

    def __init__(self, store: Store, publisher: Publisher) -> None:
        """Take the open database, and the folders of the log."""
        self._store = store
        self._publisher = publisher
        self._files = PublishedFiles(store.path, publisher.log)
        self._heads: dict[int, Checkpoint] = {}
        self._published_size = 0
        self._every_label = False
        self.signed_size = 0
        self.last_head = b""
        self.since = self.compared = ComparedLog()

    async def grow(self, log: LogState, head: bytes | None, kept: bytes | None) -> None:
        """Build the log's tree from the entries, set it in the state, and compare the folder.

        Args:
            log: Receives the tree, its chain and its latest time.
            head: The note of the last stored head; None in a new database.
            kept: The encoded edge that the last good start has kept.
        Raises:
            CorruptionError: Entries, tiles and heads contradict each other; the message names what was changed.
            OSError: The disk fails.
        """
        self._know_heads(head)
        self._every_label = kept is not None
        if kept is not None:
            self._continue_from(msgspec.msgpack.decode(kept, type=ComparedLog))
        log.resume(await self._grow(log))
        if self._published_size > log.size:
            raise CorruptionError(
                f"the published log has `{self._published_size}` entries and the database `{log.size}`: "
                "an old state was restored; `sluice restore` brings a backup up to date with the log"
            )
        if self.signed_size > log.size:
            raise CorruptionError(f"`{self._store.path}`: log entry `{log.size}` is missing")
        lost = LostFiles(self._files.absent, self._published_size)
        if not await lost.put_back(self._publisher, self.since.writer(log.origin), self._entries(), self.signed_size):
            self.compared = self.since  # the next start tries again

    async def lost_files(self) -> dict[str, bytes]:
        """Return the labels files and policies that a checkpoint covers, or soon will, and that are missing from the folder.

        Where nothing was ever compared, of labels files only whether they are there: what they say takes longest and comes later.

        Raises: CorruptionError: one was changed.
        """
        files, reader, since = dict[str, bytes](), self._store.reader, self.since.size
        for index in await reader.label_indices(since):
            path = labels_path(index)
            if self._every_label or not self._publisher.log.has(path):
                labels = await reader.labels_of(index)
                if self._files.lacks_labels(index, labels):
                    files[path] = labels
        for row in await reader.policies(since):
            files |= self._files.lost_policies(row)
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

    def _continue_from(self, kept: ComparedLog) -> None:
        """Continue from what is kept, where every head comes after it and can prove it."""
        if self._published_size and kept.size <= min(self._heads):
            self.since = self.compared = kept

    def _entries(self) -> AsyncIterator[bytes]:
        return self._store.reader.entries(self.since.size)

    async def _grow(self, log: LogState) -> LogWriter:
        """Return the tree of all entries, each of which ``log`` then knows; ``block`` holds those of the tile under way."""
        tree, block = self.since.resume(log), list[bytes]()
        if tree.size in self._heads:
            self._compare_head(tree, block)
        async for content in self._entries():
            log.known(decoded(content, tree.size, self._store))
            tree.append(content)
            block.append(content)
            if tree.size % TILE_WIDTH == 0:
                if tree.size <= self.signed_size:
                    self._files.compare(tree.take_full_files(), block, tree.size)
                    self.compared = ComparedLog.of(log, tree)
                block.clear()
            if tree.size in self._heads:
                self._compare_head(tree, block)
        return tree

    def _compare_head(self, tree: LogWriter, block: Sequence[bytes]) -> None:
        """Compare the files of a size that was signed: those of the entries first, since they tell which entry was changed."""
        partial = tree.partial_files()
        lowest = {path: data for path, data in partial.items() if is_lowest(path)}
        self._files.compare(lowest, block, tree.size)
        if tree.root() != self._heads[tree.size].root:
            raise CorruptionError(
                f"`{self._store.path}`: its entries do not lead to the head of size `{tree.size}` that was signed"
            )
        self._files.compare(partial, block, tree.size)
        self._files.compare_narrower(partial, block)


async def keep_compared(store: Store, compared: ComparedLog) -> None:
    """Keep an edge for the next start; an empty one has it compare everything."""
    await store.keep_compared(compared.size, msgspec.msgpack.encode(compared))


def decoded(content: bytes, index: int, store: Store) -> Entry:
    """Return the entry at a log index.

    Raises: CorruptionError: it is none, or another one.
    """
    try:
        entry = Entry.decode(content)
    except EntryError as error:
        raise CorruptionError(f"`{store.path}`: log entry `{index}`: {error}") from error
    if entry.sequence != index:
        raise CorruptionError(f"`{store.path}`: log entry `{index}`: says that it is entry `{entry.sequence}`")
    return entry
