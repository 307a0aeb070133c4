"""The rest of the published log compared while the gateway runs: what lies before the edge from which its start has continued.

Every tile, bundle, labels file and policy set is compared as at a start (``published_files``), some at a time in another thread
and with pauses, so that neither readings nor requests wait for it. Lost files are put back once all of it is found to be as it
was signed. What was changed ends the run, and the next start compares everything before it signs anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from gateway.audit.log.chain import Chain
from gateway.audit.log.tiles import TILE_WIDTH, LogWriter, labels_path
from gateway.durable.log_recovery import ComparedLog, decoded, keep_compared
from gateway.durable.lost_files import LostFiles
from gateway.durable.published_files import PublishedFiles
from gateway.edge.loggers import structlog
from gateway.edge.publisher import Publisher
from gateway.edge.store.disk_space import NO_ROOM
from gateway.edge.store.store import Store
from gateway.errors import CorruptionError

LABELS_AT_ONCE = 100
REST_RATIO = 3.0
"""So many times as long as it has worked it rests: it has a quarter of a core at most."""

_log = structlog.get_logger()


class LateComparison:
    """What one start has left."""

    def __init__(self, store: Store, publisher: Publisher, origin: str, until: ComparedLog, labels_until: int) -> None:
        """Take what there is, and how far to go.

        Args:
            store: The open database.
            publisher: With the log's folders.
            origin: The log's name.
            until: The edge from which the start has continued.
            labels_until: The log index before which labels files are compared.
        """
        self._store = store
        self._publisher = publisher
        self._until = until
        self._labels_until = labels_until
        self._files = PublishedFiles(store.path, publisher.log)
        self._tree = LogWriter(origin)
        self._chain = Chain()
        self._latest_ms = 0

    async def run(self) -> None:
        """Compare all of it.

        Raises:
            CorruptionError: Something was changed; the message names it.
            OSError: The disk fails.
        """
        try:
            if self._until.size:
                await self._entries()
            await self._others()
        except CorruptionError:
            await keep_compared(self._store, ComparedLog())
            raise
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _log.error("disk full: files that the published log has lost are not back")
            return
        size = self._until.size
        lost = LostFiles(self._files.absent, size)
        back = await lost.put_back(self._publisher, LogWriter(self._tree.origin), self._store.reader.entries(), size)
        if back and size:
            _log.info("the published log is what the database says, from its beginning", log_entries=self._labels_until)

    async def _entries(self) -> None:
        block: list[bytes] = []
        async for content in self._store.reader.entries():
            block.append(content)
            if len(block) == TILE_WIDTH:
                await _gently(partial(self._take, block))
                block = []
                if self._tree.size == self._until.size:
                    break
        policy, consent_head = self._chain.policy, self._chain.consent_head
        assert policy is not None
        assert consent_head is not None
        if ComparedLog(self._tree.size, self._tree.edge(), policy, consent_head, self._latest_ms) != self._until:
            raise CorruptionError(f"`{self._store.path}`: its first `{self._until.size}` entries do not lead to what was signed")

    def _take(self, block: Sequence[bytes]) -> None:
        """Compare the files that the next tile's worth of entries completes."""
        for content in block:
            entry = decoded(content, self._tree.size, self._store)
            self._chain.advance(entry)
            self._latest_ms = max(self._latest_ms, entry.time_ms)
            self._tree.append(content)
        self._files.compare(self._tree.take_full_files(), block, self._tree.size)

    async def _others(self) -> None:
        """Compare labels files and policies, and put back those that were lost: they are bound to entries that were compared."""
        rows: list[tuple[int, bytes]] = []
        async for row in self._store.reader.each_labels():
            if row[0] >= self._labels_until:
                break
            rows.append(row)
            if len(rows) == LABELS_AT_ONCE:
                await _gently(partial(self._take_labels, rows))
                rows = []
        await _gently(partial(self._take_labels, rows))
        for policies in await self._store.reader.policies(0):
            await _gently(partial(self._take_policies, policies))

    def _take_labels(self, rows: list[tuple[int, bytes]]) -> None:
        self._publisher.put_back({labels_path(index): data for index, data in rows if self._files.lacks_labels(index, data)})

    def _take_policies(self, row: bytes) -> None:
        self._publisher.put_back(self._files.lost_policies(row))


async def _gently(work: Callable[[], None]) -> None:
    """Do work in another thread, and rest after it."""
    began_s = time.monotonic()
    await asyncio.to_thread(work)
    await asyncio.sleep(REST_RATIO * (time.monotonic() - began_s))
