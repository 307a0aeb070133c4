"""Messages that were received and await their acknowledgement, in the order of arrival, which MQTT wants for the answers too.

Frames are acknowledged by their owner, once committed; the session's own markers among them by the session, each in its turn.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_PUBACK = 0x40020000


class Unacknowledged:
    """The packet identifiers of one connection's messages.

    Attributes:
        packet_ids: Oldest first; a marker's is negative, so that one list keeps the order of both. ``inbound`` adds frames to it.
    """

    __slots__ = ("_own", "packet_ids")

    def __init__(self) -> None:
        self.packet_ids: list[int] = []
        self._own = 0

    def __len__(self) -> int:
        """Return how many messages await their acknowledgement, markers among them."""
        return len(self.packet_ids)

    @property
    def frames(self) -> int:
        """How many of them the owner has yet to acknowledge."""
        return len(self.packet_ids) - self._own

    def add_marker(self, packet_id: int) -> None:
        """Add a marker."""
        self.packet_ids.append(-packet_id)
        self._own += 1

    def acknowledge(self, packet_ids: Sequence[int]) -> bytes:
        """Return the PUBACKs for the oldest frames, and for markers whose turn has come.

        Args:
            packet_ids: Identifiers of frames in order of arrival; zeros (QoS 0) are skipped.

        Raises:
            ValueError: They are not the oldest ones, in order: the caller's record is wrong.
        """
        wanted = [packet_id for packet_id in packet_ids if packet_id]
        done = self._oldest_with_markers(len(wanted)) if self._own else self.packet_ids[: len(wanted)]
        frames = [packet_id for packet_id in done if packet_id > 0] if self._own else done
        if frames != wanted:
            raise ValueError("frames acknowledged out of order")
        del self.packet_ids[: len(done)]
        self._own -= len(done) - len(frames)
        return _pubacks(done) + self.acknowledge_markers()

    def acknowledge_markers(self) -> bytes:
        """Return the PUBACKs of markers before which no frame is left."""
        if not self._own:
            return b""
        waiting, count = self.packet_ids, 0
        while count < len(waiting) and waiting[count] < 0:
            count += 1
        done = waiting[:count]
        del waiting[:count]
        self._own -= count
        return _pubacks(done)

    def _oldest_with_markers(self, wanted: int) -> list[int]:
        """Return the shortest prefix that holds as many frames as wanted, and the markers among them."""
        frames = 0
        for count, packet_id in enumerate(self.packet_ids):
            if frames == wanted:
                return self.packet_ids[:count]
            frames += packet_id > 0
        return self.packet_ids[:]


def _pubacks(packet_ids: list[int]) -> bytes:
    """Encode PUBACKs of reason 0 in one go, four bytes each."""
    return struct.pack(f">{len(packet_ids)}I", *[_PUBACK | abs(packet_id) for packet_id in packet_ids])
