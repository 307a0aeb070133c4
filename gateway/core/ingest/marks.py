"""Redelivery marks: the frames that were committed last, so that a redelivery by the broker changes nothing.

A broker that has not received our acknowledgement sends the frame again on the next connection, under the same packet id. Ids
are 16 bits, and the newest frame of an id counts, so more marks than there are ids are never needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from struct import Struct

DIGEST_BYTES = 8
"""So much of the SHA-256 of topic and payload. A sender that makes two of its own messages agree in them loses one of the two."""
MARK_BYTES = 2 + DIGEST_BYTES
"""A packet id in two bytes, and the digest."""

MOST_MARKS = 65_535
"""As many as there are packet ids."""

_BEGINS = b"\x01"
"""Of a batch's marks: their length is odd, where that of marks with whole digests, as earlier versions stored them, is even."""
_WHOLE_BYTES = 34

mark_of = Struct(f">H{DIGEST_BYTES}s").pack
"""``mark_of(packet_id, digest)``: a frame's mark, of the digest as much as is stored."""


def pack(marks: Iterable[bytes], before: bytes = b"") -> bytes:
    """Return marks as they are stored, behind others that are packed already."""
    return (before or _BEGINS) + b"".join(marks)


def _shortened(blob: bytes) -> bytes:
    """Return marks as ``pack`` makes them, of marks with whole digests too."""
    if len(blob) % 2:
        return blob
    return pack(blob[at : at + MARK_BYTES] for at in range(0, len(blob), _WHOLE_BYTES))


class Marks:
    """The newest marks, one blob for each batch, as stored."""

    __slots__ = ("_blobs", "_bytes")

    def __init__(self, blobs: Iterable[bytes] = ()) -> None:
        """Continue from what ``state`` returned."""
        self._blobs: deque[bytes] = deque()
        self._bytes = 0
        for blob in blobs:
            self.add(blob)

    def add(self, blob: bytes) -> None:
        """Add a batch's marks, and drop the oldest batches that no broker can send again."""
        blob = _shortened(blob)
        self._blobs.append(blob)
        self._bytes += len(blob)
        while self._bytes - len(self._blobs[0]) > MOST_MARKS * MARK_BYTES:
            self._bytes -= len(self._blobs.popleft())

    def clear(self) -> None:
        """Drop all marks: the broker has dropped the session."""
        self._blobs.clear()
        self._bytes = 0

    def digests(self) -> dict[int, bytes]:
        """Return the digest of the newest frame of each packet id."""
        return {
            int.from_bytes(blob[at : at + 2], "big"): blob[at + 2 : at + MARK_BYTES]
            for blob in self._blobs
            for at in range(len(_BEGINS), len(blob), MARK_BYTES)
        }

    def state(self) -> list[bytes]:
        """Return the blobs, oldest first."""
        return list(self._blobs)
