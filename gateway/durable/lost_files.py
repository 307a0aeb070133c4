"""Tiles and bundles that the published log's folder does not have, put back: lost ones, and those of an interrupted publication.

The tree is rebuilt once more for this, since what was lost may not fit into memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from gateway.audit.log.tiles import TILE_WIDTH, LogWriter
from gateway.edge.loggers import structlog
from gateway.edge.publisher import Publisher
from gateway.edge.store.disk_space import NO_ROOM

_log = structlog.get_logger()


class LostFiles:
    """What one comparison has found absent."""

    def __init__(self, absent: Mapping[str, int], published_size: int) -> None:
        """Take the absent files, each with the size of the log that first has it, and the size that was published."""
        self._absent = absent
        self._lost = sum(size <= published_size for size in absent.values())

    async def put_back(self, publisher: Publisher, log: LogWriter, entries: AsyncIterator[bytes], size: int) -> bool:
        """Write them.

        Args:
            log: The tree before the entries.
            size: Of the log, where its last tiles are those of a partial one.
        Returns: False where the disk has no room for them.
        Raises: OSError: the disk fails.
        """
        if not self._absent:
            return True
        try:
            async for content in entries:
                log.append(content)
                if log.size % TILE_WIDTH == 0:
                    await self._write(publisher, log.take_full_files())
                if log.size == size:
                    await self._write(publisher, log.partial_files())
                    break
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _log.error("disk full: files that the published log has lost are not back")
            return False
        if self._lost:
            _log.warning("files that the published log had lost are back", files=self._lost)
        return True

    async def _write(self, publisher: Publisher, files: Mapping[str, bytes]) -> None:
        absent = {path: data for path, data in files.items() if path in self._absent}
        if absent:
            await asyncio.to_thread(publisher.put_back, absent)
