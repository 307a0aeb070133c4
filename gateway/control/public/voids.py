"""Which entry has voided which release: read of the log once, when it is first asked, and then what has come since."""

from __future__ import annotations

import asyncio

from gateway.audit.log.earlier_payloads import decode_void
from gateway.audit.log.openings import Opening
from gateway.edge.store.reading import StoreReader


class VoidsRead:
    """The voids of one log.

    Attributes:
        reading: Held by the one who reads of the log for the public: the others wait their turn, and commits do not.
    """

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.reading = asyncio.Lock()
        self._voids: dict[int, int] = {}  # log index of a release → of the entry that voided it
        self._until = 0

    async def void_of(self, release: int, reader: StoreReader, published: int) -> int | None:
        """Return the log index of the entry that voided a release, among the first ``published``; None where none has."""
        if published > self._until:
            openings = await reader.voids(self._until)
            self._voids.update(await asyncio.to_thread(_voided, openings))
            self._until = published
        index = self._voids.get(release)
        return None if index is None or index >= published else index


def _voided(openings: list[bytes]) -> dict[int, int]:
    read = [Opening.decode(opening) for opening in openings]
    return {decode_void(opening.first).release: opening.index for opening in read if opening.first is not None}
