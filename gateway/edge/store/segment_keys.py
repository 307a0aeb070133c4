"""The keys that seal journal segments and outbox rows: one for each segment, random, wrapped by the state key.

What is sealed under a destroyed key is gone. The store's writer begins segments and destroys keys; its reader opens rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from gateway.edge.keys.keyring import GatewayKeys
from gateway.edge.keys.sealing import Sealer


def row_key(number: int) -> bytes:
    """Return a row number as the bytes that a sealed row is bound to."""
    return number.to_bytes(8, "big")


class SegmentKeys:
    """The segment keys that are still needed.

    Attributes:
        segment: Number of the open journal segment.
        sealers: By segment: the open one's, and those that outbox rows may still need.
    """

    def __init__(self, keys: GatewayKeys) -> None:
        """Begin with no segment; ``know`` adds those that are stored."""
        self._keys = keys
        self.segment = 0
        self.sealers: dict[int, Sealer] = {}

    @property
    def open_sealer(self) -> Sealer:
        """Return the open segment's sealer."""
        return self.sealers[self.segment]

    def know(self, number: int, wrapped: bytes) -> None:
        """Add a stored segment's key."""
        self.sealers[number] = Sealer(self._keys.sealer.open("sealing_key", row_key(number), wrapped))
        self.segment = max(self.segment, number)

    def begin(self) -> bytes:
        """Begin a segment under a new random key; return the key, wrapped."""
        self.segment += 1
        key = os.urandom(32)
        self.sealers[self.segment] = Sealer(key)
        return self._keys.sealer.seal("sealing_key", row_key(self.segment), key)

    def forget_before(self, segment: int) -> None:
        """Drop the keys of all segments before one, once no row needs them."""
        self.sealers = {number: sealer for number, sealer in self.sealers.items() if number >= segment}

    def opened(self, number: int, segment: int, sealed: bytes) -> bytes:
        """Return the content of an outbox row."""
        return self.sealers[segment].open("outbox", row_key(number), sealed)

    def resealed(self, rows: Iterable[tuple[int, int, bytes]]) -> list[tuple[int, bytes, int]]:
        """Reseal outbox rows under the open segment's key.

        Args:
            rows: (number, segment whose key seals it, sealed content).
        Returns: (open segment, sealed content, number) of each.
        """
        return [
            (self.segment, self.open_sealer.seal("outbox", row_key(number), self.opened(number, segment, sealed)), number)
            for number, segment, sealed in rows
        ]
